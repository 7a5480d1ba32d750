"""How many wrong rows come before each right one: all that any measure of a ranking needs.

A right answer's rank is one more than the wrong rows and the right answers before it. Wrong rows
are those of other instances, whatever the minimum gap, so one pass over the gallery serves every
gap. Single-precision scores of a block of rows tell most rows' side; those that lie within rounding
of a right answer's score are scored again by the exact rule.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from vidcl.evaluation.retrieval.backends import chosen_device
from vidcl.evaluation.retrieval.lists import Lists
from vidcl.evaluation.retrieval.rows import Rows
from vidcl.evaluation.retrieval.scores import pair_scores, rough_slack
from vidcl.evaluation.retrieval.tiles import Asked, query_groups, ticker

#: Rows that wait to be scored again before they are.
UNCLEAR_HELD = 1 << 21


@dataclass(frozen=True)
class Bands:
    """The scores of each query's own rows as bands of the score axis that rounding can blur.

    Query q has the edges ``edges[starts[q]:starts[q + 1]]`` float32, ascending: begin and end of
    its first band, of its second, and so on. ``band`` int64 [P]: the band of each own row, counted
    over all queries.
    """

    starts: np.ndarray
    edges: np.ndarray
    band: np.ndarray


def wrong_ahead(
    source: Rows,
    queries: np.ndarray,
    gallery: np.ndarray,
    own: Lists,
    *,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """For each own row of each query, its score and the wrong rows ranked before it.

    Args:
        source: features [N, D].
        queries: row numbers [Q].
        gallery: sorted row numbers.
        own: per query, rows of the gallery that show its instance, the query itself left out.

    Returns:
        Scores float64 and counts int64, both as ``own.rows``.

    Raises:
        VidclError: a feature is not finite.
    """
    scores, ahead = np.empty(len(own.rows)), np.empty(len(own.rows), dtype=np.int64)
    tick = ticker(progress, len(queries), gallery, source.shape[1])
    for group in query_groups(len(queries), source.shape[1]):
        first, end = group.start, group.stop
        lists, part = own.part(first, end), slice(own.starts[first], own.starts[end])
        asked = Asked(source, queries[first:end], gallery, lists, chosen_device(device))
        scores[part] = pair_scores(source, asked.exact, lists.owners(), lists.rows)
        ahead[part] = _ahead_of(asked, queries[first:end], scores[part], tick)
    return scores, ahead


def _ahead_of(
    asked: Asked, queries: np.ndarray, scores: np.ndarray, tick: Callable[[], None]
) -> np.ndarray:
    """Wrong rows before each own row of queries that go through the gallery together."""
    own = asked.barred
    asked.barred = with_self(own, queries)
    order, bands = banded(own, scores, rough_slack(asked.exact.shape[1]))
    # One count per query and side: below its first band, in it, between it and the second, ...
    sides = np.zeros(len(bands.edges) + len(own), dtype=np.int64)
    within = np.zeros(len(own.rows), dtype=np.int64)  # in the order of ``order``
    unclear = _Unclear(asked, own.rows[order], scores[order], bands.band, within)
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(threads) as pool:
        for tile in asked.tiles():
            rough = tile.scores().cpu().numpy()
            step = -(-len(rough) // threads)
            shares = [range(at, min(at + step, len(rough))) for at in range(0, len(rough), step)]
            for places, local, band in pool.map(
                _counter(rough, tile.part.start, bands, sides), shares
            ):
                unclear.add(places, tile.numbers[local], band)
            tick()
    unclear.decide()
    # All that lie above the band of an own row, and those of its band that the exact score puts
    # before it.
    owners = own.owners()
    sums = np.concatenate([[0], np.cumsum(sides)])
    above = bands.starts[owners] + owners  # where the query's counts begin
    first_band = bands.starts[owners] // 2
    above += 2 * (bands.band - first_band) + 2
    ends = bands.starts[owners + 1] + owners + 1
    ahead = np.empty(len(own.rows), dtype=np.int64)
    ahead[order] = sums[ends] - sums[above] + within
    return ahead


def with_self(own: Lists, queries: np.ndarray) -> Lists:
    """The lists with the query's own row at the end of each."""
    return Lists(own.starts + np.arange(len(own) + 1), np.insert(own.rows, own.starts[1:], queries))


