"""Proposers by name."""

import numpy as np

from vidcl.tracks.config import FollowConfig
from vidcl.tracks.proposers.base import Proposer
from vidcl.tracks.proposers.blind import GridProposer, RandomProposer
from vidcl.tracks.proposers.combined import CombinedProposer
from vidcl.tracks.proposers.motion import MotionProposer
from vidcl.tracks.proposers.objectness import EdgeBoxesProposer, SelectiveSearchProposer


def build_proposer(config: FollowConfig, generator: np.random.Generator) -> Proposer | None:
    """The proposer of the configuration; None for ``given`` and ``frame``, which take their boxes
    from elsewhere."""
    match config.proposer:
        case "motion":
            return MotionProposer()
        case "selective_search":
            return SelectiveSearchProposer(config)
        case "edge_boxes":
            return EdgeBoxesProposer(config)
        case "combined":
            return CombinedProposer(config)
        case "grid":
            return GridProposer()
        case "random":
            return RandomProposer(generator)
        case "given" | "frame":
            return None
