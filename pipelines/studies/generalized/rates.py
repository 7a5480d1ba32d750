"""Learning rates of the study of generalised losses: which are tried, and which are chosen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from studies.generalized.arms import DEPTHS, Arm, StudyConfig, arm_of
from vidcl.arms import Measured


@dataclass(frozen=True)
class Rates:
    """What the grid says.

    Attributes:
        common: the learning rate that is best on average over losses and heads.
        tuned: the best for each (loss, layers).
    """

    common: float
    tuned: dict[tuple[str, int], float]

    def of(self, way: str, loss: str, layers: int) -> float:
        """``way``: common or tuned."""
        return self.common if way == "common" else self.tuned[loss, layers]


def grid(losses: Sequence[str], settings: StudyConfig) -> list[Arm]:
    """Every loss under every head at every learning rate."""
    return [Arm(loss, layers, lr) for loss in losses for layers in DEPTHS for lr in settings.lrs]


def choose(measured: Measured) -> Rates:
    """By the accuracy of the letter on the tuning seed; of equal ones the first, the lowest.

    Args:
        measured: the whole grid, by ``Arm.name``.
    """
    letter = {arm_of(name): float(np.mean(numbers["letter"])) for name, numbers in measured.items()}
    lrs = sorted({arm.lr for arm in letter})
    pairs = dict.fromkeys((arm.loss, arm.layers) for arm in letter)

    def mean(lr: float) -> float:
        return float(np.mean([letter[Arm(*pair, lr)] for pair in pairs]))

    tuned = {pair: max(lrs, key=lambda lr: letter[Arm(*pair, lr)]) for pair in pairs}
    return Rates(max(lrs, key=mean), tuned)


def chosen_arms(losses: Sequence[str], rates: Rates) -> list[Arm]:
    """All that is run on the seeds that are reported, each once."""
    arms = [
        Arm(loss, layers, rates.of(way, loss, layers))
        for way in ("common", "tuned")
        for loss in losses
        for layers in DEPTHS
    ]
    return list(dict.fromkeys(arms))
