"""Contours of a picture, found without a learned model."""

from dataclasses import dataclass

import cv2
import numpy as np

#: Blur before the gradient is taken, in pixels.
BLUR = 1.2
#: Texture is what has edges all around: the mean strength within about so many pixels ...
SURROUND = 10.0
#: ... is taken off, times this.
INHIBITION = 1.0
#: This percentile of the strengths counts as a full edge ...
FULL = 98.0
#: ... but never a step weaker than this many values per pixel, which is noise.
NOISE = 0.5


@dataclass(frozen=True)
class EdgeMap:
    """Thin edges.

    Attributes:
        strength: float32 [H, W] in [0, 1], 0 off the edges.
        normal: float32 [H, W] in [0, pi], the direction across the edge.
    """

    strength: np.ndarray
    normal: np.ndarray


def edge_map(picture: np.ndarray) -> EdgeMap:
    """The edges of a picture, uint8 [H, W, 3] RGB.

    Per pixel the steepest of the three Lab channels (Scharr). Edges within texture are held down
    by the mean strength around them, as in the surround inhibition of Grigorescu et al. (2003); it
    stands in for the learned edges of Zitnick & Dollar (2014) and ranked boxes better than plain
    gradients did. Then only the ridges are kept.
    """
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2Lab).astype(np.float32)
    smooth = cv2.GaussianBlur(lab, (0, 0), BLUR)
    across = cv2.Scharr(smooth, cv2.CV_32F, 1, 0, scale=1 / 32)
    down = cv2.Scharr(smooth, cv2.CV_32F, 0, 1, scale=1 / 32)
    steepest = (across**2 + down**2).argmax(axis=2)[..., None]
    x = np.take_along_axis(across, steepest, axis=2)[..., 0]
    y = np.take_along_axis(down, steepest, axis=2)[..., 0]
    steepness = cv2.magnitude(x, y)
    surround = cv2.GaussianBlur(steepness, (0, 0), SURROUND)
    strength = np.maximum(steepness - INHIBITION * surround, 0)
    full = max(float(np.percentile(strength, FULL)), NOISE)
    normal = np.mod(np.arctan2(y, x), np.pi).astype(np.float32)
    return EdgeMap(np.minimum(thin(strength, normal) / full, 1).astype(np.float32), normal)


def thin(strength: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """``strength`` where it is not below its neighbours one pixel across the edge, else 0.

    Args:
        strength, normal: float32 [H, W], the second in radians.
    """
    height, width = strength.shape
    step_x, step_y = np.cos(normal), np.sin(normal)
    xs = np.arange(width, dtype=np.float32)[None, :]
    ys = np.arange(height, dtype=np.float32)[:, None]
    sides = [
        cv2.remap(
            strength,
            xs + sign * step_x,
            ys + sign * step_y,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        for sign in (1, -1)
    ]
    ridge = (strength >= sides[0]) & (strength >= sides[1])
    return np.where(ridge, strength, np.float32(0))
