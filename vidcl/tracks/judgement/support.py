"""Does a followed box still hold one moving thing?"""

import cv2
import numpy as np

from vidcl.tracks.boxes import areas, clip_boxes, intersections
from vidcl.tracks.motion.scene import Scene

#: Two parts of the foreground in one box are two things if the smaller has this share of the
#: larger, and their boxes together fill less than this share of the box around both.
TWO_THINGS = 0.2
TWO_BOXES = 0.9
#: A box is only a part of a thing whose box is so many times larger.
PART = 1.6
#: A box whose content moves less than this share of its area has lost what moved.
EMPTY = 0.08


def is_still(scene: Scene, boxes: np.ndarray) -> np.ndarray:
    """In which boxes, float64 [N, 4], working pixels, nothing moves any more, bool [N]."""
    inside = clip_boxes(boxes, *scene.size)
    low, high = np.floor(inside[:, :2]).astype(int), np.ceil(inside[:, 2:]).astype(int)
    moving = cv2.integral(scene.mask)
    held = (
        moving[high[:, 1], high[:, 0]]
        - moving[low[:, 1], high[:, 0]]
        - moving[high[:, 1], low[:, 0]]
        + moving[low[:, 1], low[:, 0]]
    )
    return held < EMPTY * (high - low).prod(axis=1)


def is_mixed(scene: Scene, boxes: np.ndarray) -> np.ndarray:
    """Which regions, found because they moved, hold something else than one thing, bool [N].

    Two faults: the box holds two things that have come apart; it is a part of a larger thing that
    no other region follows.

    Args:
        boxes: float64 [N, 4], working pixels.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(scene.mask, connectivity=4)
    out = np.zeros(len(boxes), bool)
    width, height = scene.size
    left, top, wide, high = (stats[:, k].astype(np.float64) for k in range(4))
    parts = np.stack([left, top, left + wide, top + high], axis=1)
    for k, box in enumerate(boxes):
        x0, y0 = np.maximum(np.floor(box[:2]), 0).astype(int)
        x1, y1 = np.minimum(np.ceil(box[2:]), [width, height]).astype(int)
        if x1 <= x0 or y1 <= y0:
            continue
        inside = np.bincount(labels[y0:y1, x0:x1].ravel(), minlength=count)
        inside[0] = 0
        if inside.sum() < EMPTY * (x1 - x0) * (y1 - y0):
            continue
        order = np.argsort(-inside, kind="stable")
        main = parts[order[0]]
        if count > 2 and inside[order[1]] >= TWO_THINGS * inside[order[0]]:
            pair = np.stack([_within(main, box), _within(parts[order[1]], box)])
            around = np.concatenate([pair[:, :2].min(axis=0), pair[:, 2:].max(axis=0)])
            out[k] = areas(pair).sum() < TWO_BOXES * areas(around[None])[0]
        if areas(main[None])[0] > PART * areas(box[None])[0]:
            others = np.delete(boxes, k, axis=0)
            shared = intersections(main[None], others)[0] > 0.3 * areas(others)
            out[k] |= not shared.any()
    return out


def _within(part: np.ndarray, box: np.ndarray) -> np.ndarray:
    return np.concatenate([np.maximum(part[:2], box[:2]), np.minimum(part[2:], box[2:])])
