"""Retrieval by a protocol: search once, measure at every minimum gap that is asked for."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vidcl.errors import VidclError
from vidcl.evaluation.bootstrap import bootstrap_interval
from vidcl.evaluation.retrieval.backends import Backend, chosen_device, proposer
from vidcl.evaluation.retrieval.lists import Lists
from vidcl.evaluation.retrieval.metrics import gap_curve, query_metrics
from vidcl.evaluation.retrieval.protocol import Protocol
from vidcl.evaluation.retrieval.ranks import wrong_ahead
from vidcl.evaluation.retrieval.rows import Rows, as_rows
from vidcl.evaluation.retrieval.search import nearest

GAP_EDGES = (0.0, 22.5, 45.0, 67.5, 90.0, 112.5, 135.0, 157.5, 180.0)


def retrieval_metrics(
    features: Rows,
    protocol: Protocol,
    k: Sequence[int] = (1, 5, 10),
    *,
    whole: bool = True,
    gaps: Sequence[float] = (),
    gap_edges: Sequence[float] = (),
    backend: Backend = "auto",
    device: str = "cpu",
    bootstrap: int = 1000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Recall@k, mAP, MAP@R and R-precision of a protocol, and at several minimum gaps.

    Args:
        features: float [N, D], compared by cosine; an array, a memory map, or any rows that are
            read in slices. Nothing copies them whole.
        protocol: of ``retrieval_protocol``, for the same N rows.
        whole: with mAP over the whole gallery, for which all scores are counted; without, only the
            nearest are searched for.
        gaps: further minimum gaps; needs a protocol with positions.
        gap_edges: bins of the gap curve; a gap equal to an inner edge belongs to the upper bin.
        backend, device: as in ``nearest``; with ``whole`` the matrix product counts on the device
            whatever the backend, since FAISS does not give the scores of a whole gallery.
        bootstrap: resamples of instances for the 95 % intervals; 0 leaves them out.

    Returns:
        ``recall@k``, ``map`` (with ``whole``), ``map@r``, ``r_precision`` in 0..1, for each
        ``<metric>_interval`` [low, high]; ``n`` (queries counted), ``n_excluded`` (queries without
        a right answer), ``gallery`` (rows of it), ``min_gap``, ``protocol`` (a sentence);
        ``gap_curve`` [[middle of bin, Recall@1, queries]] (empty without positions or edges); with
        ``gaps``, ``gaps``: for each the same metrics, intervals, ``n``, ``n_excluded`` and
        ``min_gap``; only ``min_gap``, ``n`` and ``n_excluded`` where no query has a right answer.

    Raises:
        VidclError: lengths differ, no query has a right answer, a feature is not finite, or what
            is asked for is not installed.
    """
    source = as_rows(features)
    if source.shape[0] != len(protocol.codes):
        raise VidclError(
            f"Retrieval needs features [N, D] and N instances, not {list(source.shape)} and "
            f"{len(protocol.codes)}."
        )
    if not k or min(k) < 1:
        raise VidclError("Recall is asked for at one neighbour or more: give k of at least 1.")
    proposer(backend, chosen_device(device))  # what is missing is said before the search
    own, views = protocol.own(), protocol.views
    owners = own.owners()
    away = views.pair_gaps(protocol.queries[owners], own.rows)
    if not (away >= views.min_gap).any():
        raise VidclError(
            f"No image has another view of its instance at least {views.min_gap:g} away: lower the "
            f"minimum gap or check the instance column."
        )
    if whole:
        _, ahead = wrong_ahead(
            source, protocol.queries, protocol.gallery, own, device=device, progress=progress
        )
    else:
        ahead = _ahead_of_nearest(
            source, protocol, own, max(k), backend=backend, device=device, progress=progress
        )

    def at(min_gap: float) -> tuple[np.ndarray, dict[str, Any]]:
        counted, values = query_metrics(own, ahead, away >= min_gap, k, whole=whole)
        groups = protocol.codes[protocol.queries[counted]]
        facts = {"n": len(counted), "n_excluded": len(own) - len(counted), "min_gap": min_gap}
        if not len(counted):
            return counted, facts
        return counted, _summary(values, groups, bootstrap, seed) | facts

    counted, result = at(views.min_gap)
    curve: list[list[float]] = []
    if len(gap_edges) and views.positions is not None:
        edges = np.asarray(gap_edges, dtype=np.float64)
        curve = gap_curve(own, ahead, away, counted, edges)
    if len(gaps) and views.positions is not None:
        result["gaps"] = [at(float(gap))[1] for gap in gaps]
    return result | {
        "gap_curve": curve,
        "gallery": len(protocol.gallery),
        "protocol": protocol.sentence,
    }


def _summary(
    values: dict[str, np.ndarray], groups: np.ndarray, bootstrap: int, seed: int
) -> dict[str, Any]:
    result: dict[str, Any] = {name: float(per_query.mean()) for name, per_query in values.items()}
    if bootstrap:
        for name, per_query in values.items():
            result[f"{name}_interval"] = bootstrap_interval(
                per_query, groups, samples=bootstrap, seed=seed
            )
    return result


def _ahead_of_nearest(
    source: Rows,
    protocol: Protocol,
    own: Lists,
    k: int,
    *,
    backend: Backend,
    device: str,
    progress: Callable[[int, int], None] | None,
) -> np.ndarray:
    """As ``wrong_ahead``, right up to the rank that Recall@k and MAP@R look at; beyond it N."""
    lengths = own.lengths()
    depth = max(k, int(lengths.max())) + int(lengths.max())
    count = source.shape[0]
    found, _ = nearest(
        source,
        protocol.queries,
        min(depth, count),
        lambda rows: list(rows[:, None]),
        among=protocol.gallery,
        backend=backend,
        device=device,
        progress=progress,
    )
    place = np.full(len(own.rows), -1, dtype=np.int64)
    owners = own.owners()
    keys = owners * count + own.rows
    order = np.argsort(keys)
    wanted = np.arange(len(found))[:, None] * count + np.maximum(found, 0)
    at = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    right = (keys[order][at] == wanted) & (found >= 0)
    wrong_before = np.cumsum(~right, axis=1)
    place[order[at[right]]] = wrong_before[right]
    return np.where(place < 0, count, place)
