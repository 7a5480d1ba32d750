"""How well a clustering agrees with a truth: the adjusted Rand index and mutual information."""

import numpy as np

from vidcl.errors import VidclError


def adjusted_rand_index(truth: np.ndarray, found: np.ndarray) -> float:
    """Share of pairs of items on which two partitions agree, corrected for chance.

    Hubert & Arabie, Comparing partitions (1985). Names of classes and clusters play no part.

    Args:
        truth: [N] of anything that can be sorted, the class of each item.
        found: [N], the cluster of each item.

    Returns:
        1 for the same partition (of any two partitions of all items into one), 0 on average for
        independent ones of the same sizes; it can be negative.

    Raises:
        VidclError: the lengths differ or there are no items.
    """
    table = contingency(truth, found).astype(np.float64)
    pairs = float(_pairs(table.sum()))
    both = float(_pairs(table).sum())
    in_truth, in_found = (float(_pairs(table.sum(axis)).sum()) for axis in (1, 0))
    expected = in_truth * in_found / pairs if pairs else 0.0
    most = (in_truth + in_found) / 2
    if most == expected:  # all items in one part each, or each item in a part of its own
        return 1.0
    return (both - expected) / (most - expected)


def normalised_mutual_information(truth: np.ndarray, found: np.ndarray) -> float:
    """Mutual information of two partitions over the mean of their entropies.

    Strehl & Ghosh (2002) with the arithmetic mean. It is not corrected for chance: with many
    clusters and few items it is above 0 for independent partitions, so say what a shuffled truth
    gives beside it.

    Args:
        truth: [N], the class of each item.
        found: [N], the cluster of each item.

    Returns:
        In [0, 1]; 1 where each partition tells the other, two partitions of one part included.

    Raises:
        VidclError: the lengths differ or there are no items.
    """
    table = contingency(truth, found).astype(np.float64)
    joint = table / table.sum()
    entropies = [_entropy(joint.sum(axis)) for axis in (1, 0)]
    if sum(entropies) == 0:
        return 1.0
    shared = sum(entropies) - _entropy(joint)
    return float(np.clip(2 * shared / sum(entropies), 0.0, 1.0))


def contingency(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Items by class and cluster, int64 [classes, clusters], those that occur, sorted.

    Raises:
        VidclError: the lengths differ or there are no items.
    """
    truth, found = np.asarray(truth).reshape(-1), np.asarray(found).reshape(-1)
    if len(truth) != len(found) or not len(truth):
        raise VidclError(
            f"Give as many classes as clusters and at least one, not {len(truth)} and {len(found)}."
        )
    rows, row = np.unique(truth, return_inverse=True)
    columns, column = np.unique(found, return_inverse=True)
    flat = np.bincount(row * len(columns) + column, minlength=len(rows) * len(columns))
    return flat.reshape(len(rows), len(columns))


def _pairs(counts: np.ndarray) -> np.ndarray:
    return counts * (counts - 1) / 2


def _entropy(shares: np.ndarray) -> float:
    some = shares[shares > 0]
    return float(-(some * np.log(some)).sum())
