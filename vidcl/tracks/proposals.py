"""Where to begin: boxes of regions not yet followed, best first."""

from typing import Protocol

import cv2
import numpy as np

from vidcl.tracks.boxes import areas, fits, intersections, iou, suppress
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.scene import Scene

#: A moving region must have been seen so many frames in a row ...
SIGHTINGS = 3
#: ... at about the same place.
SAME_PLACE = 0.5
#: Proposals that overlap more than this with a better one are dropped.
MAX_IOU = 0.3
#: So are those that lie within a followed region, or hold it, by this share of the smaller one.
MAX_COVER = 0.6

#: A moving part is two if its halves' boxes fill less than this share of its box ...
SPLIT_FILL = 0.75
#: ... or if two constant motions leave less than this share of the error of one smooth motion,
SPLIT_MOTION = 0.6
#: where that error is at least so many pixels (root mean square).
MIN_ERROR = 0.15
#: Smaller moving parts, in pixels, are noise.
MIN_PIXELS = 24


class Proposals(Protocol):
    """Finds boxes in the current frame."""

    needs_flow: bool

    def reset(self) -> None:
        """A new shot begins."""

    def look(self, scene: Scene) -> None:
        """See a followed frame while there is room for regions, whether or not it is the time to
        propose."""

    def propose(self, scene: Scene) -> np.ndarray:
        """Boxes float64 [N, 4] in working pixels, best first."""


class MotionProposals:
    """Connected parts of the moving foreground that stay for a few frames."""

    needs_flow = True

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._boxes = np.zeros((0, 4))
        self._scores = np.zeros(0)
        self._seen = np.zeros(0, dtype=np.int64)

    def look(self, scene: Scene) -> None:
        boxes, scores = moving_parts(scene)
        seen = np.ones(len(boxes), dtype=np.int64)
        if len(boxes) and len(self._boxes):
            overlap = iou(boxes, self._boxes)
            match = overlap.argmax(axis=1)
            same = overlap.max(axis=1) >= SAME_PLACE
            seen += np.where(same, self._seen[match], 0)
        self._boxes, self._scores, self._seen = boxes, scores, seen

    def propose(self, scene: Scene) -> np.ndarray:
        steady = self._seen >= SIGHTINGS
        order = np.argsort(-self._scores[steady], kind="stable")
        return self._boxes[steady][order]


