"""Exact nearest neighbours by cosine, the same ranks from FAISS and from torch.

The score of a pair is the inner product of the two unit-length features in double precision,
rounded to multiples of 2^-30; equal scores go to the lower row number. A single-precision backend
proposes candidates, they are scored again by this rule, and more are fetched until nothing outside
can belong among the k. So the answer depends neither on the backend nor on its blocking.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Literal

import numpy as np
import torch

from vidcl.errors import VidclError, require

Backend = Literal["auto", "faiss", "torch"]
Proposer = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]

SCORE_GRID = 2.0**30
BLOCK = 1024
# Candidates to score again at a time, in double precision: 64 MiB at 8 bytes.
RESCORE_VALUES = 1 << 23


def unit_rows(features: np.ndarray) -> np.ndarray:
    """Float [N, D] to float64 rows of length one; a zero row stays zero."""
    rows = np.asarray(features, dtype=np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.ascontiguousarray(rows / np.where(norms == 0, 1.0, norms))


def quantised(scores: np.ndarray) -> np.ndarray:
    """Scores on the grid on which ties are decided."""
    return np.rint(scores * SCORE_GRID) / SCORE_GRID


def nearest(
    features: np.ndarray,
    queries: np.ndarray,
    k: int,
    excluded: Callable[[np.ndarray], list[np.ndarray]],
    *,
    backend: Backend = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest allowed rows of each query, best first.

    Args:
        features: float [N, D]; the gallery, and the queries are rows of it.
        queries: int [Q], row numbers.
        k: neighbours per query.
        excluded: given row numbers [B], the rows each of them may not find (sorted int arrays).
        backend: "auto" takes FAISS where it can be imported, torch otherwise.

    Returns:
        Row numbers int64 [Q, k] and scores float64 [Q, k]; -1 and -inf where the allowed gallery
        has fewer than k rows.

    Raises:
        VidclError: FAISS is asked for and cannot be imported, or k is not positive.
    """
    if k < 1:
        raise VidclError(f"Ask for at least one neighbour, not {k}.")
    exact = unit_rows(features)
    propose = _proposer(exact.astype(np.float32), backend)
    found = np.full((len(queries), k), -1, dtype=np.int64)
    scores = np.full((len(queries), k), -np.inf)
    for first in range(0, len(queries), BLOCK):
        rows = np.asarray(queries[first : first + BLOCK])
        part = slice(first, first + len(rows))
        found[part], scores[part] = _nearest_of_block(exact, rows, k, excluded(rows), propose)
        if progress is not None:
            progress(min(first + BLOCK, len(queries)), len(queries))
    return found, scores


def _nearest_of_block(
    exact: np.ndarray, rows: np.ndarray, k: int, banned: list[np.ndarray], propose: Proposer
) -> tuple[np.ndarray, np.ndarray]:
    count, dim = exact.shape
    # Rounding of a single-precision inner product of unit vectors grows like sqrt(D) ulp; this is
    # far outside what it reaches.
    slack = 4 * np.sqrt(dim) * 2.0**-24 + 1 / SCORE_GRID
    found = np.full((len(rows), k), -1, dtype=np.int64)
    scores = np.full((len(rows), k), -np.inf)
    waiting = np.arange(len(rows))
    wanted = min(count, k + max((len(part) for part in banned), default=0) + 8)
    while len(waiting):
        rough, candidates = propose(exact[rows[waiting]].astype(np.float32), wanted)
        fine = quantised(_rescored(exact, rows[waiting], candidates))
        for place, query in enumerate(waiting):
            fine[place, np.isin(candidates[place], banned[query])] = -np.inf
        best = np.lexsort((candidates, -fine), axis=1)[:, :k]
        top_scores = np.take_along_axis(fine, best, axis=1)
        top_rows = np.take_along_axis(candidates, best, axis=1)
        found[waiting, : best.shape[1]] = np.where(np.isneginf(top_scores), -1, top_rows)
        scores[waiting, : best.shape[1]] = top_scores
        # Nothing unseen scores above the last candidate by more than the slack.
        certain = (wanted == count) | (scores[waiting, k - 1] > rough[:, -1] + slack)
        waiting = waiting[~certain]
        wanted = min(count, 2 * wanted)
    return found, scores


def _rescored(exact: np.ndarray, rows: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Inner products float64 [Q, M], each summed in the same order whatever the blocking."""
    scores = np.empty(candidates.shape)
    step = max(1, RESCORE_VALUES // (candidates.shape[1] * exact.shape[1]))
    for first in range(0, len(rows), step):
        part = slice(first, first + step)
        scores[part] = (exact[candidates[part]] * exact[rows[part], None, :]).sum(axis=2)
    return scores


def _proposer(gallery: np.ndarray, backend: Backend) -> Proposer:
    if backend == "torch":
        return _torch_proposer(gallery)
    try:
        # After torch, whose OpenMP runtime must come first (faiss issue 4273).
        faiss = require("faiss", "faiss-cpu")
    except VidclError:
        if backend == "faiss":
            raise
        return _torch_proposer(gallery)
    return _faiss_proposer(faiss, gallery)


def _faiss_proposer(faiss: ModuleType, gallery: np.ndarray) -> Proposer:
    index = faiss.IndexFlatIP(gallery.shape[1])
    index.add(gallery)
    return index.search  # type: ignore[no-any-return]


def _torch_proposer(gallery: np.ndarray) -> Proposer:
    columns = torch.from_numpy(gallery).T

    def propose(queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        values, rows = torch.topk(torch.from_numpy(queries) @ columns, k, dim=1)
        return values.numpy(), rows.numpy()

    return propose
