"""Bootstrap intervals that resample objects, since views of one object are not independent."""

import numpy as np

LEVEL = 0.95


def bootstrap_interval(
    values: np.ndarray, groups: np.ndarray, *, samples: int = 1000, seed: int = 0
) -> list[float]:
    """The central 95 % interval [low, high] of the mean of ``values`` [N].

    Each resample draws as many groups (objects) as there are, with replacement, and takes all
    values of a drawn group.
    """
    _, index = np.unique(groups, return_inverse=True)
    sums = np.bincount(index, weights=values)
    sizes = np.bincount(index)
    generator = np.random.default_rng(seed)
    means = np.empty(samples)
    for sample in range(samples):
        draw = generator.integers(len(sums), size=len(sums))
        means[sample] = sums[draw].sum() / sizes[draw].sum()
    return central_interval(means)


def resampled_means(values: np.ndarray, *, samples: int = 1000, seed: int = 0) -> np.ndarray:
    """Means [samples, M] of rows of ``values`` [objects, M], objects drawn with replacement.

    Columns keep together, so a ratio of two columns' means may be taken of the result.
    """
    count = len(values)
    generator = np.random.default_rng(seed)
    means = np.empty((samples, values.shape[1]))
    for sample in range(samples):
        drawn = np.bincount(generator.integers(count, size=count), minlength=count)
        means[sample] = drawn @ values / count
    return means


def central_interval(values: np.ndarray) -> list[float]:
    """The central 95 % [low, high] of resampled values [samples]."""
    tail = (1 - LEVEL) / 2
    return [float(bound) for bound in np.quantile(values, (tail, 1 - tail))]
