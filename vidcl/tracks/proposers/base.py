"""What a proposer is: the frames of a shot in, boxes worth following out."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from vidcl.tracks.motion.scene import Scene


@dataclass(frozen=True)
class Proposed:
    """Boxes found in one frame, best first.

    Attributes:
        boxes: float64 [N, 4], working pixels.
        scores: float64 [N] in [0, 1], falling; 0 where a proposer does not rank.
        sure: so many boxes from the start of the list may take any room there is; the rest leaves
            some for what is found later. None: all of them.
    """

    boxes: np.ndarray
    scores: np.ndarray
    sure: int | None = None


class Proposer(Protocol):
    """Finds boxes in the current frame."""

    needs_flow: bool

    def reset(self) -> None:
        """A new shot begins."""

    def look(self, scene: Scene) -> None:
        """See a followed frame while there is room for regions, whether or not it is the time to
        propose."""

    def propose(self, scene: Scene) -> Proposed:
        """What is there now."""


class Unseeing:
    """What proposers share that do not look at the frames between proposals."""

    needs_flow = False

    def reset(self) -> None:
        pass

    def look(self, scene: Scene) -> None:
        pass
