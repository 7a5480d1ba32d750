"""Draw positive pairs: two crops of one track, a given time apart.

Everything drawn for a step is a function of (seed, step), whatever the number of processes: a run
can stop and go on anywhere, and each process takes its slice of the same batch.
"""

from dataclasses import dataclass, replace

import numpy as np

from vidcl.errors import VidclError
from vidcl.training.config import PairConfig
from vidcl.training.deck import Deck, change_weights
from vidcl.training.image_folder import TrainingData
from vidcl.training.pool import TrackPool


@dataclass(frozen=True)
class PairBatch:
    """B pairs, those of one stream together.

    Attributes:
        rows: int64 [B], the track, as row of the store.
        steps: int64 [B, 2], the crops of query and key.
        stream: int64 [B], which stream each pair comes from.
        gap: float64 [B], seconds between the two crops.
        everyone: the batch of all processes, where there are several, and
        places: int64 [B], where in it these pairs are.
    """

    rows: np.ndarray
    steps: np.ndarray
    stream: np.ndarray
    gap: np.ndarray
    everyone: "PairBatch | None" = None
    places: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, which: np.ndarray) -> "PairBatch":
        """Some of these pairs, int64 [M], as a batch of one process."""
        return PairBatch(self.rows[which], self.steps[which], self.stream[which], self.gap[which])


class PairSampler:
    """``sampler.batch(step)`` for any step.

    Attributes:
        pools: one per stream.
        rows: int64, the tracks of all pools, each once.
        crops: number of their crops.
    """

    def __init__(
        self,
        store: TrainingData,
        config: PairConfig,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        """``batch_size`` counts the pairs of all processes; this is process ``rank`` of ``world``.

        Raises:
            VidclError: a stream finds no track, the batch cannot be shared out, or candidates are
                to be compared and the store does not say how its crops differ.
        """
        if batch_size % world:
            raise VidclError(
                f"batch_size {batch_size} must be a multiple of the {world} processes."
            )
        self.seed, self.rank, self.world = seed, rank, world
        self.pools = [
            TrackPool(store, stream, config.splits, config.candidates) for stream in config.streams
        ]
        shares = [stream.share for stream in config.streams]
        self.counts = [count * world for count in split_batch(batch_size // world, shares)]
        self.decks = [
            Deck(
                len(pool.rows),
                (seed, index),
                videos=pool.video if config.weight == "video" else None,
                weights=(
                    change_weights(pool.change, config.change_floor)
                    if config.weight == "change"
                    else None
                ),
            )
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
            parts.append((pool.rows[tracks], *pool.pairs(tracks, generator)))
        rows, steps, gap = (np.concatenate(column) for column in zip(*parts, strict=True))
        stream = np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts])
        everyone = PairBatch(rows, steps, stream, gap)
        if self.world == 1:
            return everyone
        starts = np.cumsum([0, *self.counts[:-1]])
        places = np.concatenate(
            [
                start + np.arange(self.rank, count, self.world)
                for start, count in zip(starts, self.counts, strict=True)
            ]
        )
        return replace(everyone.take(places), everyone=everyone, places=places)


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
