"""Dense flow alone."""

import numpy as np

from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.trackers.base import Moved, Stateless
from vidcl.tracks.trackers.flow_step import flow_step


class FlowTracker(Stateless):
    """Cheap and smooth, but it drifts where things turn or deform."""

    needs_flow = True

    def step(self, scene: Scene, boxes: np.ndarray) -> Moved:
        moved, error = flow_step(scene, boxes)
        return Moved(moved, error, np.ones(len(boxes)))
