"""Shot cuts, found while frames stream by."""

from collections import deque

import cv2
import numpy as np

#: A cut changes the colours (histogram distance, 0 to 1) and the layout (mean absolute difference
#: of thumbnails, 0 to 1) of the picture ...
MIN_COLOUR = 0.25
MIN_LAYOUT = 0.05
#: ... far more than the frames before it changed.
COLOUR_RATIO = 3.0
LAYOUT_RATIO = 2.0
#: Between shots of like colours the layout alone must jump, and by more.
ALIKE_COLOUR = 0.08
ALIKE_LAYOUT = 0.15
ALIKE_RATIO = 7.0
#: Either one alone is enough from here on.
SURE_COLOUR = 0.6
SURE_LAYOUT = 0.3

_SMALL = (48, 27)


class ShotCuts:
    """``cut = ShotCuts()(image)`` for each frame in turn; True on the first frame of a shot
    (save the very first).

    Two frames are compared by the Hellinger distance of their colour histograms and by the
    difference of their thumbnails, both against the recent level of the shot: fast motion raises
    the level, so only a jump above it counts.
    """

    def __init__(self) -> None:
        self._histogram: np.ndarray | None = None
        self._small: np.ndarray | None = None
        self._recent: deque[tuple[float, float]] = deque(maxlen=12)

    def __call__(self, image: np.ndarray) -> bool:
        """``image``: uint8 [H, W, 3], any size, the same for all frames."""
        small = cv2.resize(image, _SMALL, interpolation=cv2.INTER_AREA)
        histogram = colour_histogram(small)
        before, before_small = self._histogram, self._small
        self._histogram, self._small = histogram, small
        if before is None or before_small is None:
            return False
        colour = hellinger(before, histogram)
        layout = float(cv2.absdiff(before_small, small).mean()) / 255
        usual_colour, usual_layout = self._level()
        is_cut = (
            (
                colour > max(MIN_COLOUR, COLOUR_RATIO * usual_colour)
                and layout > max(MIN_LAYOUT, LAYOUT_RATIO * usual_layout)
            )
            or (
                colour > ALIKE_COLOUR
                and layout > max(ALIKE_LAYOUT, ALIKE_RATIO * usual_layout)
                and len(self._recent) >= 3
            )
            or (colour > SURE_COLOUR and colour > 1.5 * usual_colour)
            or (layout > SURE_LAYOUT and layout > 1.5 * usual_layout)
        )
        if is_cut:
            self._recent.clear()
        else:
            self._recent.append((colour, layout))
        return is_cut

    def _level(self) -> tuple[float, float]:
        if not self._recent:
            return 0.0, 0.0
        colour, layout = np.median(np.array(self._recent), axis=0)
        return float(colour), float(layout)


def colour_histogram(image: np.ndarray) -> np.ndarray:
    """Joint RGB histogram of uint8 [H, W, 3] with 6 bins per channel, float32 [216], sum 1,
    smoothed so that a small change of brightness moves little of it."""
    counts = cv2.calcHist([image], [0, 1, 2], None, [6, 6, 6], [0, 256, 0, 256, 0, 256])
    for axis in range(3):
        shape = np.moveaxis(counts, axis, 0)
        smooth = 0.5 * shape
        smooth[1:] += 0.25 * shape[:-1]
        smooth[:-1] += 0.25 * shape[1:]
        counts = np.moveaxis(smooth, 0, axis)
    return (counts / counts.sum()).ravel()


def hellinger(first: np.ndarray, second: np.ndarray) -> float:
    """Hellinger distance of two histograms of sum 1, in [0, 1]."""
    return float(np.sqrt(max(0.0, 1.0 - np.sqrt(first * second).sum())))
