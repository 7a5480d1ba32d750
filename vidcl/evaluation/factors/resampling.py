"""Bootstrap intervals of many means over the same images at once."""

import numpy as np

from vidcl.evaluation.bootstrap import central_interval, resampled_means


def bootstrap_intervals(
    values: np.ndarray, groups: np.ndarray, *, samples: int, seed: int
) -> list[list[float]]:
    """``evaluation.bootstrap.bootstrap_interval`` of every row, from the same resamples.

    Args:
        values: [P, N].
        groups: [N], what is resampled.
        samples: resamples, at least one.

    Returns:
        P intervals [low, high], the central 95 % of each row's resampled means.
    """
    _, index = np.unique(groups, return_inverse=True)
    sums = [np.bincount(index, weights=row) for row in values]
    per_group = np.column_stack([*sums, np.bincount(index)])
    # Of a resample, the mean over images is the ratio of the sums and the numbers of its groups.
    means = resampled_means(per_group, samples=samples, seed=seed)
    return [central_interval(row / means[:, -1]) for row in means[:, :-1].T]
