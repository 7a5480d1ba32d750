"""Retrieval of the same thing from another side, for several least gaps at once.

The protocol and the ties are those of ``vidcl.evaluation.retrieval.cross_view``: every image asks;
its gallery is every other image but views of its own thing nearer than the least gap; cosine, equal
scores to the lower row. Here the whole matrix of scores is held, so that all gaps, and the gallery
of one class, cost one product.
"""

from collections.abc import Sequence

import numpy as np

from vidcl.errors import VidclError
from vidcl.evaluation.retrieval.search import quantised, unit_rows

#: Degrees that two directions may lack to a gap by rounding.
TOLERANCE = 1e-6
#: k of Recall@k.
RECALL_AT = (1, 5)


def gaps_between(directions: np.ndarray) -> np.ndarray:
    """Angles in degrees, float64 [N, N], between unit vectors [N, 3]."""
    cosine = directions @ directions.T
    # by the chord: the arc cosine of nearly 1 has lost its digits
    chord = np.sqrt(np.maximum(2.0 - 2.0 * cosine, 0.0))
    return np.degrees(2.0 * np.arcsin(np.minimum(chord / 2.0, 1.0)))


def retrieve(
    features: np.ndarray,
    instances: np.ndarray,
    directions: np.ndarray,
    gaps: Sequence[float],
    within: np.ndarray | None = None,
) -> dict[float, dict[str, np.ndarray]]:
    """What each query finds, by least gap.

    Args:
        features: float [N, D], compared by cosine.
        instances: [N], the thing shown.
        directions: unit vectors [N, 3].
        gaps: least gaps in degrees.
        within: [N]; then only images with the query's own value are in its gallery.

    Returns:
        For every gap: ``queries`` int64 [Q], the rows with a right answer; ``recall@1``,
        ``recall@5`` and ``map``, float64 [Q], what each of them scores.

    Raises:
        VidclError: at some gap no query has a right answer.
    """
    rows = unit_rows(features)
    scores = quantised(rows @ rows.T)
    if within is not None:
        scores[within[:, None] != within[None, :]] = -np.inf
    own = instances[:, None] == instances[None, :]
    apart = gaps_between(directions)
    np.fill_diagonal(apart, -1.0)
    found = {}
    for gap in gaps:
        right = own & (apart >= gap - TOLERANCE)
        queries = np.flatnonzero(right.any(1))
        if not len(queries):
            raise VidclError(f"No image has a view of its own thing {gap:g} degrees away or more.")
        seen = np.where(own & ~right, -np.inf, scores)[queries]
        order = np.argsort(-seen, axis=1, kind="stable")
        hits = np.take_along_axis(right[queries], order, axis=1)
        found[gap] = {"queries": queries, "map": _average_precision(hits)} | {
            f"recall@{k}": hits[:, :k].any(1).astype(float) for k in RECALL_AT
        }
    return found


def _average_precision(hits: np.ndarray) -> np.ndarray:
    """Of ranked answers bool [Q, N]: the mean, over the right ones, of right ones so far / rank."""
    so_far = np.cumsum(hits, axis=1)
    precision = so_far / np.arange(1, hits.shape[1] + 1)
    return (precision * hits).sum(1) / so_far[:, -1]
