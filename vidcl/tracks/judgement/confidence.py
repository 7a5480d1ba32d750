"""How sure is it that a box still holds what it began on?"""

import numpy as np

#: What is looked at, in this order; see ``features``.
FEATURES = ("first", "contrast", "error", "growth", "visible")
#: Weights of the features, and the constant: a logistic regression on frames followed by the
#: default tracker from true boxes, on six real sequences and on rendered clips, both halves with
#: equal weight (``benchmarks/judgement.py`` fits them again).
WEIGHTS = np.array([1.417, 4.850, -0.854, -6.253, 7.144])
CONSTANT = -9.246
#: Added to an error before its logarithm is taken: smaller errors tell nothing.
LEAST_ERROR = 0.003


def confidence(evidence: np.ndarray) -> np.ndarray:
    """Probability that a box overlaps what it began on by an IoU of 0.5 or more, float64 [N].

    Args:
        evidence: float64 [N, 5], see ``features``.
    """
    return 1.0 / (1.0 + np.exp(-(evidence @ WEIGHTS + CONSTANT)))


def features(
    first: np.ndarray,
    contrast: np.ndarray,
    error: np.ndarray,
    growth: np.ndarray,
    visible: np.ndarray,
) -> np.ndarray:
    """The evidence as a table, float64 [N, 5].

    Args:
        first: [N] correlation of the pixels with the first look's; negative ones count as 0.
        contrast: [N] in [-1, 1], affinity of the colours inside with those first seen inside,
            less their affinity with what is around the box now: a box that slid onto the
            background looks like its surroundings.
        error: [N] forward-backward error as a share of the box's size.
        growth: [N] size now over size at the beginning, larger than 0.
        visible: [N] in [0, 1], share of the box inside the picture.
    """
    columns = [
        np.maximum(first, 0.0),
        contrast,
        np.log(error + LEAST_ERROR),
        np.abs(np.log(growth)),
        visible,
    ]
    return np.stack(columns, axis=1).astype(np.float64)
