"""Fixed-size patches of all regions of a frame."""

import cv2
import numpy as np


def cut_patches(picture: np.ndarray, boxes: np.ndarray, side: int) -> np.ndarray:
    """Each box resized to ``side`` x ``side``, edges replicated, uint8 [N, side, side, 3].

    Args:
        picture: uint8 [H, W, 3].
        boxes: float64 [N, 4], xyxy, possibly outside the picture.
    """
    out = np.empty((len(boxes), side, side, picture.shape[2]), np.uint8)
    steps = (boxes[:, 2:] - boxes[:, :2]) / side
    matrices = np.zeros((len(boxes), 2, 3))
    matrices[:, [0, 1], [0, 1]] = steps
    # samples stand at the middle of each cell; pixel centres are at whole coordinates + 0.5
    matrices[:, :, 2] = boxes[:, :2] + steps / 2 - 0.5
    shrinks = steps.max(axis=1, initial=0.0)
    sizes = np.where(shrinks > 2, shrinks, 1).astype(int)  # bilinear samples alone would alias
    for size in set(sizes.tolist()):
        rows = np.flatnonzero(sizes == size)
        source = picture if size == 1 else _blurred(picture, boxes[rows], size)
        for k in rows:
            out[k] = cv2.warpAffine(
                source,
                matrices[k],
                (side, side),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )
    return out


def _blurred(picture: np.ndarray, boxes: np.ndarray, size: int) -> np.ndarray:
    """The picture's means over ``size`` x ``size`` pixels, valid in the boxes and next to them."""
    height, width = picture.shape[:2]
    x0, y0 = (boxes[:, :2].min(axis=0) - 2 - size).tolist()
    x1, y1 = (boxes[:, 2:].max(axis=0) + 2 + size).tolist()
    # means next to a cut are wrong, so the window holds the reach of a mean more than is needed
    rows = slice(max(0, int(min(y0, height - 1 - size))), int(max(y1, size + 1)))
    columns = slice(max(0, int(min(x0, width - 1 - size))), int(max(x1, size + 1)))
    out = np.empty_like(picture)
    out[rows, columns] = cv2.blur(picture[rows, columns], (size, size))
    return out
