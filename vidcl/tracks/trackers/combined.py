"""Flow, correlation filter and outline together."""

import numpy as np

from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.trackers.base import Moved
from vidcl.tracks.trackers.correlation import CorrelationFilters
from vidcl.tracks.trackers.extent import pull_to_extent
from vidcl.tracks.trackers.flow_step import flow_step

#: Where the outline of a moving thing is certain, the filter's say is reduced by this share: its
#: template lags behind a thing that turns.
OUTLINE_FIRST = 0.8


class FlowCorrelationTracker:
    """Flow predicts; a correlation filter corrects the place and the outline of what moves the
    size, each as far as it is confident."""

    needs_flow = True

    def __init__(self) -> None:
        self._filters = CorrelationFilters()
        self._trust = np.zeros(0)  # in the outline, as of the frame before

    def add(self, scene: Scene, boxes: np.ndarray) -> None:
        self._filters.add(scene.picture, boxes)
        self._trust = np.concatenate([self._trust, np.zeros(len(boxes))])

    def keep(self, rows: np.ndarray) -> None:
        self._filters.keep(rows)
        self._trust = self._trust[rows]

    def step(self, scene: Scene, boxes: np.ndarray) -> Moved:
        predicted, error = flow_step(scene, boxes)
        shifts = self._filters.shifts(scene.picture, predicted)
        shifts *= (1.0 - OUTLINE_FIRST * self._trust)[:, None]
        pulled, self._trust = pull_to_extent(scene, predicted + np.tile(shifts, 2))
        self._filters.learn(scene.picture, pulled)
        return Moved(pulled, error, np.ones(len(boxes)))
