"""In which order tracks are drawn: dealt like cards, so that none waits long for its turn."""

import numpy as np


class Deck:
    """Deals all cards, then shuffles and deals again; any position can be asked for.

    A card is a track, or a video whose track is then drawn at random. With weights, n tracks still
    make n cards, and track k has n w_k / sum w of them on average: rounded up or down, anew for
    every shuffle.
    """

    def __init__(
        self,
        tracks: int,
        seed: tuple[int, int],
        *,
        videos: np.ndarray | None = None,
        weights: np.ndarray | None = None,
    ) -> None:
        """Of ``tracks`` tracks; at most one of ``videos`` (names [tracks]) and ``weights``
        (float64 [tracks], positive) may be given."""
        self.seed = seed
        self.cards = tracks
        self.by_video: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
        self.weights = weights
        if videos is not None:
            names = sorted(set(videos.tolist()))
            numbers = {name: number for number, name in enumerate(names)}
            number = np.fromiter(map(numbers.__getitem__, videos), np.int64, tracks)
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
            generator = np.random.default_rng((*self.seed, number, 1))
            order = generator.permutation(self.cards)
            if self.weights is not None:
                order = deal(self.weights, generator.random())[order]
            self._shuffled[number] = order
        return self._shuffled[number]


def deal(weights: np.ndarray, offset: float) -> np.ndarray:
    """n cards for n tracks, int64 [n] ascending: track k has floor or ceiling of n w_k / sum w.

    Systematic sampling: the weights laid end to end on a line of length n, one card at ``offset``
    (in [0, 1)) and at every unit from there. Over uniform offsets the mean is n w_k / sum w.
    """
    count = len(weights)
    ends = np.cumsum(weights) * (count / weights.sum())
    cards = np.searchsorted(ends, np.arange(count) + offset, side="right")
    return np.minimum(cards, count - 1)  # the last end may be rounded below n


def change_weights(change: np.ndarray, floor: float) -> np.ndarray:
    """Weights float64 [n] of tracks by how much their look changes, [n] in [0, 2], see
    ``vidcl.tracks.extraction.change``: ``floor`` + the change, which counts as 1 at most, since
    looks that have nothing in common are no more various for being each other's negative. A track
    that never changes keeps the weight ``floor`` > 0 and so stays in play."""
    return floor + np.clip(change.astype(np.float64), 0.0, 1.0)
