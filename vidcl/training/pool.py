"""The tracks of one stream and the pairs of crops that its gap in time admits."""

from collections.abc import Callable, Iterator

import numpy as np

from vidcl.errors import VidclError
from vidcl.training.config import StreamConfig
from vidcl.training.image_folder import TrainingData
from vidcl.training.scratch import scratch

#: Times are float32 seconds: gaps are compared with this much slack.
SLACK = 1e-4
#: Crops that the pairs are made up for at a time.
PART = 2**14


class TrackPool:
    """The training tracks of one stream, and the pairs that its gap admits.

    A pair (i, j), i <= j, is admissible if ``gap[0] <= times[j] - times[i] <= gap[1]``; all
    admissible pairs of a track are equally likely, in either order. A track that has none gives the
    pair whose gap comes nearest (its largest, for a track that is too short; one crop twice, for a
    track of length one), so that systems with different gaps see the same tracks equally often.

    With ``candidates`` > 1 so many pairs are drawn, and the one is taken between whose crops the
    look changed most: the largest sum of ``changes[i + 1 .. j]``, the first drawn of equals. The
    path counts and not the two ends alone: a thing that has turned all round has shown more.

    What is known of every crop (20 bytes, 28 with candidates) is ``scratch``, so memory does not
    grow with the store; pairs of one crop with itself need nothing of it.

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
        self.store = store
        self.lengths = store.lengths[self.rows]
        self.first = np.cumsum(self.lengths) - self.lengths  # first crop of each track
        self.candidates = candidates
        self.same_crop = config.gap[1] == 0  # then every crop is a pair with itself alone
        if candidates > 1 and not store.has_changes:
            raise VidclError(
                f"{store.path} was extracted before the change from crop to crop was measured: "
                "leave pairs.candidates at 1, or extract the videos again into another store."
            )
        if self.same_crop:
            self.totals, self.fallbacks = self.lengths, int((self.lengths == 0).sum())
            return
        self.times = self._of_crops(store.times)
        self._admit(*config.gap)
        if candidates > 1:
            self.path = look_path(self._of_crops(store.changes))

    @property
    def video(self) -> np.ndarray:
        return self.store.video_id[self.rows]

    @property
    def change(self) -> np.ndarray:
        return self.store.change[self.rows]

    def _parts(self) -> Iterator[tuple[slice, slice]]:
        """Tracks, and their crops, a part at a time: what is made on the way stays small."""
        begin, last = 0, len(self.rows)
        while begin < last:
            low = int(self.first[begin])
            end = max(begin + 1, int(np.searchsorted(self.first, low + PART)))
            high = int(self.first[end - 1] + self.lengths[end - 1])
            yield slice(begin, end), slice(low, high)
            begin = end

    def _of_crops(self, values: Callable[[int], np.ndarray]) -> np.ndarray:
        """float32, one for each crop of the pool: ``values`` of every track."""
        out = scratch(int(self.lengths.sum()), np.float32)
        for tracks, crops in self._parts():
            np.concatenate([values(row) for row in self.rows[tracks].tolist()], out=out[crops])
        return out

    def _admit(self, low: float, high: float) -> None:
        """For every crop i: the admissible j are ``start[i] .. start[i] + count[i]``."""
        self.start = scratch(len(self.times), np.int64)
        #: admissible pairs before each crop, over all tracks
        self.before = scratch(len(self.times) + 1, np.int64)
        self.totals = scratch(len(self.rows), np.int64)
        #: steps of a pair for tracks without an admissible one
        self.nearest = scratch((len(self.rows), 2), np.int64)
        self.fallbacks = 0
        # all tracks on one axis, too far from each other to meet
        spread = float(self.times.max()) - float(self.times.min()) + high + 1
        for tracks, crops in self._parts():
            lengths, times = self.lengths[tracks], self.times[crops].astype(np.float64)
            track = np.repeat(np.arange(tracks.start, tracks.stop), lengths)
            stop = np.repeat(self.first[tracks] + lengths, lengths)
            axis = times + track * spread
            own = np.arange(crops.start, crops.stop)
            start = np.searchsorted(axis, axis + low - SLACK) + crops.start
            end = np.searchsorted(axis, axis + high + SLACK, side="right") + crops.start
            start, end = np.clip(start, own, stop), np.clip(end, own, stop)
            count = np.cumsum(np.maximum(end - start, 0))
            self.start[crops] = start
            self.before[crops.start + 1 : crops.stop + 1] = self.before[crops.start] + count
            ends = self.first[tracks] + lengths
            self.totals[tracks] = self.before[ends] - self.before[self.first[tracks]]
            lonely = self.totals[tracks] == 0
            self.fallbacks += int(lonely.sum())
            self._pair_nearest(own[np.repeat(lonely, lengths)], crops, track, stop, low, high)

    def _pair_nearest(
        self,
        first: np.ndarray,
        crops: slice,
        track: np.ndarray,
        stop: np.ndarray,
        low: float,
        high: float,
    ) -> None:
        """Fill ``nearest`` for the tracks of the crops ``first``: what is nearest to the interval.

        ``track`` and ``stop`` of ``crops``: number of each crop's track, and its end.
        """
        if not len(first):
            return
        # from crop i, the gaps on both sides of the interval are those to start - 1 and start
        i = np.concatenate([first, first])
        j = np.concatenate([np.maximum(self.start[first] - 1, first), self.start[first]])
        valid = j < stop[i - crops.start]
        i, j = i[valid], j[valid]
        gap = self.times[j].astype(np.float64) - self.times[i]
        distance = np.maximum(low - gap, gap - high)
        best = np.lexsort((i, distance, track[i - crops.start]))
        tracks, at = np.unique(track[i - crops.start][best], return_index=True)
        self.nearest[tracks] = np.stack([i[best][at], j[best][at]], 1) - self.first[tracks][:, None]

    def pairs(
        self, tracks: np.ndarray, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """One pair of each track (numbers into ``rows``): steps int64 [n, 2], gaps [n] seconds."""
        total = self.totals[tracks]
        shape = (len(tracks), self.candidates)
        first = self.first[tracks][:, None]
        draw = generator.integers(0, np.maximum(total, 1)[:, None], shape)
        if self.same_crop:
            steps = np.repeat(draw[:, :1], 2, 1)
            generator.integers(0, 2, len(tracks))  # in which order: drawn as below, of no matter
            return steps, np.zeros(len(tracks))
        draw += self.before[first]
        i = np.searchsorted(self.before, draw, side="right") - 1
        i = np.minimum(i, len(self.start) - 1)
        j = self.start[i] + draw - self.before[i]
        if self.candidates > 1:
            within = np.minimum(j, len(self.path) - 1)  # of tracks without pair, not used below
            best = (self.path[within] - self.path[i]).argmax(1)[:, None]
            i, j = np.take_along_axis(i, best, 1), np.take_along_axis(j, best, 1)
        steps = np.concatenate([i, j], 1) - first
        steps = np.where(total[:, None] > 0, steps, self.nearest[tracks])
        turn = generator.integers(0, 2, len(tracks)).astype(bool)
        steps = np.where(turn[:, None], steps[:, ::-1], steps)
        times = self.times[first + steps].astype(np.float64)
        return steps, np.abs(times[:, 1] - times[:, 0])


def look_path(changes: np.ndarray) -> np.ndarray:
    """float64, one for each crop: how far the look has come up to it, the sum of ``changes`` [n].
    The path between two crops of one track is the difference."""
    path = scratch(len(changes), np.float64)
    return np.cumsum(changes, dtype=np.float64, out=path)
