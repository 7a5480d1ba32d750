"""Draw positive pairs: two crops of one track, a given time apart.

Everything drawn for a step is a function of (seed, step), whatever the number of processes: a run
can stop and go on anywhere, and each process takes its slice of the same batch.
"""

from dataclasses import dataclass

import numpy as np

from vidcl.errors import VidclError
from vidcl.tracks.store import TrackStore
from vidcl.training.config import PairConfig, StreamConfig

#: Times are float32 seconds: gaps are compared with this much slack.
SLACK = 1e-4


@dataclass(frozen=True)
class PairBatch:
    """B pairs, those of one stream together.

    Attributes:
        rows: int64 [B], the track, as row of the store.
        steps: int64 [B, 2], the crops of query and key.
        stream: int64 [B], which stream each pair comes from.
        gap: float64 [B], seconds between the two crops.
    """

    rows: np.ndarray
    steps: np.ndarray
    stream: np.ndarray
    gap: np.ndarray


class PairSampler:
    """``sampler.batch(step)`` for any step.

    Attributes:
        pools: one per stream.
        rows: int64, the tracks of all pools, each once.
        crops: number of their crops.
    """

    def __init__(
        self,
        store: TrackStore,
        config: PairConfig,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        """``batch_size`` counts the pairs of all processes; this is process ``rank`` of ``world``.

        Raises:
            VidclError: a stream finds no track, or the batch cannot be shared out.
        """
        if batch_size % world:
            raise VidclError(
                f"batch_size {batch_size} must be a multiple of the {world} processes."
            )
        self.seed, self.rank, self.world = seed, rank, world
        self.pools = [TrackPool(store, stream, config.splits) for stream in config.streams]
        shares = [stream.share for stream in config.streams]
        self.counts = [count * world for count in split_batch(batch_size // world, shares)]
        self.decks = [
            Deck(pool.video if config.weight == "video" else None, len(pool.rows), (seed, index))
            for index, pool in enumerate(self.pools)
        ]
        self.rows = np.unique(np.concatenate([pool.rows for pool in self.pools]))
        self.crops = int(store.lengths[self.rows].sum())

    def batch(self, step: int) -> PairBatch:
        """This process's pairs of one step: every world-th of each stream."""
        parts = []
        for index, (pool, deck, count) in enumerate(
            zip(self.pools, self.decks, self.counts, strict=True)
        ):
            generator = np.random.default_rng((self.seed, index, step))
            tracks = deck.draw(step * count, count, generator)
            steps, gap = pool.pairs(tracks, generator)
            mine = slice(self.rank, None, self.world)
            parts.append((pool.rows[tracks][mine], steps[mine], gap[mine]))
        return PairBatch(
            rows=np.concatenate([part[0] for part in parts]),
            steps=np.concatenate([part[1] for part in parts]),
            stream=np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts]),
            gap=np.concatenate([part[2] for part in parts]),
        )


class TrackPool:
    """The training tracks of one stream, and the pairs that its gap admits.

    A pair (i, j), i <= j, is admissible if ``gap[0] <= times[j] - times[i] <= gap[1]``; all
    admissible pairs of a track are equally likely, in either order. A track that has none gives the
    pair whose gap comes nearest (its largest, for a track that is too short; one crop twice, for a
    track of length one), so that systems with different gaps see the same tracks equally often.

    Attributes:
        rows: int64 [R], rows of the store.
        video: object [R], their videos.
        fallbacks: how many of the tracks have no admissible pair.
    """

    def __init__(
        self, store: TrackStore, config: StreamConfig, splits: tuple[str, ...] = ("train",)
    ) -> None:
        self.rows = store.select(
            kind=config.kind, proposer=config.proposer, tracker=config.tracker, split=splits
        )
        if not len(self.rows):
            wanted = {k: v for k, v in config.model_dump().items() if k in _FILTERS and v}
            have = sorted(set(zip(store.kind, store.proposer, store.tracker, strict=True)))
            raise VidclError(
                f"{store.path} has no training track with {wanted}: it has (kind, proposer, "
                f"tracker) {', '.join(map(str, have))}; extract such tracks or choose another "
                "preset."
            )
        self.video = store.video_id[self.rows]
        self.lengths = store.lengths[self.rows]
        self.first = np.concatenate([[0], np.cumsum(self.lengths)[:-1]])  # first crop of each track
        times = [np.asarray(store.times(int(row)), np.float64) for row in self.rows]
        self.times = np.concatenate(times)
        self._admit(*config.gap)

    def _admit(self, low: float, high: float) -> None:
        """For every crop i: the admissible j are ``start[i] .. start[i] + count[i]``."""
        track = np.repeat(np.arange(len(self.rows)), self.lengths)
        stop = np.repeat(self.first + self.lengths, self.lengths)
        # all tracks on one axis, too far from each other to meet
        spread = self.times.max() - self.times.min() + high + 1
        axis = self.times + track * spread
        own = np.arange(len(axis))
        begin = np.searchsorted(axis, axis + low - SLACK)
        self.start = np.clip(begin, own, stop)
        end = np.clip(np.searchsorted(axis, axis + high + SLACK, side="right"), own, stop)
        if high == 0:
            end = own + 1
        count = np.maximum(end - self.start, 0)
        #: admissible pairs before each crop, over all tracks
        self.before = np.concatenate([[0], np.cumsum(count)])
        self.totals = self.before[self.first + self.lengths] - self.before[self.first]
        lonely = self.totals == 0
        self.fallbacks = int(lonely.sum())
        self.nearest = self._nearest_pairs(lonely[track], track, stop, low, high)

    def _nearest_pairs(
        self, wanted: np.ndarray, track: np.ndarray, stop: np.ndarray, low: float, high: float
    ) -> np.ndarray:
        """int64 [R, 2]: for tracks without admissible pair, the one nearest to the interval."""
        nearest = np.zeros((len(self.rows), 2), np.int64)
        first = np.flatnonzero(wanted)
        if not len(first):
            return nearest
        # from crop i, the gaps on both sides of the interval are those to start - 1 and start
        i = np.concatenate([first, first])
        j = np.concatenate([np.maximum(self.start[first] - 1, first), self.start[first]])
        valid = j < np.concatenate([stop[first], stop[first]])
        i, j = i[valid], j[valid]
        gap = self.times[j] - self.times[i]
        distance = np.maximum(low - gap, gap - high)
        best = np.lexsort((i, distance, track[i]))
        tracks, at = np.unique(track[i][best], return_index=True)
        nearest[tracks] = np.stack([i[best][at], j[best][at]], 1) - self.first[tracks][:, None]
        return nearest

    def pairs(
        self, tracks: np.ndarray, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """One pair of each track (numbers into ``rows``): steps int64 [n, 2], gaps [n] seconds."""
        total = self.totals[tracks]
        draw = self.before[self.first[tracks]] + generator.integers(0, np.maximum(total, 1))
        i = np.searchsorted(self.before, draw, side="right") - 1
        i = np.minimum(i, len(self.start) - 1)
        j = self.start[i] + draw - self.before[i]
        steps = np.stack([i, j], 1) - self.first[tracks][:, None]
        steps = np.where(total[:, None] > 0, steps, self.nearest[tracks])
        turn = generator.integers(0, 2, len(tracks)).astype(bool)
        steps = np.where(turn[:, None], steps[:, ::-1], steps)
        times = self.times[self.first[tracks][:, None] + steps]
        return steps, np.abs(times[:, 1] - times[:, 0])


class Deck:
    """Deals all cards, then shuffles and deals again; any position can be asked for.

    A card is a track, or a video whose track is then drawn at random.
    """

    def __init__(self, videos: np.ndarray | None, tracks: int, seed: tuple[int, int]) -> None:
        self.seed = seed
        self.cards = tracks
        self.by_video: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
        if videos is not None:
            names, number = np.unique(videos.astype(str), return_inverse=True)
            counts = np.bincount(number)
            starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
            self.by_video = np.argsort(number, kind="stable"), starts, counts
            self.cards = len(names)
        self._shuffled: dict[int, np.ndarray] = {}

    def draw(self, position: int, count: int, generator: np.random.Generator) -> np.ndarray:
        """Track numbers int64 [count] of the cards from ``position`` on."""
        epoch, place = np.divmod(np.arange(position, position + count), self.cards)
        cards = np.empty(count, np.int64)
        for number in np.unique(epoch):
            here = epoch == number
            cards[here] = self._epoch(int(number))[place[here]]
        if self.by_video is None:
            return cards
        tracks, starts, counts = self.by_video
        return tracks[starts[cards] + generator.integers(0, counts[cards])]

    def _epoch(self, number: int) -> np.ndarray:
        if number not in self._shuffled:
            # a batch reaches over two epochs at most, unless the deck is tiny
            self._shuffled = {k: v for k, v in self._shuffled.items() if k == number - 1}
            order = np.random.default_rng((*self.seed, number, 1)).permutation(self.cards)
            self._shuffled[number] = order
        return self._shuffled[number]


def split_batch(size: int, shares: list[float]) -> list[int]:
    """Pairs of each stream in a batch: shares times size, rounded so that they sum to size.

    Raises:
        VidclError: a stream would get none.
    """
    exact = np.array(shares) * size
    counts = np.floor(exact + 1e-9).astype(int)
    for index in np.argsort(counts - exact, kind="stable")[: size - counts.sum()]:
        counts[index] += 1
    if (counts == 0).any():
        raise VidclError(f"A batch of {size} pairs is too small for {len(shares)} streams.")
    return counts.tolist()


_FILTERS = ("kind", "proposer", "tracker")
