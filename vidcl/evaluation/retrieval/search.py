"""Exact nearest neighbours by cosine, the same ranks from FAISS and from torch, read in blocks.

A backend proposes candidates from single-precision scores of one block of rows after another; they
are scored again by the rule of ``scores``; where a row that was not proposed could still belong
among the k, the blocks are read once more for every row that could. So the answer depends neither
on the backend nor on the blocking, and no copy of the features is made: ``GALLERY_BLOCK`` rows are
held beside them, and the queries in double and single precision.
"""

from collections.abc import Callable

import numpy as np
import torch

from vidcl.errors import VidclError
from vidcl.evaluation.retrieval.backends import Backend, Proposer, chosen_device, proposer
from vidcl.evaluation.retrieval.lists import lists_of
from vidcl.evaluation.retrieval.rows import Rows, as_rows, unit_rows
from vidcl.evaluation.retrieval.scores import pair_scores, quantised, rough_slack
from vidcl.evaluation.retrieval.tiles import Asked, query_groups, ticker

__all__ = ["Backend", "nearest", "quantised", "unit_rows"]

#: Candidates beyond k: whoever lies within rounding of the k-th is most often among them.
SPARE = 8


def nearest(
    features: Rows,
    queries: np.ndarray,
    k: int,
    excluded: Callable[[np.ndarray], list[np.ndarray]],
    *,
    among: np.ndarray | None = None,
    backend: Backend = "auto",
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest allowed rows of each query, best first.

    Args:
        features: float [N, D]; an array, a memory map, or any rows read in slices. The queries are
            rows of it.
        queries: int [Q], row numbers.
        k: neighbours per query.
        excluded: given row numbers [B], the rows each of them may not find (sorted int arrays).
        among: sorted row numbers that may be found; None: all.
        backend: see ``backends``.
        device: "cpu", "cuda", "cuda:N", or "auto".
        progress: called with the blocks that are done and how many there are.

    Returns:
        Row numbers int64 [Q, k] and scores float64 [Q, k]; -1 and -inf where the allowed gallery
        has fewer than k rows.

    Raises:
        VidclError: FAISS is asked for and cannot be imported, k is not positive, or a feature is
            not finite.
    """
    if k < 1:
        raise VidclError(f"Ask for at least one neighbour, not {k}.")
    source, queries = as_rows(features), np.asarray(queries, dtype=np.int64)
    gallery = np.arange(source.shape[0]) if among is None else among
    place = chosen_device(device)
    propose = proposer(backend, place)
    found = np.full((len(queries), k), -1, dtype=np.int64)
    scores = np.full((len(queries), k), -np.inf)
    tick = ticker(progress, len(queries), gallery, source.shape[1])
    for part in query_groups(len(queries), source.shape[1]):
        barred = lists_of(excluded(queries[part]))
        asked = Asked(source, queries[part], gallery, barred, place)
        found[part], scores[part] = _proposed(asked, k, propose, tick)
    return found, scores


def _proposed(
    asked: Asked, k: int, propose: Proposer, tick: Callable[[], None]
) -> tuple[np.ndarray, np.ndarray]:
    """The answer for queries that go through the features together."""
    kept = k + SPARE
    rough = np.full((len(asked), kept), -np.inf, dtype=np.float32)
    rows = np.full((len(asked), kept), -1, dtype=np.int64)
    for tile in asked.tiles():
        part, (values, local) = tile.part, propose(tile, kept)
        both = np.concatenate([rough[part], values], axis=1)
        best = np.argpartition(-both, kept - 1, axis=1)[:, :kept]
        rough[part] = np.take_along_axis(both, best, axis=1)
        rows[part] = np.take_along_axis(
            np.concatenate([rows[part], tile.numbers[local]], axis=1), best, axis=1
        )
        tick()
    slack = rough_slack(asked.exact.shape[1])
    last = rough.min(axis=1).astype(np.float64)
    # The k best so far score at least as much as the k-th less the slack: others need not be asked.
    floor = np.partition(rough, kept - k, axis=1)[:, kept - k].astype(np.float64) - 2 * slack
    rows[np.isneginf(rough) | (rough < floor[:, None])] = -1
    found, scores = _decided(asked, rows, k)
    # Nothing unseen scores above the last candidate by more than the slack.
    doubtful = np.flatnonzero(np.isfinite(last) & (scores[:, -1] <= last + slack))
    if len(doubtful):
        found[doubtful], scores[doubtful] = _all_above(
            asked.some(doubtful), scores[doubtful, -1], k
        )
    return found, scores


def _decided(asked: Asked, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k best of the candidates ``rows`` [Q, M] (-1: none) by their exact scores."""
    exact = np.full(rows.shape, -np.inf)
    places, _ = valid = np.nonzero(rows >= 0)
    exact[valid] = pair_scores(asked.source, asked.exact, places, rows[valid])
    best = np.lexsort((rows, -exact), axis=1)[:, :k]
    return np.take_along_axis(rows, best, axis=1), np.take_along_axis(exact, best, axis=1)


def _all_above(asked: Asked, known: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k best of all rows that can reach the score ``known`` [Q], which k rows do reach."""
    floor = torch.from_numpy((known - 2 * rough_slack(asked.exact.shape[1])).astype(np.float32))
    found = np.full((len(asked), k), -1, dtype=np.int64)
    scores = np.full((len(asked), k), -np.inf)
    for tile in asked.tiles():
        part, rough = tile.part, tile.scores()
        above = (rough >= floor[part].to(rough.device)[:, None]).nonzero().cpu().numpy()
        if not len(above):
            continue
        places, rows = above[:, 0], tile.numbers[above[:, 1]]
        exact = pair_scores(asked.source, asked.exact[part], places, rows)
        counts = np.bincount(places, minlength=part.stop - part.start)
        wide = np.full((len(counts), k + counts.max()), -1, dtype=np.int64)
        fine = np.full(wide.shape, -np.inf)
        wide[:, :k], fine[:, :k] = found[part], scores[part]
        column = k + np.arange(len(places)) - np.repeat(np.cumsum(counts) - counts, counts)
        wide[places, column], fine[places, column] = rows, exact
        best = np.lexsort((wide, -fine), axis=1)[:, :k]
        found[part] = np.take_along_axis(wide, best, axis=1)
        scores[part] = np.take_along_axis(fine, best, axis=1)
    return found, scores