def banded(own: Lists, scores: np.ndarray, slack: float) -> tuple[np.ndarray, Bands]:
    """The order of the own rows by query and ascending score, and the bands in that order."""
    owners = own.owners()
    order = np.lexsort((scores, owners))
    ordered = scores[order]
    fresh = np.ones(len(ordered), dtype=bool)
    if len(ordered):
        # Single-precision edges are rounded outwards, by less than 1e-6 together.
        apart = np.diff(ordered) > 2 * slack + 1e-6
        fresh[1:] = apart | (np.diff(owners[order]) > 0)
    first = np.flatnonzero(fresh)
    last = np.append(first[1:], len(ordered))[: len(first)] - 1
    edges = np.empty((len(first), 2), dtype=np.float32)
    edges[:, 0] = np.nextafter((ordered[first] - slack).astype(np.float32), np.float32(-np.inf))
    edges[:, 1] = np.nextafter((ordered[last] + slack).astype(np.float32), np.float32(np.inf))
    counts = 2 * np.bincount(owners[order][first], minlength=len(own))
    starts = np.concatenate([[0], np.cumsum(counts)])
    return order, Bands(starts, edges.ravel(), np.cumsum(fresh) - 1)


def _counter(
    rough: np.ndarray, first: int, bands: Bands, sides: np.ndarray
) -> Callable[[range], tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Count a share of a tile's queries; gives what is unclear: query, row of the block, band."""

    def count(share: range) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        places, local, band = [], [], []
        for place in share:
            query = first + place
            low, high = int(bands.starts[query]), int(bands.starts[query + 1])
            if low == high:
                continue
            edges = bands.edges[low:high]
            reached = np.flatnonzero(rough[place] >= edges[0])
            if not len(reached):
                continue
            side = np.searchsorted(edges, rough[place][reached], side="right")
            counts = np.bincount(side, minlength=len(edges) + 1)
            sides[low + query : high + query + 1] += counts
            blurred = np.flatnonzero(side & 1)
            if len(blurred):
                places.append(np.full(len(blurred), query))
                local.append(reached[blurred])
                band.append(low // 2 + (side[blurred] >> 1))
        if not places:
            return (np.empty(0, np.int64),) * 3
        return np.concatenate(places), np.concatenate(local), np.concatenate(band)

    return count


class _Unclear:
    """Rows within rounding of an own row's score, gathered until it pays to score them again."""

    def __init__(
        self,
        asked: Asked,
        rows: np.ndarray,
        scores: np.ndarray,
        band: np.ndarray,
        within: np.ndarray,
    ) -> None:
        self.asked, self.rows, self.scores, self.within = asked, rows, scores, within
        self.first = np.searchsorted(band, np.arange(band[-1] + 2 if len(band) else 1))
        self.waiting: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.count = 0

    def add(self, places: np.ndarray, rows: np.ndarray, band: np.ndarray) -> None:
        self.waiting.append((places, rows, band))
        self.count += len(places)
        if self.count > UNCLEAR_HELD:
            self.decide()

    def decide(self) -> None:
        """Compare each with the own rows of its band, by score and then by row."""
        if not self.count:
            return
        places, rows, band = (np.concatenate(part) for part in zip(*self.waiting, strict=True))
        self.waiting, self.count = [], 0
        scores = pair_scores(self.asked.source, self.asked.exact, places, rows)
        sizes = self.first[band + 1] - self.first[band]
        for nth in range(int(sizes.max())):
            some = sizes > nth
            own = self.first[band[some]] + nth
            before = scores[some] > self.scores[own]
            before |= (scores[some] == self.scores[own]) & (rows[some] < self.rows[own])
            self.within += np.bincount(own[before], minlength=len(self.within))
