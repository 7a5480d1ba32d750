"""Instance retrieval across views, and how it falls as the view turns away.

Protocol. Every image is a query. Its gallery is every other image of the set except views of the
same instance closer than ``min_gap`` (for azimuths in degrees the gap runs around the circle, 0 to
180). A neighbour is right when it shows the same instance. A query without a right answer in its
gallery is left out and counted. Ranks are by cosine, exact, with the tie rule of ``search``.

Gap curve. For one bin of gaps the gallery is all images of other instances and those views of the
query's instance whose gap lies in the bin; Recall@1 over the queries that have such a view.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from vidcl.errors import VidclError
from vidcl.evaluation.bootstrap import bootstrap_interval
from vidcl.evaluation.retrieval.search import Backend, nearest, quantised, unit_rows

GAP_EDGES = (0.0, 22.5, 45.0, 67.5, 90.0, 112.5, 135.0, 157.5, 180.0)
# Scores of queries against the whole gallery are held for this many values at once (128 MiB).
SCORES_HELD = 1 << 24


@dataclass(frozen=True)
class Views:
    """Which rows show one instance, and how far apart they are.

    ``positions`` [N] are degrees (``circular``) or any line; None: no gaps, leave-one-out.
    """

    instances: np.ndarray
    positions: np.ndarray | None
    circular: bool
    min_gap: float

    def members(self) -> list[np.ndarray]:
        """For every row, the sorted rows of its instance, itself among them."""
        _, index = np.unique(self.instances, return_inverse=True)
        order = np.argsort(index, kind="stable")
        groups = np.split(order, np.cumsum(np.bincount(index))[:-1])
        return [groups[i] for i in index]

    def gaps(self, row: int, others: np.ndarray) -> np.ndarray:
        """The gap between a row and others; infinite where there are no positions."""
        if self.positions is None:
            return np.full(len(others), np.inf)
        gap = np.abs(self.positions[others] - self.positions[row])
        if self.circular:
            gap = gap % 360.0
            gap = np.minimum(gap, 360.0 - gap)
        return gap


def cross_view_retrieval(
    features: np.ndarray,
    instances: np.ndarray,
    angles: np.ndarray | None = None,
    min_gap: float = 45.0,
    k: Sequence[int] = (1, 5),
    *,
    circular: bool = True,
    gap_edges: Sequence[float] = GAP_EDGES,
    backend: Backend = "auto",
    bootstrap: int = 1000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Recall@k, mAP and Recall@1 against the gap, by the protocol at the top of this file.

    Args:
        features: float [N, D]; compared by cosine.
        instances: [N] names.
        angles: degrees [N], or with ``circular=False`` any positions on a line; None, or constant
            within every instance, means plain leave-one-out.
        gap_edges: bin edges; a gap equal to an inner edge belongs to the upper bin.
        bootstrap: resamples of instances for the 95 % intervals; 0 leaves them out.

    Returns:
        ``recall@k`` and ``map`` in 0..1, ``<metric>_interval`` [low, high], ``gap_curve``
        [[middle of bin, Recall@1, queries]] (empty without angles), ``n`` (queries counted),
        ``n_excluded`` (queries without a right answer), ``gallery`` (N), ``min_gap`` (0 for
        leave-one-out).

    Raises:
        VidclError: lengths differ, or no query has a right answer.
    """
    features = np.asarray(features)
    instances = np.asarray(instances)
    if features.ndim != 2 or len(features) != len(instances):
        raise VidclError(
            f"Retrieval needs features [N, D] and N instances, not {list(features.shape)} and "
            f"{len(instances)}."
        )
    if angles is not None and len(angles) != len(instances):
        raise VidclError(f"There are {len(angles)} angles for {len(instances)} images.")
    answers = right_answers(instances, angles, min_gap, circular=circular)
    views, queries = answers.views, answers.queries
    if len(queries) == 0:
        raise VidclError(
            f"No image has another view of its instance at least {views.min_gap:g} away: lower the "
            f"minimum gap or check the instance column."
        )
    found, _ = nearest(
        features, queries, max(k), answers.excluded, backend=backend, progress=progress
    )
    hits = (found >= 0) & (instances[found] == instances[queries][:, None])
    per_query: dict[str, np.ndarray] = {
        f"recall@{count}": hits[:, :count].any(axis=1).astype(np.float64) for count in k
    }
    edges = np.asarray(gap_edges, dtype=np.float64) if views.positions is not None else None
    per_query["map"], curve = _ranked(features, answers, edges)

    result: dict[str, Any] = {name: float(values.mean()) for name, values in per_query.items()}
    if bootstrap:
        for name, values in per_query.items():
            result[f"{name}_interval"] = bootstrap_interval(
                values, instances[queries], samples=bootstrap, seed=seed
            )
    return result | {
        "gap_curve": curve,
        "n": len(queries),
        "n_excluded": len(instances) - len(queries),
        "gallery": len(instances),
        "min_gap": views.min_gap,
    }


