"""Link candidate boxes from frame to frame by their features."""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from vidcl.errors import VidclError
from vidcl.tracks.boxes import centres_sizes, from_centres
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.trackers.base import Moved
from vidcl.tracks.trackers.descriptors import describe_regions, unit

#: A picture uint8 [H, W, 3] and boxes float64 [N, 4] in its pixels -> features float32 [N, D].
EmbedRegions = Callable[[np.ndarray, np.ndarray], np.ndarray]


class NamedEmbedding(Protocol):
    """An ``EmbedRegions`` that a store can remember: picklable, and told from others by a name."""

    @property
    def name(self) -> str:
        """The same for the same features, whatever the process."""

    def __call__(self, picture: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Features float32 [N, D] of boxes float64 [N, 4] in a picture uint8 [H, W, 3]."""


#: The current scene -> candidates float64 [M, 4], working pixels.
Candidates = Callable[[Scene], np.ndarray]

#: Spread of the prior: of a move in sides of the box, of a change of its sides as a logarithm.
PLACE_SPREAD = 0.5
SIZE_SPREAD = 0.3
#: Moves and changes of so many spreads are excluded.
CUT_OFF = 2.0
#: Links score at least this.
MIN_SCORE = 0.3
#: How fast a region's features take on those of its links, per followed frame.
RATE = 0.03
#: Of so many local candidates per region a handed-in embedding has the choice.
SHORTLIST = 8
#: Local candidates: shifts in sides of the box, scales, and the largest shift tried together with
#: a change of scale.
SHIFTS = (-0.4, -0.22, -0.1, -0.03, 0.0, 0.03, 0.1, 0.22, 0.4)
SCALES = (0.92, 0.97, 1.0, 1.03, 1.09)
SCALED_SHIFT = 0.12


class LinkTracker:
    """Region tracks of Purushwalkam & Gupta (2020): in every frame there are candidate boxes, and
    each region goes to the candidate that looks like it and is in a plausible place.

    The score of a link is cos(f, g) * exp(-(d / PLACE_SPREAD)^2 / 2 - (s / SIZE_SPREAD)^2 / 2),
    0 for a negative cosine: f are the candidate's features; g the region's, those of its first box
    slowly moved towards those of its links; d is the move in sides of the box, s the root mean
    square of the logarithms of how width and height change. No two regions take the same candidate;
    the best links are made first.

    The confidence is the cumulative score of the chain, (c_1 + ... + c_t) / t over the frames since
    the region began, with c = 0 where it found no link; in such a frame the region stays where it
    was and its confidence is 0.

    Args:
        embed_regions: gives the features, of full-size frames; None is ``describe_regions`` on
            working copies.
        propose: gives the candidates of a frame. None is a dense search about every box; since an
            encoder costs milliseconds a box, ``describe_regions`` then cuts each region's local
            candidates down to ``SHORTLIST`` before ``embed_regions`` chooses among them.
    """

    needs_flow = False

    def __init__(
        self, embed_regions: EmbedRegions | None = None, propose: Candidates | None = None
    ) -> None:
        self._propose = propose
        #: What compares, the coarse before the fine.
        self._stages: list[_Looks] = []
        if embed_regions is None or propose is None:
            self._stages.append(_Looks(None))
        if embed_regions is not None:
            self._stages.append(_Looks(embed_regions))
        self._sums = np.zeros(0)
        self._ages = np.zeros(0)

    def add(self, scene: Scene, boxes: np.ndarray) -> None:
        for looks in self._stages:
            looks.add(scene, boxes)
        self._sums = np.concatenate([self._sums, np.zeros(len(boxes))])
        self._ages = np.concatenate([self._ages, np.zeros(len(boxes))])

    def keep(self, rows: np.ndarray) -> None:
        for looks in self._stages:
            looks.keep(rows)
        self._sums, self._ages = self._sums[rows], self._ages[rows]

    def step(self, scene: Scene, boxes: np.ndarray) -> Moved:
        if self._propose is None:
            candidates, prior = local_candidates(boxes)
        else:
            candidates = self._propose(scene)
            prior = plausibility(boxes, candidates)
        features: list[np.ndarray] = []
        scores = prior
        for looks in self._stages:
            if features:
                best = np.unique(np.argsort(-scores, axis=1, kind="stable")[:, :SHORTLIST])
                candidates, prior = candidates[best], prior[:, best]
                features = [found[best] for found in features]
            features.append(looks.embed(scene, candidates))
            scores = looks.cosines(features[-1]) * prior
        links = assign(scores, MIN_SCORE)

        linked = np.flatnonzero(links >= 0)
        chosen = links[linked]
        out, confidence = boxes.copy(), np.zeros(len(boxes))
        out[linked] = candidates[chosen]
        for looks, found in zip(self._stages, features, strict=True):
            looks.learn(found[chosen], linked)
        self._ages += 1
        self._sums[linked] += scores[linked, chosen]
        confidence[linked] = self._sums[linked] / self._ages[linked]
        return Moved(out, np.zeros(len(boxes)), confidence)


def local_candidates(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes about every region: float64 [N * K, 4] of float64 [N, 4], and their plausibility
    float64 [N, N * K], which is 0 for those about other regions."""
    shifts = np.array(
        [
            (x, y, scale)
            for scale in SCALES
            for y in SHIFTS
            for x in SHIFTS
            if scale == 1 or max(abs(x), abs(y)) <= SCALED_SHIFT
        ]
    )
    centres, sizes = centres_sizes(boxes)
    around = from_centres(
        (centres[:, None] + shifts[:, :2] * sizes[:, None]).reshape(-1, 2),
        (sizes[:, None] * shifts[:, 2:]).reshape(-1, 2),
    )
    squares = (shifts[:, :2] ** 2).sum(axis=1) / PLACE_SPREAD**2
    squares += np.log(shifts[:, 2]) ** 2 / SIZE_SPREAD**2
    prior = np.eye(len(boxes))[:, :, None] * np.exp(-0.5 * squares)
    return around, prior.reshape(len(boxes), -1)


def plausibility(boxes: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """The prior of moving from each box to each candidate, float64 [N, M] in [0, 1]; 0 for what is
    excluded: see ``LinkTracker`` and ``CUT_OFF``.

    Args:
        boxes: float64 [N, 4].
        candidates: float64 [M, 4]; those without area are excluded.
    """
    centres, sizes = centres_sizes(boxes)
    there, sides = centres_sizes(candidates)
    sizes = np.maximum(sizes, 1e-6)
    solid = sides.min(axis=1) > 0
    moves = (there[None] - centres[:, None]) / sizes[:, None]
    changes = np.log(np.where(solid[:, None], sides, 1.0)[None] / sizes[:, None])
    place = (moves**2).sum(axis=2) / PLACE_SPREAD**2
    size = (changes**2).mean(axis=2) / SIZE_SPREAD**2
    possible = solid & (place <= CUT_OFF**2) & (size <= CUT_OFF**2)
    return np.where(possible, np.exp(-0.5 * (place + size)), 0.0)


def assign(scores: np.ndarray, least: float) -> np.ndarray:
    """One candidate at most per region and one region per candidate, the best pair first.

    Args:
        scores: float [N, M]; ties go to the lower region, then to the lower candidate.

    Returns:
        int64 [N], the candidate of each region; -1 where none is left that scores ``least``.
    """
    links = np.full(len(scores), -1, dtype=np.int64)
    left = scores.copy()
    for _ in range(min(scores.shape)):
        region, candidate = divmod(int(left.argmax()), scores.shape[1])
        if left[region, candidate] < least:
            break
        links[region] = candidate
        left[region] = left[:, candidate] = -np.inf
    return links


class _Looks:
    """Features of all regions under one embedding, in the order of the regions."""

    def __init__(self, embed_regions: EmbedRegions | None) -> None:
        self._embed = embed_regions
        self._features: np.ndarray | None = None  # float32 [N, D]; D shows with the first region

    def add(self, scene: Scene, boxes: np.ndarray) -> None:
        fresh = self.embed(scene, boxes)
        known = self._features
        self._features = fresh if known is None else np.concatenate([known, fresh])

    def keep(self, rows: np.ndarray) -> None:
        if self._features is not None:
            self._features = self._features[rows]

    def embed(self, scene: Scene, boxes: np.ndarray) -> np.ndarray:
        """Features of unit norm, float32 [N, D], of boxes float64 [N, 4] in working pixels."""
        if self._embed is None:
            return describe_regions(scene.picture, boxes)
        features = self._embed(scene.image, scene.to_source(boxes))
        if features.ndim != 2 or len(features) != len(boxes) or not np.isfinite(features).all():
            raise VidclError(
                f"embed_regions gave features of shape {features.shape} for {len(boxes)} boxes, or "
                "not finite ones: it must give one finite row per box."
            )
        return unit(features).astype(np.float32)

    def cosines(self, features: np.ndarray) -> np.ndarray:
        """Of every region with every candidate, float32 [N, M]; 0 where negative."""
        assert self._features is not None
        return np.clip(self._features @ features.T, 0.0, 1.0)

    def learn(self, features: np.ndarray, rows: np.ndarray) -> None:
        """Move the features of regions ``rows`` towards those of their links, [len(rows), D]."""
        assert self._features is not None
        mixed = (1 - RATE) * self._features[rows] + RATE * features
        self._features[rows] = unit(mixed)
