"""Average precision in its three usual readings, rows of equal score taken together."""

import numpy as np

from vidcl.errors import VidclError


def precision_recall(
    positive: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Counts at every distinct threshold, highest first.

    Args:
        positive: bool [N].
        scores: float [N].
        weights: [N], how often each row counts; once by default.

    Returns:
        True positives [T] and all found [T], float64; the last entries are the totals.
    """
    order = np.argsort(-scores, kind="stable")
    ends = _ends(scores[order])
    counts = np.ones(len(scores)) if weights is None else np.asarray(weights, np.float64)
    counts = counts[order]
    return np.cumsum(counts * positive[order])[ends], np.cumsum(counts)[ends]


def step_ap(true: np.ndarray, found: np.ndarray) -> float:
    """Sum of precision times the step in recall: scikit-learn's ``average_precision_score``."""
    gained = np.diff(true, prepend=0.0)
    return float((gained * _precision(true, found)).sum() / true[-1])


def area_ap(true: np.ndarray, found: np.ndarray) -> float:
    """Area under the best precision at each recall or beyond (VOC since 2010, VISSL)."""
    gained = np.diff(true, prepend=0.0)
    return float((gained * _envelope(_precision(true, found))).sum() / true[-1])


def eleven_point_ap(true: np.ndarray, found: np.ndarray) -> float:
    """Mean over recalls 0, 0.1, ..., 1 of the best precision there or beyond (VOC2007)."""
    best = _envelope(_precision(true, found))
    # Recall >= i / 10 in whole numbers, since 0.1 has no exact double.
    first = [int(np.argmax(10 * true >= i * true[-1])) for i in range(11)]
    return float(best[first].mean())


def average_precisions(positive: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """``step``, ``area`` and ``eleven_point`` of bool [N] against scores [N].

    Raises:
        VidclError: no row is positive.
    """
    if not positive.any():
        raise VidclError("No test row is positive: average precision needs at least one.")
    true, found = precision_recall(positive, scores)
    return {
        "step": step_ap(true, found),
        "area": area_ap(true, found),
        "eleven_point": eleven_point_ap(true, found),
    }


def _ends(ordered: np.ndarray) -> np.ndarray:
    """The last row of every run of equal scores."""
    return np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)


def _precision(true: np.ndarray, found: np.ndarray) -> np.ndarray:
    return true / np.maximum(found, 1e-300)  # nothing found: nothing true, and precision 0


def _envelope(precision: np.ndarray) -> np.ndarray:
    return np.maximum.accumulate(precision[::-1])[::-1]
