"""A mean over sequences, and how far it may be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A ratio of sums over sequences with its interval; NaN where there was nothing to count."""

    value: float
    low: float
    high: float


def bootstrap(
    sums: Sequence[float] | np.ndarray,
    weights: Sequence[float] | np.ndarray,
    generator: np.random.Generator,
    *,
    draws: int = 2000,
    level: float = 0.95,
) -> Estimate:
    """``sum(sums) / sum(weights)`` with its percentile bootstrap interval over sequences.

    Frames of one clip are anything but independent, so whole sequences are drawn, with replacement
    (Efron 1979). Weights of 1 give a mean over sequences; numbers of frames give one over frames.

    Args:
        sums: one per sequence, [S].
        weights: one per sequence, not negative, [S]; where it is 0 the sum does not count.
        generator: the draws.
        draws: resamples.
        level: share of the resamples inside the interval, in (0, 1).
    """
    weights = np.asarray(weights, dtype=np.float64)
    sums = np.where(weights > 0, np.asarray(sums, dtype=np.float64), 0.0)
    if not (weights > 0).any():
        return Estimate(float("nan"), float("nan"), float("nan"))
    picked = generator.integers(len(sums), size=(draws, len(sums)))
    below = weights[picked].sum(axis=1)
    ratios = sums[picked].sum(axis=1)[below > 0] / below[below > 0]
    tail = (1 - level) / 2
    low, high = np.quantile(ratios, [tail, 1 - tail])
    return Estimate(float(sums.sum() / weights.sum()), float(low), float(high))
