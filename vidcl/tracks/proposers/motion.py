"""What moves against the camera."""

import numpy as np

from vidcl.tracks.boxes import iou
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.proposers.base import Proposed
from vidcl.tracks.proposers.parts import moving_parts

#: A moving region must have been seen so many frames in a row ...
SIGHTINGS = 3
#: ... at about the same place.
SAME_PLACE = 0.8


class MotionProposer:
    """Connected parts of the moving foreground that stay for a few frames."""

    needs_flow = True

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._boxes = np.zeros((0, 4))
        self._scores = np.zeros(0)
        self._seen = np.zeros(0, dtype=np.int64)

    def look(self, scene: Scene) -> None:
        boxes, scores = moving_parts(scene)
        seen = np.ones(len(boxes), dtype=np.int64)
        if len(boxes) and len(self._boxes):
            overlap = iou(boxes, self._boxes)
            match = overlap.argmax(axis=1)
            same = overlap.max(axis=1) >= SAME_PLACE
            seen += np.where(same, self._seen[match], 0)
        self._boxes, self._scores, self._seen = boxes, scores, seen

    def propose(self, scene: Scene) -> Proposed:
        steady = self._seen >= SIGHTINGS
        order = np.argsort(-self._scores[steady], kind="stable")
        return Proposed(self._boxes[steady][order], self._scores[steady][order])
