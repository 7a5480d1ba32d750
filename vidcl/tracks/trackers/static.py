"""Boxes that do not move."""

import numpy as np

from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.trackers.base import Moved, Stateless


class StaticTracker(Stateless):
    """The control that shows what following is worth."""

    needs_flow = False

    def step(self, scene: Scene, boxes: np.ndarray) -> Moved:
        return Moved(boxes.copy(), np.zeros(len(boxes)), np.ones(len(boxes)))
