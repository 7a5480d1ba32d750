"""The connected parts of what moves, things side by side taken apart."""

import cv2
import numpy as np

from vidcl.tracks.boxes import areas, iou
from vidcl.tracks.motion.scene import Scene

#: A moving part is two if its halves' boxes fill less than this share of its box ...
SPLIT_FILL = 0.75
#: ... or if two constant motions leave less than this share of the error of one smooth motion,
SPLIT_MOTION = 0.9
#: where that error is at least so many pixels (root mean square).
MIN_ERROR = 0.15
#: Smaller moving parts, in pixels, are noise.
MIN_PIXELS = 24


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
    low, high = np.stack([inner_range(sample[side]) for side in (group, ~group)], axis=1)
    high += 1
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


def inner_range(points: np.ndarray, share: float = 0.03) -> np.ndarray:
    """The quantiles ``share`` and 1 - ``share`` of each column of [P, D], float64 [2, D]; what
    ``np.quantile`` gives, at a tenth of its time for few points."""
    ordered = np.sort(points, axis=0)
    place = share * (len(points) - 1)
    lower = int(place)
    upper = min(lower + 1, len(points) - 1)
    part = place - lower
    low = ordered[lower] + part * (ordered[upper] - ordered[lower])
    high = ordered[-1 - lower] + part * (ordered[-1 - upper] - ordered[-1 - lower])
    return np.stack([low, high])
