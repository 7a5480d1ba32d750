"""The measures of a ranking, from the ranks of its right answers alone.

With R right answers of one query at the ranks r_1 < ... < r_R among all it may find: Recall@k is
whether r_1 <= k; average precision the mean of j / r_j; R-precision the share of right answers
among the first R; MAP@R (Musgrave, Belongie & Lim, 2020) the mean of j / r_j with what lies beyond
rank R counted as 0. All are in 0..1.
"""

from collections.abc import Sequence

import numpy as np

from vidcl.evaluation.retrieval.lists import Lists


def query_metrics(
    own: Lists, ahead: np.ndarray, keep: np.ndarray, k: Sequence[int], *, whole: bool
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Every measure of every query that has a right answer.

    Args:
        own: rows of each query's instance.
        ahead: int [P], wrong rows before each of them.
        keep: bool [P], which of them are right answers; the others are not in the gallery.
        k: for Recall@k.
        whole: with ``map``, for which ``ahead`` must be right however large it is.

    Returns:
        Which queries [Q'] have a right answer, and per measure float64 [Q'].
    """
    owners = own.owners()[keep]
    order = np.lexsort((ahead[keep], owners))
    sizes = np.bincount(owners, minlength=len(own))
    queries = np.flatnonzero(sizes)
    sizes = sizes[queries]
    starts = np.cumsum(sizes) - sizes
    nth = np.arange(len(order)) - np.repeat(starts, sizes) + 1
    ranks = ahead[keep][order] + nth
    precision = nth / ranks
    result = {f"recall@{count}": (ranks[starts] <= count).astype(np.float64) for count in k}
    if whole:
        ends = starts + sizes
        result["map"] = np.array(
            [precision[a:b].mean() for a, b in zip(starts, ends, strict=True)], dtype=np.float64
        )
    if len(queries):
        early = ranks <= np.repeat(sizes, sizes)
        result["map@r"] = np.add.reduceat(np.where(early, precision, 0.0), starts) / sizes
        result["r_precision"] = np.add.reduceat(early.astype(np.float64), starts) / sizes
    return queries, result


def gap_curve(
    own: Lists,
    ahead: np.ndarray,
    gaps: np.ndarray,
    counted: np.ndarray,
    edges: np.ndarray,
) -> list[list[float]]:
    """Recall@1 against the gap: [[middle of bin, Recall@1, queries]], empty bins left out.

    For one bin the gallery is all rows of other instances and those views of the query's instance
    whose gap lies in the bin. ``counted``: the queries that take part.
    """
    owners, which = own.owners(), gap_bins(gaps, edges)
    first = ahead == 0
    curve = []
    for number in range(len(edges) - 1):
        inside = which == number
        asked = np.intersect1d(owners[inside], counted)
        if len(asked):
            won = np.intersect1d(owners[inside & first], counted)
            middle = float((edges[number] + edges[number + 1]) / 2)
            curve.append([middle, float(np.float64(len(won)) / len(asked)), len(asked)])
    return curve


def gap_bins(gaps: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The bin of each gap, -1 outside; the last bin is closed above: it takes 180 degrees in."""
    which = np.searchsorted(edges, gaps, side="right") - 1
    which[gaps == edges[-1]] = len(edges) - 2
    which[which > len(edges) - 2] = -1
    return which
