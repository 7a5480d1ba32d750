"""Resize, turn and blur one image of any shape, from the pieces that make training views."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vidcl.views.bands import blur_taps, resize_taps, sum_rows


def to_tensor(image: np.ndarray) -> Tensor:
    """uint8 [H, W, 3] to float32 [1, 3, H, W] in 0..1."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255


def to_image(pixels: Tensor) -> np.ndarray:
    """float [1, 3, H, W] in 0..1 to the nearest levels, uint8 [H, W, 3]; clamped."""
    levels = (pixels[0] * 255).round().clamp(0, 255).byte()
    return np.ascontiguousarray(levels.permute(1, 2, 0).numpy())


def crop_resize(
    pixels: Tensor, box: tuple[float, float, float, float], height: int, width: int
) -> Tensor:
    """The box (x0, y0, x1, y1 as shares) of float [1, C, H, W] as [1, C, height, width].

    A triangle filter, antialiased where it shrinks: the resize of the training views.
    """
    x0, y0, x1, y1 = box
    tall = _axis(pixels, y0, y1, height)
    return _axis(tall.transpose(2, 3).contiguous(), x0, x1, width).transpose(2, 3).contiguous()


def blur(pixels: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of float [1, C, H, W], ``sigma`` in pixels, mirrored at the edges."""
    for _ in range(2):
        size = pixels.shape[2]
        radius = min(size - 1, math.ceil(3 * sigma))
        rows = sum_rows(pixels.contiguous(), *blur_taps(torch.tensor([sigma]), size, radius))
        pixels = rows.transpose(2, 3)
    return pixels.contiguous()


def rotate(pixels: Tensor, degrees: float) -> Tensor:
    """float [1, C, H, W] turned counter-clockwise about its centre, bilinear.

    What comes from outside of the image is its mirror image about the edge, so that neither black
    corners tell the angle nor an enlarged inner square confounds rotation with crop.
    """
    height, width = pixels.shape[2:]
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    # from places in the result to places in the image, both from -1 to 1 across the image
    matrix = torch.tensor([[[cos, -sin * height / width, 0.0], [sin * width / height, cos, 0.0]]])
    grid = F.affine_grid(matrix, list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)


def _axis(pixels: Tensor, start: float, stop: float, size: int) -> Tensor:
    """Rows of [1, C, H, W] resampled from the shares ``start`` to ``stop``: [1, C, size, W]."""
    length = pixels.shape[2]
    edges = torch.tensor([[start], [stop]]) * length
    return sum_rows(pixels.contiguous(), *resize_taps(edges[0], edges[1], length, size))
