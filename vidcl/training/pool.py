"""The tracks of one stream and the pairs of crops that its gap in time admits."""

import numpy as np

from vidcl.errors import VidclError
from vidcl.training.config import StreamConfig
from vidcl.training.image_folder import TrainingData

#: Times are float32 seconds: gaps are compared with this much slack.
SLACK = 1e-4


class TrackPool:
    """The training tracks of one stream, and the pairs that its gap admits.

    A pair (i, j), i <= j, is admissible if ``gap[0] <= times[j] - times[i] <= gap[1]``; all
    admissible pairs of a track are equally likely, in either order. A track that has none gives the
    pair whose gap comes nearest (its largest, for a track that is too short; one crop twice, for a
    track of length one), so that systems with different gaps see the same tracks equally often.

    With ``candidates`` > 1 so many pairs are drawn, and the one is taken between whose crops the
    look changed most: the largest sum of ``changes[i + 1 .. j]``, the first drawn of equals. The
    path counts and not the two ends alone: a thing that has turned all round has shown more.

    Attributes:
        rows: int64 [R], rows of the store.
        video: object [R], their videos.
        change: float32 [R], how much their look changes.
        fallbacks: how many of the tracks have no admissible pair.
    """

    def __init__(
        self,
        store: TrainingData,
        config: StreamConfig,
        splits: tuple[str, ...] = ("train",),
        candidates: int = 1,
    ) -> None:
        self.rows = store.select(
            kind=config.kind, proposer=config.proposer, tracker=config.tracker, split=splits
        )
        if not len(self.rows):
            wanted = ", ".join(
                f"{name} {' or '.join(values)}"
                for name in ("kind", "proposer", "tracker")
                if (values := getattr(config, name))
            )
            have = sorted(set(zip(store.kind, store.proposer, store.tracker, strict=True)))
            raise VidclError(
                f"{store.path} has no training track of {wanted}: it has (kind, proposer, "
                f"tracker) {', '.join(map(str, have))}; extract such tracks or choose another "
                "preset."
            )
        self.video = store.video_id[self.rows]
        self.change = store.change[self.rows]
        self.lengths = store.lengths[self.rows]
        self.first = np.concatenate([[0], np.cumsum(self.lengths)[:-1]])  # first crop of each track
        times = [np.asarray(store.times(int(row)), np.float64) for row in self.rows]
        self.times = np.concatenate(times)
        self._admit(*config.gap)
        self.candidates = candidates
        if candidates > 1:
            self.path = look_paths(store, self.rows)

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
        shape = (len(tracks), self.candidates)
        draw = generator.integers(0, np.maximum(total, 1)[:, None], shape)
        draw += self.before[self.first[tracks]][:, None]
        i = np.searchsorted(self.before, draw, side="right") - 1
        i = np.minimum(i, len(self.start) - 1)
        j = self.start[i] + draw - self.before[i]
        if self.candidates > 1:
            within = np.minimum(j, len(self.path) - 1)  # of tracks without pair, not used below
            best = (self.path[within] - self.path[i]).argmax(1)[:, None]
            i, j = np.take_along_axis(i, best, 1), np.take_along_axis(j, best, 1)
        i, j = i[:, 0], j[:, 0]
        steps = np.stack([i, j], 1) - self.first[tracks][:, None]
        steps = np.where(total[:, None] > 0, steps, self.nearest[tracks])
        turn = generator.integers(0, 2, len(tracks)).astype(bool)
        steps = np.where(turn[:, None], steps[:, ::-1], steps)
        times = self.times[self.first[tracks][:, None] + steps]
        return steps, np.abs(times[:, 1] - times[:, 0])


def look_paths(store: TrainingData, rows: np.ndarray) -> np.ndarray:
    """float64, one for each crop of the tracks ``rows`` in their order: how far the look has come
    up to it. The path between two crops of one track is the difference.

    Raises:
        VidclError: a shard does not hold the changes.
    """
    if not store.has_changes:
        raise VidclError(
            f"{store.path} was extracted before the change from crop to crop was measured: leave "
            "pairs.candidates at 1, or extract the videos again into another store."
        )
    return np.cumsum(np.concatenate([store.changes(int(row)) for row in rows]), dtype=np.float64)