@dataclass(frozen=True)
class Answers:
    """The protocol applied to a set: who is asked, what is right, what is not in the gallery."""

    views: Views
    members: list[np.ndarray]
    right: list[np.ndarray]
    queries: np.ndarray

    @property
    def min_gap(self) -> float:
        return self.views.min_gap

    def excluded(self, rows: np.ndarray) -> list[np.ndarray]:
        """For each query row, the rows of its instance that its gallery lacks, itself included."""
        return [
            np.setdiff1d(self.members[row], self.right[row], assume_unique=True) for row in rows
        ]


def right_answers(
    instances: np.ndarray,
    positions: np.ndarray | None,
    min_gap: float,
    *,
    circular: bool = True,
) -> Answers:
    """Apply the protocol; positions that are constant within every instance count as none."""
    views = Views(instances, None, circular, 0.0)
    if positions is not None:
        line = np.asarray(positions, dtype=np.float64)
        _, first, index = np.unique(instances, return_index=True, return_inverse=True)
        if not np.array_equal(line, line[first][index]):
            views = Views(instances, line, circular, float(min_gap))
    members = views.members()
    right = []
    for row in range(len(instances)):
        others = members[row][members[row] != row]
        right.append(others[views.gaps(row, others) >= views.min_gap])
    queries = np.flatnonzero([len(rows) > 0 for rows in right])
    return Answers(views, members, right, queries)


def _ranked(
    features: np.ndarray, answers: Answers, edges: np.ndarray | None
) -> tuple[np.ndarray, list[list[float]]]:
    """Average precision [Q] and the gap curve, from blocks of exact scores.

    Only the rank of each right answer among the wrong ones is needed, so each block of scores is
    read once and never sorted whole.
    """
    views, members, queries = answers.views, answers.members, answers.queries
    exact = torch.from_numpy(unit_rows(features))
    step = max(1, SCORES_HELD // len(exact))
    average = np.empty(len(queries))
    bins = 0 if edges is None else len(edges) - 1
    firsts, totals = np.zeros(bins), np.zeros(bins, dtype=np.int64)
    for first in range(0, len(queries), step):
        rows = queries[first : first + step]
        block = quantised((exact[torch.from_numpy(rows)] @ exact.T).numpy())
        for place, row in enumerate(rows):
            scores, own = block[place], members[row]
            wrong = np.ones(len(scores), dtype=bool)
            wrong[own] = False
            average[first + place] = _average_precision(scores, wrong, answers.right[row])
            if edges is None:
                continue
            others = own[own != row]
            which = _bins(views.gaps(row, others), edges)
            rival = int(np.where(wrong, scores, -np.inf).argmax())
            for number in np.unique(which[which >= 0]):
                totals[number] += 1
                firsts[number] += _wins(scores, wrong, rival, others[which == number])
    curve = [
        [float((edges[i] + edges[i + 1]) / 2), float(firsts[i] / totals[i]), int(totals[i])]
        for i in range(bins)
        if edges is not None and totals[i]
    ]
    return average, curve


def _bins(gaps: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The bin of each gap, -1 outside; the last bin is closed above: it takes 180 degrees in."""
    which = np.searchsorted(edges, gaps, side="right") - 1
    which[gaps == edges[-1]] = len(edges) - 2
    which[which > len(edges) - 2] = -1
    return which


def _average_precision(scores: np.ndarray, wrong: np.ndarray, right: np.ndarray) -> float:
    """Mean over the right answers of (right answers so far) / rank."""
    order = right[np.lexsort((right, -scores[right]))]
    targets = scores[order]
    rivals = np.flatnonzero(wrong & (scores >= targets[-1]))
    ordered = np.sort(scores[rivals])
    below = np.searchsorted(ordered, targets, side="left")
    not_above = np.searchsorted(ordered, targets, side="right")
    ahead = len(ordered) - not_above
    for place in np.flatnonzero(not_above > below):  # ties: those of lower row number come first
        level = rivals[scores[rivals] == targets[place]]
        ahead[place] += np.count_nonzero(level < order[place])
    so_far = np.arange(1, len(order) + 1)
    return float((so_far / (ahead + so_far)).mean())


def _wins(scores: np.ndarray, wrong: np.ndarray, rival: int, right: np.ndarray) -> bool:
    """Whether the best of ``right`` (sorted rows) comes before the best wrong row."""
    best = int(right[scores[right].argmax()])
    if not wrong[rival] or scores[best] > scores[rival]:
        return True
    return bool(scores[best] == scores[rival] and best < rival)
