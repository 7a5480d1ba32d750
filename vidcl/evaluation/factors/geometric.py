"""Factors of place: occlusion, crop, rotation and scale, each on one image.

What chance decides is drawn first and does not depend on the strength, so one generator state gives
nested changes: a larger patch holds the smaller, a tighter window lies in the wider.
"""

import math

import numpy as np
import torch

from vidcl.evaluation.factors.resample import blur, crop_resize, rotate, to_image, to_tensor
from vidcl.views.cover import occlude

#: Standard deviation of the blur of a shrunk image's surround, in shares of the shorter side.
SURROUND_BLUR = 1 / 24


def occlusion(
    image: np.ndarray, share: float, generator: np.random.Generator, other: np.ndarray | None
) -> np.ndarray:
    """Cover a rectangle of the image's own shape.

    Args:
        image: uint8 [H, W, 3].
        share: of the area.
        other: an image uint8 [h, w, 3] whose same part covers (it is stretched to H x W); None: the
            mean grey of the image covers.
    """
    pixels = to_tensor(image)
    boxes = torch.tensor([_window(share, generator)])
    if other is None:
        grey = pixels.mean().expand(1, 3)
        return to_image(occlude(pixels, boxes, colors=grey))
    height, width = image.shape[:2]
    stretched = crop_resize(to_tensor(other), (0.0, 0.0, 1.0, 1.0), height, width)
    both = torch.cat([pixels, stretched])
    return to_image(occlude(both, boxes.expand(2, 4), occluder=torch.tensor([1, 0]))[:1])


def crop(image: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """A window of ``share`` of the area and the image's own shape, enlarged to the image's size."""
    height, width = image.shape[:2]
    return to_image(crop_resize(to_tensor(image), _window(share, generator), height, width))


def rotation(image: np.ndarray, degrees: float, generator: np.random.Generator) -> np.ndarray:
    """Turned left or right; the corners show the image mirrored at its edge."""
    sign = 1 if generator.integers(2) else -1
    return to_image(rotate(to_tensor(image), sign * degrees))


def scale(image: np.ndarray, side: float) -> np.ndarray:
    """Shrunk to ``side`` of its sides, in the middle of its own mirror images, which are blurred.

    The surround continues the image's edge and has its colours, but holds no second sharp object.
    """
    height, width = image.shape[:2]
    small_height, small_width = max(1, round(side * height)), max(1, round(side * width))
    small = crop_resize(to_tensor(image), (0.0, 0.0, 1.0, 1.0), small_height, small_width)
    top, left = (height - small_height) // 2, (width - small_width) // 2
    edges = ((top, height - small_height - top), (left, width - small_width - left))
    mirrored = torch.from_numpy(np.pad(small[0].numpy(), ((0, 0), *edges), mode="symmetric"))[None]
    out = blur(mirrored, SURROUND_BLUR * min(height, width))
    out[:, :, top : top + small_height, left : left + small_width] = small
    return to_image(out)


def _window(share: float, generator: np.random.Generator) -> tuple[float, float, float, float]:
    """A box (x0, y0, x1, y1 in shares) of ``share`` of the area, about a point that is drawn."""
    side = math.sqrt(share)
    x, y = (1 - side) * generator.random(2)
    return float(x), float(y), float(x + side), float(y + side)
