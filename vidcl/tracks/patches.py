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
    for k, (x0, y0, x1, y1) in enumerate(boxes):
        step_x, step_y = (x1 - x0) / side, (y1 - y0) / side
        # samples stand at the middle of each cell; pixel centres are at whole coordinates + 0.5
        matrix = np.array([[step_x, 0, x0 + step_x / 2 - 0.5], [0, step_y, y0 + step_y / 2 - 0.5]])
        shrink = max(step_x, step_y)
        source = picture
        if shrink > 2:  # bilinear samples alone would alias
            source = cv2.blur(picture, (int(shrink), int(shrink)))
        out[k] = cv2.warpAffine(
            source,
            matrix,
            (side, side),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return out
