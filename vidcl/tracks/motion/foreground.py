"""What moves against the camera, gathered over several frames."""

import cv2
import numpy as np

from vidcl.tracks.motion.flow import affine_flow, warp_by_flow

#: How much of the belief survives a frame, and how much one frame adds at most.
MEMORY = 0.75
GAIN = 0.5
#: A background that explains the picture counts so much against a pixel.
EXPLAINED = 0.8
#: A pixel counts as foreground from this belief on.
THRESHOLD = 0.4


class Foreground:
    """Belief in [-1, 1] that a pixel of the current frame belongs to something that moves.

    Two observations per frame. Flow that differs from the camera's marks what moves, but its edges
    are a patch wide; the difference to the frame before with the camera's motion undone has sharp
    edges, but is weak inside smooth surfaces. A pixel gains belief where both agree and loses it
    where the background explains the picture. The belief moves along with the flow, so parts of a
    turning thing that stand still for a moment are kept. (Comparing with frames further back was
    measured worse: it also marks where a thing was.)
    """

    def __init__(self, picture: np.ndarray) -> None:
        """Begin a shot with its first working picture, uint8 [H, W, 3]."""
        self._before = _with_alpha(picture)
        self.belief = np.zeros(picture.shape[:2], np.float32)
        self.frames = 0

    def update(self, picture: np.ndarray, backward: np.ndarray, camera: np.ndarray) -> None:
        """Take in one frame.

        Args:
            picture: uint8 [H, W, 3].
            backward: flow from this frame to the one before, float32 [H, W, 2].
            camera: the camera's part of it, float64 [2, 3].
        """
        height, width = picture.shape[:2]
        own_x, own_y = cv2.split(backward - affine_flow(camera, height, width))
        speed = np.sqrt(own_x * own_x + own_y * own_y)
        floor = 0.25 + 0.04 * float(np.hypot(camera[0, 2], camera[1, 2]))
        moving = _excess(speed, floor)

        now = _with_alpha(picture)
        still = cv2.warpAffine(
            self._before,
            camera,
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        red, green, blue, _ = cv2.split(cv2.absdiff(now, still))
        gap = cv2.blur(cv2.max(cv2.max(red, green), blue).astype(np.float32), (3, 3))
        noise = 6.0 + 1.5 * float(np.median(gap[::2, ::2]))
        changed = _excess(gap, noise)

        evidence = EXPLAINED * changed  # stays where the background explains the picture
        cv2.copyTo(0.3 * moving, _positive(changed), evidence)  # and this where only it does not
        agreed = cv2.min(moving, changed)
        cv2.copyTo(agreed, _positive(agreed), evidence)
        belief = MEMORY * warp_by_flow(self.belief, backward)
        belief += GAIN * evidence
        self.belief = np.clip(belief, -1.0, 1.0)
        self._before = now
        self.frames += 1

    def mask(self) -> np.ndarray:
        """uint8 [H, W], 1 where something moves; small holes closed and specks removed."""
        binary: np.ndarray = (self.belief > THRESHOLD).astype(np.uint8)
        binary = cv2.morphologyEx(binary, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        return cv2.morphologyEx(binary, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))


def _excess(values: np.ndarray, usual: float) -> np.ndarray:
    """How far values >= 0 exceed the usual one, as a share of it, at most 1."""
    out = values / usual
    out -= 1.0
    return np.minimum(out, 1.0, out=out)


def _positive(values: np.ndarray) -> np.ndarray:
    """Where values are above 0, as OpenCV's masks are: uint8, not 0."""
    return (values > 0).view(np.uint8)


def _with_alpha(picture: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3] as [H, W, 4]: OpenCV warps four channels twice as fast as three."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA)
