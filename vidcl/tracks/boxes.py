"""Arithmetic on boxes: float arrays [N, 4], x0 y0 x1 y1, pixels, x1 and y1 excluded."""

import numpy as np


def areas(boxes: np.ndarray) -> np.ndarray:
    """Area of each box, [N]; zero for an inverted one."""
    sides = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None)
    return sides[:, 0] * sides[:, 1]


def intersections(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Common area of every pair, [N, M]."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    sides = np.clip(high - low, 0, None)
    return sides[..., 0] * sides[..., 1]


def iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of every pair, [N, M] in [0, 1]."""
    common = intersections(first, second)
    union = areas(first)[:, None] + areas(second)[None, :] - common
    return np.where(union > 0, common / np.maximum(union, 1e-12), 0.0)


def suppress(boxes: np.ndarray, scores: np.ndarray, max_iou: float) -> np.ndarray:
    """Non-maximum suppression: indices of kept boxes, best first; ties go to the lower index."""
    order = np.argsort(-scores, kind="stable")
    overlap = iou(boxes, boxes)
    kept: list[int] = []
    for index in order:
        if all(overlap[index, other] <= max_iou for other in kept):
            kept.append(int(index))
    return np.array(kept, dtype=np.int64)


def clip_boxes(boxes: np.ndarray, width: float, height: float) -> np.ndarray:
    """The part of each box inside a picture, [N, 4]."""
    limit = np.array([width, height, width, height], dtype=boxes.dtype)
    return np.clip(boxes, 0, limit)


def centres_sizes(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centres [N, 2] and sides [N, 2] (x, y)."""
    return (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]


def from_centres(centres: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Boxes [N, 4] from centres [N, 2] and sides [N, 2]."""
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)


def fits(
    boxes: np.ndarray,
    width: float,
    height: float,
    *,
    min_side: float,
    max_area: float,
    max_aspect: float,
) -> np.ndarray:
    """Which boxes have an allowed size and shape, bool [N].

    ``min_side`` is a share of the picture's short side, ``max_area`` one of its area.
    """
    sides = boxes[:, 2:] - boxes[:, :2]
    short, long = sides.min(axis=1), sides.max(axis=1)
    return (
        (short >= min_side * min(width, height))
        & (sides[:, 0] * sides[:, 1] <= max_area * width * height)
        & (long <= max_aspect * np.maximum(short, 1e-9))
    )
