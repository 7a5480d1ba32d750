"""OpenCV's single-object trackers, one per region: the yardsticks of the benchmark."""

from collections.abc import Callable
from typing import Any, Literal

import cv2
import numpy as np

from vidcl.tracks.boxes import clip_boxes
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.trackers.base import Moved

OpenCVName = Literal["kcf", "csrt", "mosse", "medianflow"]

#: What makes a tracker of each name.
_CREATE: dict[OpenCVName, Callable[[], Any]] = {
    "kcf": cv2.TrackerKCF.create,
    "csrt": cv2.TrackerCSRT.create,
    "mosse": cv2.legacy.TrackerMOSSE.create,
    "medianflow": cv2.legacy.TrackerMedianFlow.create,
}
#: Those that use colour; the others turn any picture grey, so they get it grey at once.
_COLOURED = ("kcf", "csrt")
#: Those whose boxes are whole pixels.
_WHOLE = ("kcf", "csrt")
#: Shortest side in source pixels, inside the picture, that is handed to native code.
_MIN_SIDE = 2.0


class OpenCVTracker:
    """KCF (Henriques et al. 2015), CSRT (Lukezic et al. 2017), MOSSE (Bolme et al. 2010) or
    MedianFlow (Kalal et al. 2010) as OpenCV has them, on the full-size frame.

    Each region has a tracker object of its own, which remembers its box: ``step`` goes on from
    there, not from the boxes it is given. A tracker that reports failure leaves its region where
    it was with confidence 0, and is asked again in the next frame. A region is lost for good, with
    confidence 0, where its first box or an answer has NaN or less than 2 x 2 source pixels inside
    the picture, or where OpenCV throws ``cv2.error``, as it does on some boxes at the rim.
    """

    needs_flow = False

    def __init__(self, name: OpenCVName) -> None:
        self._name = name
        self._trackers: list[Any] = []  # None where the region is lost

    def add(self, scene: Scene, boxes: np.ndarray) -> None:
        picture = self._picture(scene)
        usable = _usable(scene, boxes)
        for box, good in zip(scene.to_source(boxes), usable, strict=True):
            self._trackers.append(self._begin(picture, box) if good else None)

    def keep(self, rows: np.ndarray) -> None:
        self._trackers = [self._trackers[row] for row in rows]

    def step(self, scene: Scene, boxes: np.ndarray) -> Moved:
        picture = self._picture(scene)
        out, confidence = boxes.copy(), np.zeros(len(boxes))
        for k, tracker in enumerate(self._trackers):
            if tracker is None:
                continue
            try:
                found, rectangle = tracker.update(picture)
            except cv2.error:
                self._trackers[k] = None
                continue
            if not found:
                continue
            x, y, width, height = rectangle
            moved = scene.to_working(np.array([[x, y, x + width, y + height]], dtype=np.float64))
            if _usable(scene, moved)[0]:
                out[k], confidence[k] = moved[0], 1.0
            else:
                self._trackers[k] = None
        return Moved(out, np.zeros(len(boxes)), confidence)

    def _picture(self, scene: Scene) -> np.ndarray:
        coloured = self._name in _COLOURED
        return cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR if coloured else cv2.COLOR_RGB2GRAY)

    def _begin(self, picture: np.ndarray, box: np.ndarray) -> Any:
        """A tracker that starts on ``box`` [4] (source pixels), or None where OpenCV refuses."""
        x0, y0, x1, y1 = (float(value) for value in box)
        if self._name in _WHOLE:
            x0, y0, x1, y1 = (round(value) for value in (x0, y0, x1, y1))
        tracker = _CREATE[self._name]()
        try:
            done = tracker.init(picture, (x0, y0, x1 - x0, y1 - y0))
        except cv2.error:
            return None
        return None if done is False else tracker  # the newer interface returns nothing


def _usable(scene: Scene, boxes: np.ndarray) -> np.ndarray:
    """Which boxes (working pixels) may be handed to native code, bool [N]."""
    source = scene.to_source(boxes)
    height, width = scene.image.shape[:2]
    inside = clip_boxes(source, width, height)
    with np.errstate(invalid="ignore"):
        return np.isfinite(source).all(axis=1) & (
            (inside[:, 2:] - inside[:, :2]).min(axis=1) >= _MIN_SIDE
        )
