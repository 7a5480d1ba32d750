"""Proposers by name."""

import numpy as np

from vidcl.tracks.config import FollowConfig
from vidcl.tracks.proposers.base import Proposer
from vidcl.tracks.proposers.blind import GridProposer, RandomProposer
from vidcl.tracks.proposers.motion import MotionProposer


def build_proposer(config: FollowConfig, generator: np.random.Generator) -> Proposer | None:
    """The proposer of the configuration; None for ``given`` and ``frame``."""
    if config.proposer == "motion":
        return MotionProposer()
    if config.proposer == "grid":
        return GridProposer()
    if config.proposer == "random":
        return RandomProposer(generator)
    return None
