"""The trackers: a batch of boxes in, the same boxes one frame later out."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from vidcl.tracks.config import FollowerName
from vidcl.tracks.correlation import CorrelationFilters
from vidcl.tracks.extent import pull_to_extent
from vidcl.tracks.flow_step import flow_step
from vidcl.tracks.scene import Scene

#: Where the outline of a moving thing is certain, the filter's say is reduced by this share: its
#: template lags behind a thing that turns.
OUTLINE_FIRST = 0.8


@dataclass(frozen=True)
class Moved:
    """Where regions are now: boxes float64 [N, 4] in working pixels, and the forward-backward
    error float64 [N] as a share of each region's size (0 for trackers that have none)."""

    boxes: np.ndarray
    error: np.ndarray


class Follower(Protocol):
    """Moves all regions of a shot; it may keep state per region, in the order of the regions."""

    needs_flow: bool

    def add(self, scene: Scene, boxes: np.ndarray) -> None:
        """Begin to follow more regions in the current frame, float64 [N, 4]."""

    def keep(self, rows: np.ndarray) -> None:
        """Forget all regions but ``rows`` (indices)."""

    def step(self, scene: Scene, boxes: np.ndarray) -> Moved:
        """The boxes of the frame before, in the current frame."""


class StaticFollower:
    """Boxes that do not move: the control that shows what following is worth."""

    needs_flow = False

    def add(self, scene: Scene, boxes: np.ndarray) -> None:
        pass

    def keep(self, rows: np.ndarray) -> None:
        pass

    def step(self, scene: Scene, boxes: np.ndarray) -> Moved:
        return Moved(boxes.copy(), np.zeros(len(boxes)))


class FlowFollower:
    """Dense flow alone: cheap and smooth, but it drifts where things turn or deform."""

    needs_flow = True

    def add(self, scene: Scene, boxes: np.ndarray) -> None:
        pass

    def keep(self, rows: np.ndarray) -> None:
        pass

    def step(self, scene: Scene, boxes: np.ndarray) -> Moved:
        return Moved(*flow_step(scene, boxes))


class FlowCorrelationFollower:
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
        return Moved(pulled, error)


def build_follower(name: FollowerName) -> Follower:
    """The tracker of that name; ``given`` boxes are moved by their file, so they start static."""
    if name == "flow":
        return FlowFollower()
    if name == "flow_cf":
        return FlowCorrelationFollower()
    return StaticFollower()
