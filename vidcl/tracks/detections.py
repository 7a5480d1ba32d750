"""Boxes without identities, as a detector gives them: places to start from, frame by frame."""

from dataclasses import dataclass

import numpy as np

#: A box counts for the followed frame nearest to it in time, at most so many seconds away: things
#: move.
MAX_REACH = 0.1
#: Seconds around the first followed frame, while the distance between frames is unknown.
FIRST_REACH = 0.02


@dataclass(frozen=True)
class Detections:
    """Boxes of single moments.

    Attributes:
        times: float64 [N], seconds, ascending.
        boxes: float64 [N, 4], xyxy in pixels; those of one time best first.
    """

    times: np.ndarray
    boxes: np.ndarray

    def __len__(self) -> int:
        return len(self.times)

    def near(self, time: float, reach: float) -> np.ndarray:
        """Boxes float64 [K, 4] of the one time nearest to ``time``, best first; none where that is
        more than ``reach`` seconds away."""
        after = int(np.searchsorted(self.times, time))
        candidates = self.times[max(after - 1, 0) : after + 1]
        if not len(candidates):
            return self.boxes[:0]
        nearest = candidates[np.abs(candidates - time).argmin()]
        if abs(nearest - time) > reach:
            return self.boxes[:0]
        first, end = np.searchsorted(self.times, [nearest, nearest + 1e-6])
        return self.boxes[first:end]


NO_DETECTIONS = Detections(np.zeros(0), np.zeros((0, 4)))


def make_detections(times: np.ndarray, boxes: np.ndarray, scores: np.ndarray) -> Detections:
    """Detections from rows in any order: float64 [N] seconds, [N, 4] boxes, [N] scores (higher is
    better; the earlier row of equals)."""
    order = np.lexsort((-scores, times))
    return Detections(times[order], boxes[order].reshape(-1, 4))


class DetectionFeed:
    """Hands detections to the followed frames they belong to, but not in every frame: a thing that
    a tracker has just lost should not begin again at once."""

    def __init__(self, detections: Detections, every: int) -> None:
        """After a frame that had detections, those of ``every`` - 1 frames are passed over."""
        self._detections = detections
        self._every = every
        self._before: float | None = None
        self._wait = 0

    def reset(self) -> None:
        """A new shot begins: there is nothing to wait for."""
        self._wait = 0

    def take(self, time: float) -> np.ndarray:
        """Boxes float64 [K, 4], pixels of the file, best first, for the followed frame at ``time``
        seconds; frames come in order."""
        reach = FIRST_REACH if self._before is None else min(MAX_REACH, (time - self._before) / 2)
        self._before = time
        self._wait = max(0, self._wait - 1)
        if self._wait:
            return self._detections.boxes[:0]
        found = self._detections.near(time, reach + 1e-4)
        if len(found):
            self._wait = self._every
        return found
