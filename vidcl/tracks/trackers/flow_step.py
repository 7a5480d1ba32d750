"""Move boxes by dense flow: robust translation and scale, all regions at once."""

import cv2
import numpy as np

from vidcl.tracks.boxes import centres_sizes, from_centres
from vidcl.tracks.motion.scene import Scene

#: Flow is read on a grid of so many points across each box.
GRID = 10
#: The grid covers this share of the box: its rim is mostly background.
COVER = 0.7


def flow_step(scene: Scene, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes of the frame before, moved to this one.

    Per region a translation and one scale are fitted to the flow vectors inside, by weighted least
    squares whose weights fall with the residual (Geman-McClure, three rounds) and with the
    forward-backward error; where part of the region is known to move, that part decides.

    Args:
        boxes: float64 [N, 4], working pixels.

    Returns:
        boxes float64 [N, 4]; median forward-backward error float64 [N] as a share of the box's
        size (square root of its area).
    """
    assert scene.forward is not None and scene.backward is not None
    centres, sizes = centres_sizes(boxes)
    ticks = (np.arange(GRID) + 0.5) / GRID - 0.5
    unit = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(1, -1, 2) * COVER
    points = centres[:, None] + unit * sizes[:, None]  # [N, P, 2]
    there = sample(scene.forward, points)
    back = sample(scene.backward, points + there)
    error = np.linalg.norm(there + back, axis=2)  # [N, P]
    known = np.clip(sample(scene.foreground.belief, points + there), 0, 1)  # [N, P]
    share = known.mean(axis=1, keepdims=True)
    weights = np.where(share > 0.15, 0.05 + known, 1.0) / (1.0 + error**2)

    offsets = points - centres[:, None]
    shift, scale = _weighted_median(there, weights), np.ones(len(boxes))
    for _ in range(3):
        residual = there - shift[:, None] - (scale - 1)[:, None, None] * offsets
        distance = (residual**2).sum(axis=2)
        robust = weights / (1.0 + distance / (0.5 + 0.01 * sizes.mean(axis=1))[:, None]) ** 2
        total = robust.sum(axis=1)
        middle = (robust[..., None] * offsets).sum(axis=1) / total[:, None]
        mean = (robust[..., None] * there).sum(axis=1) / total[:, None]
        spread = offsets - middle[:, None]
        along = (robust[..., None] * spread * (there - mean[:, None])).sum(axis=(1, 2))
        growth = along / np.maximum((robust[..., None] * spread**2).sum(axis=(1, 2)), 1e-9)
        scale = 1.0 + np.clip(growth, -0.1, 0.1)
        shift = mean - (scale - 1)[:, None] * middle
    moved = from_centres(centres + shift, sizes * scale[:, None])
    relative = np.median(error, axis=1) / np.sqrt(np.maximum(sizes.prod(axis=1), 1e-9))
    return moved, relative


def sample(field: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Bilinear values of ``field`` [H, W] or [H, W, 2] at ``points`` [N, P, 2] (x, y), edges
    replicated; float32 [N, P] or [N, P, 2]."""
    where = points.astype(np.float32)
    return cv2.remap(
        field, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted median over axis 1 of [N, P, 2] with weights [N, P]: [N, 2]."""
    order = np.argsort(values, axis=1, kind="stable")
    ranked = np.take_along_axis(values, order, axis=1)
    mass = np.cumsum(np.take_along_axis(weights[..., None] + 0 * values, order, axis=1), axis=1)
    middle = (mass >= 0.5 * mass[:, -1:]).argmax(axis=1)[:, None]
    return np.take_along_axis(ranked, middle, axis=1)[:, 0].astype(np.float64)
