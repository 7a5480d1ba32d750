"""Dense optical flow between two frames, and the motion of the camera in it."""

from typing import Any

import cv2
import numpy as np


class DenseFlow:
    """``flow = DenseFlow()(first, second)``: DIS flow (Kroeger et al. 2016) of two grey pictures.

    One forward and one backward field serve every region of a frame. The finest level is half the
    given size: finer costs four times as much and moves boxes by less than they are uncertain. The
    slower preset with variational refinement followed no better, on real and on rendered clips.
    """

    def __init__(self) -> None:
        self._solver: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._solver.setFinestScale(1)

    def __call__(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Where each pixel of ``first`` went, float32 [H, W, 2] (x, y) in pixels.

        Args:
            first, second: uint8 [H, W], at least 24 x 24.
        """
        return self._solver.calc(first, second, None)


def camera_motion(flow: np.ndarray, step: int = 6, tolerance: float = 0.6) -> np.ndarray:
    """The affine motion most of the picture follows, float64 [2, 3]: ``p + flow(p) = A [p, 1]``.

    RANSAC on a grid of flow vectors (OpenCV's, whose draws are seeded and do not vary), refined on
    the inliers. Where nothing agrees the median translation is returned.

    Args:
        flow: float32 [H, W, 2].
        step: pixels between grid points.
        tolerance: distance in pixels within which a vector agrees.
    """
    height, width = flow.shape[:2]
    sampled = flow[step // 2 :: step, step // 2 :: step]
    points: np.ndarray = np.empty(sampled.shape, np.float32)
    points[..., 0] = np.arange(step // 2, width, step)
    points[..., 1] = np.arange(step // 2, height, step)[:, None]
    moved = (points + sampled).reshape(-1, 2)
    points = points.reshape(-1, 2)
    matrix, inliers = cv2.estimateAffine2D(
        points,
        moved,
        method=cv2.RANSAC,
        ransacReprojThreshold=tolerance,
        maxIters=300,
        confidence=0.995,
        refineIters=5,
    )
    if matrix is None or inliers.sum() < 0.2 * len(points):
        shift = np.median(moved - points, axis=0)
        return np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]]])
    return matrix


def affine_flow(matrix: np.ndarray, height: int, width: int) -> np.ndarray:
    """The flow field of an affine motion, float32 [H, W, 2]."""
    xs = np.arange(width, dtype=np.float32)[None, :]
    ys = np.arange(height, dtype=np.float32)[:, None]
    a = matrix.astype(np.float32)
    along = (a[0, 0] - 1) * xs + a[0, 1] * ys + a[0, 2]
    down = a[1, 0] * xs + (a[1, 1] - 1) * ys + a[1, 2]
    return cv2.merge([along, down])


def warp_by_flow(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """``out(p) = picture(p + flow(p))``, bilinear, edges replicated; [H, W] or [H, W, C]."""
    height, width = flow.shape[:2]
    where_x = flow[..., 0] + np.arange(width, dtype=np.float32)[None, :]
    where_y = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return cv2.remap(picture, where_x, where_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
