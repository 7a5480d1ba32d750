"""The score on which ranks are decided, and how far a single-precision score may be from it.

The score of a pair is the inner product of the two unit-length features in double precision,
rounded to multiples of 2^-30; equal scores go to the lower row number.
"""

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from vidcl.evaluation.retrieval.rows import Rows, slices_with, unit_rows

SCORE_GRID = 2.0**30
#: Values of pairs that are multiplied at a time by one thread, in double precision: 4 MiB.
PAIR_VALUES = 1 << 19
#: Rows of the gallery that one thread looks through at a time for pairs.
PAIR_ROWS = 256
#: Where one pair in so many is asked for, the matrix product of all is quicker than the pairs.
DENSE = 16


def quantised(scores: np.ndarray) -> np.ndarray:
    """Scores on the grid on which ties are decided."""
    return np.rint(scores * SCORE_GRID) / SCORE_GRID


def rough_slack(dim: int) -> float:
    """How far a single-precision inner product of unit rows can lie from the score of the pair.

    Rounding grows like sqrt(D) units of the last place (Higham & Mary, 2019); four times that is
    far outside what any order of summation reaches, and the grid's half step is added.
    """
    return float(4 * np.sqrt(dim) * 2.0**-24 + 1 / SCORE_GRID)


def pair_scores(
    source: Rows, asking: np.ndarray, places: np.ndarray, numbers: np.ndarray
) -> np.ndarray:
    """The scores of pairs, the same whatever the blocking.

    Args:
        source: features [N, D].
        asking: float64 [Q, D], the queries' unit rows.
        places: int [P], for every pair a row of ``asking``.
        numbers: int [P], for every pair a row of ``source``.

    Returns:
        float64 [P], on the grid.
    """
    scores = np.empty(len(places))
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    fresh = np.diff(ordered, prepend=-1) > 0
    index, wanted = np.cumsum(fresh) - 1, ordered[fresh]
    starts = np.append(np.flatnonzero(fresh), len(ordered))

    def score(job: tuple[np.ndarray, slice, np.ndarray]) -> None:
        stored, part, _ = job
        pairs = slice(int(starts[part.start]), int(starts[part.stop]))
        some = order[pairs]
        scores[some] = _scored(asking, places[some], unit_rows(stored), index[pairs] - part.start)

    threads = torch.get_num_threads()
    jobs = slices_with(source, wanted, PAIR_ROWS)
    with ThreadPoolExecutor(threads) as pool:
        # A few at a time: all that are handed in hold their rows.
        while some := list(itertools.islice(jobs, 4 * threads)):
            list(pool.map(score, some))
    return scores


def _scored(
    asking: np.ndarray, places: np.ndarray, rows: np.ndarray, index: np.ndarray
) -> np.ndarray:
    """Scores of the pairs ``asking[places]``, ``rows[index]``, both of unit length."""
    asked = np.flatnonzero(np.bincount(places))
    if len(places) * DENSE < len(asked) * len(rows):
        return quantised(_summed(asking, places, rows, index))
    # Many pairs of few rows: a matrix product is quicker. It sums in an order of its own, which
    # tells only where a score lies within rounding of the middle between two points of the grid.
    scores = np.empty(len(places))
    position = np.zeros(len(asking), dtype=np.int64)
    order = np.argsort(places, kind="stable")
    step = max(1, PAIR_VALUES // max(asking.shape[1], len(rows)))
    for first in range(0, len(asked), step):
        part = asked[first : first + step]
        low, high = np.searchsorted(places, (part[0], part[-1] + 1), sorter=order)
        pairs = order[low:high]
        position[part] = np.arange(len(part))
        scores[pairs] = (asking[part] @ rows.T)[position[places[pairs]], index[pairs]]
    steps = scores * SCORE_GRID
    doubt = 0.5 - asking.shape[1] * 2.0**-52 * SCORE_GRID
    again = np.flatnonzero(np.abs(steps - np.rint(steps)) >= doubt)
    scores[again] = _summed(asking, places[again], rows, index[again])
    return quantised(scores)


def _summed(
    asking: np.ndarray, places: np.ndarray, rows: np.ndarray, index: np.ndarray
) -> np.ndarray:
    """Inner products of pairs, each summed in the same order."""
    sums = np.empty(len(places))
    step = max(1, PAIR_VALUES // asking.shape[1])
    for first in range(0, len(places), step):
        part = slice(first, first + step)
        products = rows[index[part]]
        products *= asking[places[part]]
        sums[part] = products.sum(axis=1)
    return sums