def moving_parts(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Boxes float64 [N, 4] of the foreground's connected parts and scores [N]: mean belief inside
    the part times the share of its box that it fills. A part that is two things side by side, or
    two that move differently, counts as two."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(scene.mask, connectivity=4)
    boxes, scores = [], []
    for label in range(1, count):
        left, top, width, height, area = stats[label]
        if area < MIN_PIXELS:
            continue
        window = (slice(top, top + height), slice(left, left + width))
        ys, xs = np.nonzero(labels[window] == label)
        points = np.stack([xs + left, ys + top], axis=1)
        belief = scene.foreground.belief[points[:, 1], points[:, 0]]
        for piece in _divide(scene, points):
            low, high = points[piece].min(axis=0), points[piece].max(axis=0) + 1
            fill = len(piece) / float((high - low).prod())
            boxes.append(np.concatenate([low, high]).astype(np.float64))
            scores.append(float(np.clip(belief[piece].mean(), 0, 1)) * fill)
    return np.array(boxes).reshape(-1, 4), np.array(scores)


def _divide(scene: Scene, points: np.ndarray) -> list[np.ndarray]:
    """Indices of ``points`` int [P, 2] as one group or two.

    Two-means on place and motion. The division holds if both groups are large, their boxes
    overlap little, and either they fill clearly less than the box around both or one motion each
    explains the flow far better than one smooth motion of the whole.
    """
    whole = [np.arange(len(points))]
    if scene.backward is None or len(points) < 4 * MIN_PIXELS:
        return whole
    sample = points[np.linspace(0, len(points) - 1, 250).astype(int)]  # tells as much as all
    origin = sample.mean(axis=0)
    flow = scene.backward[sample[:, 1], sample[:, 0]].astype(np.float64)
    place, motion = sample - origin, flow - flow.mean(axis=0)
    scale = np.repeat([max(place.std(axis=0).max(), 1e-6), max(motion.std(axis=0).max(), 0.3)], 2)
    features = np.concatenate([place, motion], axis=1) / scale
    _, axes = np.linalg.eigh(features.T @ features)
    group = features @ axes[:, -1] > 0
    for _ in range(8):
        if group.all() or not group.any():
            return whole
        first, second = features[group].mean(axis=0), features[~group].mean(axis=0)
        border, middle = second - first, 0.5 * (first + second)
        before, group = group, (features - middle) @ border < 0
        if np.array_equal(before, group):
            break
    if not 0.2 <= group.mean() <= 0.8:
        return whole
    low = np.array([np.percentile(sample[side], 3, axis=0) for side in (group, ~group)])
    high = np.array([np.percentile(sample[side], 97, axis=0) + 1 for side in (group, ~group)])
    parts = np.concatenate([low, high], axis=1)
    if iou(parts[:1], parts[1:])[0, 0] > 0.15:
        return whole
    around = float((high.max(axis=0) - low.min(axis=0)).prod())
    apart = float(areas(parts).sum()) < SPLIT_FILL * around
    smooth = np.concatenate([place, np.ones((len(place), 1))], axis=1)
    fitted = smooth @ np.linalg.solve(smooth.T @ smooth + 1e-6 * np.eye(3), smooth.T @ flow)
    error = ((flow - fitted) ** 2).sum()
    left = sum(((flow[side] - flow[side].mean(axis=0)) ** 2).sum() for side in (group, ~group))
    if not apart and (error < MIN_ERROR**2 * len(sample) or left > SPLIT_MOTION * error):
        return whole
    motions = scene.backward[points[:, 1], points[:, 0]] - flow.mean(axis=0)
    all_features = np.concatenate([points - origin, motions], axis=1) / scale
    belongs = (all_features - middle) @ border < 0
    return [np.flatnonzero(belongs), np.flatnonzero(~belongs)]


class _Unseeing:
    """What proposers share that do not look at the frames between proposals."""

    needs_flow = False

    def reset(self) -> None:
        pass

    def look(self, scene: Scene) -> None:
        pass


class GridProposals(_Unseeing):
    """Boxes of two sizes on a regular grid, whatever is there: a control."""

    def propose(self, scene: Scene) -> np.ndarray:
        width, height = scene.size
        boxes = []
        for share in (0.5, 0.33):
            side = share * min(width, height)
            for y in _centres(height, side):
                for x in _centres(width, side):
                    boxes.append([x - side / 2, y - side / 2, x + side / 2, y + side / 2])
        return np.array(boxes)


def _centres(length: float, side: float) -> np.ndarray:
    count = max(1, int(length // side))
    return (np.arange(count) + 0.5) * length / count


class RandomProposals(_Unseeing):
    """Boxes of random size, shape and place: a control."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def propose(self, scene: Scene) -> np.ndarray:
        width, height = scene.size
        draw = self._generator
        count = 32
        side = min(width, height) * np.exp(draw.uniform(np.log(0.2), np.log(0.6), count))
        aspect = np.exp(draw.uniform(np.log(0.5), np.log(2.0), count))
        w = np.minimum(side * np.sqrt(aspect), width)
        h = np.minimum(side / np.sqrt(aspect), height)
        x, y = draw.uniform(0, 1, count) * (width - w), draw.uniform(0, 1, count) * (height - h)
        return np.stack([x, y, x + w, y + h], axis=1)


def build_proposals(config: FollowConfig, generator: np.random.Generator) -> Proposals | None:
    """The proposer of the configuration; None for ``given`` and ``frame``."""
    if config.proposer == "motion":
        return MotionProposals()
    if config.proposer == "grid":
        return GridProposals()
    if config.proposer == "random":
        return RandomProposals(generator)
    return None


def select(
    candidates: np.ndarray, followed: np.ndarray, scene: Scene, config: FollowConfig
) -> np.ndarray:
    """The candidates worth starting, best first: allowed in size and shape, apart from each other
    and from what is followed already, no more than there is room for; float64 [N, 4]."""
    room = config.max_regions - len(followed)
    width, height = scene.size
    allowed = candidates[
        fits(
            candidates,
            width,
            height,
            min_side=config.min_side,
            max_area=config.max_area,
            max_aspect=config.max_aspect,
        )
    ]
    if len(followed) and len(allowed):
        common = intersections(allowed, followed)
        smaller = np.minimum(areas(allowed)[:, None], areas(followed)[None, :])
        taken = (iou(allowed, followed) > MAX_IOU) | (common > MAX_COVER * smaller)
        allowed = allowed[~taken.any(axis=1)]
    if room <= 0 or not len(allowed):
        return np.zeros((0, 4))
    order = suppress(allowed, -np.arange(len(allowed), dtype=np.float64), MAX_IOU)
    return allowed[order[:room]]
