"""What a tracker is: a batch of boxes in, the same boxes one frame later out."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from vidcl.tracks.motion.scene import Scene


@dataclass(frozen=True)
class Moved:
    """Where regions are now.

    Attributes:
        boxes: float64 [N, 4], working pixels of the current frame.
        error: float64 [N], forward-backward error as a share of each region's size (0 for trackers
            that have none).
        confidence: float64 [N] in [0, 1], how sure the tracker is of this step (1 for trackers
            that cannot tell).
    """

    boxes: np.ndarray
    error: np.ndarray
    confidence: np.ndarray


class Tracker(Protocol):
    """Moves all regions of a shot; it may keep state per region, in the order of the regions."""

    needs_flow: bool

    def add(self, scene: Scene, boxes: np.ndarray) -> None:
        """Begin to follow more regions in the current frame, float64 [N, 4]."""

    def keep(self, rows: np.ndarray) -> None:
        """Forget all regions but ``rows`` (indices)."""

    def step(self, scene: Scene, boxes: np.ndarray) -> Moved:
        """The boxes of the frame before, in the current frame."""


class Stateless:
    """What trackers share that remember nothing of their regions."""

    def add(self, scene: Scene, boxes: np.ndarray) -> None:
        pass

    def keep(self, rows: np.ndarray) -> None:
        pass
