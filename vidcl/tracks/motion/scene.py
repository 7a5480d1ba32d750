"""One frame as the trackers and proposers see it: small, with flow, camera and foreground."""

import cv2
import numpy as np

from vidcl.tracks.motion.flow import DenseFlow, camera_motion
from vidcl.tracks.motion.foreground import Foreground

#: Pictures narrower than this have no usable flow; their copy is enlarged to it.
_SMALLEST = 32


class Scene:
    """The current frame of a shot at working size.

    Attributes:
        image: uint8 [H, W, 3], the frame as it came.
        picture: uint8 [h, w, 3].
        grey: uint8 [h, w].
        scale: float64 [2], working pixels per source pixel along x and y.
        forward, backward: flow from the frame before to this one and back, float32 [h, w, 2];
            None on the first frame of a shot, or where flow was not asked for.
        mask: uint8 [h, w], what moves against the camera; zeros before there is flow.
        foreground: the belief behind the mask.
    """

    def __init__(self, working_side: int, with_flow: bool) -> None:
        self._side = working_side
        self._with_flow = with_flow
        self._solver = DenseFlow() if with_flow else None
        self._fresh = True
        self.grey: np.ndarray = np.zeros((0, 0), np.uint8)
        self.forward: np.ndarray | None = None
        self.backward: np.ndarray | None = None

    def reset(self) -> None:
        """The next frame begins a shot."""
        self._fresh = True

    def advance(self, image: np.ndarray) -> None:
        """Take in the next frame, uint8 [H, W, 3]."""
        self.image = image
        height, width = image.shape[:2]
        share = min(1.0, self._side / min(height, width))
        w, h = max(_SMALLEST, round(width * share)), max(_SMALLEST, round(height * share))
        self.picture = (
            image
            if (h, w) == (height, width)
            else cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA)
        )
        self.scale = np.array([w / width, h / height])
        self.size = (w, h)
        before = None if self._fresh else self.grey
        self.grey = cv2.cvtColor(self.picture, cv2.COLOR_RGB2GRAY)
        self._fresh = False
        if before is None or self._solver is None:
            self.forward = self.backward = None
            self.foreground = Foreground(self.picture)
            self.mask = np.zeros((h, w), np.uint8)
            return
        self.forward = self._solver(before, self.grey)
        self.backward = self._solver(self.grey, before)
        camera = camera_motion(self.backward)
        self.foreground.update(self.picture, self.backward, camera)
        self.mask = self.foreground.mask()

    def to_source(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes [N, 4] in working pixels as source pixels."""
        return boxes / np.tile(self.scale, 2)

    def to_working(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes [N, 4] in source pixels as working pixels."""
        return boxes * np.tile(self.scale, 2)
