"""Instance retrieval across views, and how it falls as the view turns away.

Protocol. Every image is a query. Its gallery is every other image of the set except views of the
same instance closer than ``min_gap`` (for azimuths in degrees the gap runs around the circle, 0 to
180; with polar angles it is the angle between the viewing directions). A neighbour is right when it
shows the same instance. A query without a right answer in its gallery is left out and counted.
Ranks are by cosine, exact, with the tie rule of ``scores``. Other protocols: ``protocol``.

Gap curve. For one bin of gaps the gallery is all images of other instances and those views of the
query's instance whose gap lies in the bin; Recall@1 over the queries that have such a view.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vidcl.errors import VidclError
from vidcl.evaluation.retrieval.gaps import Views
from vidcl.evaluation.retrieval.measure import GAP_EDGES, retrieval_metrics
from vidcl.evaluation.retrieval.protocol import retrieval_protocol, varying_views
from vidcl.evaluation.retrieval.rows import Rows, as_rows
from vidcl.evaluation.retrieval.search import Backend

__all__ = ["GAP_EDGES", "Answers", "Views", "cross_view_retrieval", "right_answers"]


def cross_view_retrieval(
    features: Rows,
    instances: np.ndarray,
    angles: np.ndarray | None = None,
    min_gap: float = 45.0,
    k: Sequence[int] = (1, 5),
    *,
    polar: np.ndarray | None = None,
    circular: bool = True,
    gaps: Sequence[float] = (),
    gap_edges: Sequence[float] = GAP_EDGES,
    backend: Backend = "auto",
    device: str = "cpu",
    bootstrap: int = 1000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """``retrieval_metrics`` by the protocol at the top of this file.

    Args:
        features: float [N, D]; compared by cosine.
        instances: [N] names.
        angles: degrees [N], or with ``circular=False`` any positions on a line; None, or constant
            within every instance, means plain leave-one-out (``min_gap`` 0).
        polar: degrees from the top [N], 0 to 180.
        gaps: further minimum gaps at which to measure.
        gap_edges: bin edges; a gap equal to an inner edge belongs to the upper bin.

    Raises:
        VidclError: lengths differ, or no query has a right answer.
    """
    source, instances = as_rows(features), np.asarray(instances)
    if source.shape[0] != len(instances):
        raise VidclError(
            f"Retrieval needs features [N, D] and N instances, not {list(source.shape)} and "
            f"{len(instances)}."
        )
    protocol = retrieval_protocol(
        instances, angles, polar=polar, circular=circular, min_gap=min_gap
    )
    return retrieval_metrics(
        source,
        protocol,
        k,
        gaps=gaps,
        gap_edges=gap_edges,
        backend=backend,
        device=device,
        bootstrap=bootstrap,
        seed=seed,
        progress=progress,
    )


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
    polar: np.ndarray | None = None,
) -> Answers:
    """Apply the protocol; positions that are constant within every instance count as none."""
    views = varying_views(instances, positions, circular, min_gap, polar)
    members = views.members()
    right = []
    for row in range(len(instances)):
        others = members[row][members[row] != row]
        right.append(others[views.gaps(row, others) >= views.min_gap])
    queries = np.flatnonzero([len(rows) > 0 for rows in right])
    return Answers(views, members, right, queries)
