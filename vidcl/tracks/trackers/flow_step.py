"""Move boxes by dense flow: robust translation and scale, all regions at once."""

import cv2
import numpy as np

from vidcl.tracks.boxes import centres_sizes, from_centres
from vidcl.tracks.motion.scene import Scene

#: Flow is read on a grid of so many points across each box.
GRID = 10
#: The grid covers this share of the box: its rim is mostly background.
COVER = 0.7
_TICKS = COVER * ((np.arange(GRID) + 0.5) / GRID - 0.5)
#: The points, in box sides from the middle, [P, 2].
_POINTS = np.stack(np.meshgrid(_TICKS, _TICKS), axis=-1).reshape(-1, 2)


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
    offsets = sizes[:, None] * _POINTS  # [N, P, 2]
    points = centres[:, None] + offsets
    there = sample(scene.forward, points)
    arrived = points + there
    error = np.sqrt(((there + sample(scene.backward, arrived)) ** 2).sum(axis=2))  # [N, P]
    known = np.clip(sample(scene.foreground.belief, arrived), 0, 1)  # [N, P]
    share = known.mean(axis=1, keepdims=True)
    weights = np.where(share > 0.15, 0.05 + known, 1.0) / (1.0 + error**2)

    shift, scale = _weighted_median(there, weights), np.ones(len(boxes))
    # x and y apart, [N, 2, P]: every sum below runs along the rows
    there, offsets = (np.ascontiguousarray(x.transpose(0, 2, 1)) for x in (there, offsets))
    for _ in range(3):
        residual = there - shift[:, :, None] - (scale - 1)[:, None, None] * offsets
        distance = (residual**2).sum(axis=1)
        robust = weights / (1.0 + distance / (0.5 + 0.01 * sizes.mean(axis=1))[:, None]) ** 2
        robust = (robust / robust.sum(axis=1, keepdims=True))[:, None]
        middle = (robust * offsets).sum(axis=2)
        mean = (robust * there).sum(axis=2)
        spread = offsets - middle[:, :, None]
        pull = robust * spread
        along = (pull * (there - mean[:, :, None])).sum(axis=(1, 2))
        growth = along / np.maximum((pull * spread).sum(axis=(1, 2)), 1e-9)
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
    rows = np.ascontiguousarray(values.transpose(0, 2, 1))
    order = np.argsort(rows, axis=2, kind="stable")
    ranked = np.take_along_axis(rows, order, axis=2)
    mass = np.cumsum(weights[np.arange(len(weights))[:, None, None], order], axis=2)
    middle = (mass >= 0.5 * mass[:, :, -1:]).argmax(axis=2)[:, :, None]
    return np.take_along_axis(ranked, middle, axis=2)[:, :, 0].astype(np.float64)
