"""Retrieval of the same thing from another side, per query, also among the query's class alone."""

from collections.abc import Sequence

import numpy as np

from vidcl.errors import VidclError
from vidcl.evaluation.retrieval.cross_view import Views
from vidcl.evaluation.retrieval.metrics import query_metrics
from vidcl.evaluation.retrieval.protocol import retrieval_protocol
from vidcl.evaluation.retrieval.ranks import wrong_ahead
from vidcl.evaluation.retrieval.rows import as_rows

#: k of Recall@k.
RECALL_AT = (1, 5)


def retrieve(
    features: np.ndarray, views: Views, gaps: Sequence[float], within: np.ndarray | None = None
) -> dict[float, dict[str, np.ndarray]]:
    """What each query finds, by least gap, by the protocol of ``retrieval.cross_view``.

    Args:
        features: float [N, D], compared by cosine.
        views: of what, and from where.
        gaps: least gaps in degrees.
        within: [N]; then only images with the query's own value are in its gallery.

    Returns:
        For every gap: ``queries`` int64 [Q], the rows with a right answer, ascending; and of each
        the measures of ``query_metrics`` (``recall@1``, ``recall@5``, ``map``, ...), float64 [Q].

    Raises:
        VidclError: at some gap no query has a right answer.
    """
    everything = np.arange(len(features))
    galleries = [everything]
    if within is not None:
        galleries = [everything[within == value] for value in np.unique(within)]
    parts: dict[float, list[dict[str, np.ndarray]]] = {gap: [] for gap in gaps}
    for rows in galleries:
        protocol = retrieval_protocol(views.instances[rows])
        own = protocol.own()
        _, ahead = wrong_ahead(as_rows(features[rows]), protocol.queries, protocol.gallery, own)
        away = views.pair_gaps(rows[protocol.queries[own.owners()]], rows[own.rows])
        for gap, found in parts.items():
            counted, values = query_metrics(own, ahead, away >= gap, RECALL_AT, whole=True)
            if len(counted):
                found.append({"queries": rows[protocol.queries[counted]]} | values)
    return {gap: _joined(gap, found) for gap, found in parts.items()}


def _joined(gap: float, parts: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The queries of all galleries, in their order."""
    if not parts:
        raise VidclError(f"No image has a view of its own thing {gap:g} degrees away or more.")
    together = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(together["queries"])
    return {name: values[order] for name, values in together.items()}
