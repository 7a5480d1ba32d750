"""Pull boxes to the extent of the moving thing inside them."""

import cv2
import numpy as np

from vidcl.tracks.boxes import iou
from vidcl.tracks.motion.scene import Scene

#: The thing is looked for in the box enlarged by this share on each side.
REACH = 0.25
#: A box follows at most this share of the way in one frame.
GAIN = 0.4
#: Boxes whose content moves less than this share of their area are left alone.
MIN_FILL = 0.3
#: An extent that agrees less with the box than this says nothing.
MIN_AGREEMENT = 0.35


def pull_to_extent(scene: Scene, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flow sees how a surface moves; a thing that turns shows new surface, and only its outline
    tells how far it reaches. So each side of a box moves towards the outline of the moving
    foreground, as far as that is confident.

    A side is left alone where the foreground runs on beyond the reach, and where it borders on
    another region: pixels in two boxes belong to neither outline.

    Args:
        boxes: float64 [N, 4], working pixels, as predicted for this frame.

    Returns:
        boxes float64 [N, 4]; confidence float64 [N] in [0, 1], 0 where nothing was measured.
    """
    out, trust = boxes.copy(), np.zeros(len(boxes))
    width, height = scene.size
    for k, box in enumerate(boxes):
        margin = REACH * (box[2:] - box[:2])
        x0, y0 = np.maximum(np.floor(box[:2] - margin), 0).astype(int)
        x1, y1 = np.minimum(np.ceil(box[2:] + margin), [width, height]).astype(int)
        if x1 - x0 < 4 or y1 - y0 < 4:
            continue
        window = scene.mask[y0:y1, x0:x1].copy()
        contested = np.zeros(4, bool)
        for j, other in enumerate(boxes):
            if j != k:
                contested |= _take_out(window, box, other, x0, y0)
        extent = _main_extent(window, box - [x0, y0, x0, y0])
        if extent is None:
            continue
        measured, fill = extent
        # a foreground that reaches the window's rim, where that is not the picture's, runs on
        open_sides = np.array(
            [
                measured[0] <= 0 and x0 > 0,
                measured[1] <= 0 and y0 > 0,
                measured[2] >= x1 - x0 and x1 < width,
                measured[3] >= y1 - y0 and y1 < height,
            ]
        )
        measured = measured + np.array([x0, y0, x0, y0])
        agreement = iou(measured[None], box[None])[0, 0]
        if fill < MIN_FILL or agreement < MIN_AGREEMENT:
            continue
        trust[k] = min(1.0, fill / 0.6)
        gain = GAIN * trust[k] * np.where(open_sides | contested, 0.0, 1.0)
        out[k] += gain * (measured - box)
    return out, trust


def _take_out(
    window: np.ndarray, box: np.ndarray, other: np.ndarray, x0: int, y0: int
) -> np.ndarray:
    """Clear another region's pixels from ``window``; return which sides of ``box`` it touches."""
    left, top = np.maximum(np.floor(other[:2]) - [x0, y0], 0).astype(int)
    right, bottom = np.minimum(np.ceil(other[2:]) - [x0, y0], window.shape[::-1]).astype(int)
    if right <= left or bottom <= top:
        return np.zeros(4, bool)
    window[top:bottom, left:right] = 0
    overlap_x = min(box[2], other[2]) - max(box[0], other[0])
    overlap_y = min(box[3], other[3]) - max(box[1], other[1])
    if overlap_x <= 0 or overlap_y <= 0:
        return np.zeros(4, bool)
    return np.array(
        [
            other[0] <= box[0] < other[2],
            other[1] <= box[1] < other[3],
            other[0] < box[2] <= other[2],
            other[1] < box[3] <= other[3],
        ]
    )


def _main_extent(window: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Bounding box of the foreground components that lie mostly in ``box``, and the share of the
    box they fill; window coordinates."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(window, connectivity=4)
    x0, y0 = np.maximum(np.floor(box[:2]), 0).astype(int)
    x1, y1 = np.ceil(box[2:]).astype(int)
    inside = np.bincount(labels[y0:y1, x0:x1].ravel(), minlength=count)[1:]
    area = stats[1:, cv2.CC_STAT_AREA]
    if count < 2 or inside.max(initial=0) == 0:
        return None
    chosen = (inside > 0.5 * area) & (area > 0.05 * inside.max()) & (inside > 8)
    if not chosen.any():
        chosen = inside == inside.max()
    left, top = stats[1:, cv2.CC_STAT_LEFT][chosen], stats[1:, cv2.CC_STAT_TOP][chosen]
    right = left + stats[1:, cv2.CC_STAT_WIDTH][chosen]
    bottom = top + stats[1:, cv2.CC_STAT_HEIGHT][chosen]
    extent = np.array([left.min(), top.min(), right.max(), bottom.max()], dtype=np.float64)
    size = max(1.0, (box[2] - box[0]) * (box[3] - box[1]))
    return extent, float(inside[chosen].sum() / size)
