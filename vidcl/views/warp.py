"""Crop, flip and resize as one warp, antialiased, batched, and differentiable in its boxes.

A warp that keeps the axes is separable, so it is two batched matrix products: rows, then columns.
The matrices hold the same triangle filter that ``torchvision.transforms.functional.resized_crop``
uses with ``antialias=True``, so the result is torchvision's (to rounding) and no pre-reduction of
the image is needed. On one CPU core this is as fast as an unfiltered ``grid_sample``.
"""

import torch
from torch import Tensor


def crop_resize(images: Tensor, boxes: Tensor, flip: Tensor, size: int) -> Tensor:
    """Cut a box out of every image, mirror some, and resize to a square.

    Args:
        images: float [N, C, H, W].
        boxes: float [N, 4], x0, y0, x1, y1 as shares of width and height in [0, 1].
        flip: bool [N], mirror left and right.
        size: side S of the result.

    Returns:
        [N, C, S, S] of the images' dtype.
    """
    n, channels, height, width = images.shape
    x0, y0, x1, y1 = boxes.unbind(1)
    rows = resize_matrix(y0 * height, y1 * height, height, size)  # [N, S, H]
    columns = resize_matrix(  # [N, S, W]; a mirrored axis runs from its end to its start
        torch.where(flip, x1, x0) * width, torch.where(flip, x0, x1) * width, width, size
    )
    # columns first: [N, C*H, W] @ [N, W, S]
    narrow = torch.bmm(
        images.reshape(n, channels * height, width), columns.transpose(1, 2).to(images.dtype)
    ).view(n, channels, height, size)
    return torch.matmul(rows.to(images.dtype).unsqueeze(1), narrow)


def resize_matrix(start: Tensor, stop: Tensor, length: int, size: int) -> Tensor:
    """Weights [N, size, length] that resample pixels ``start`` to ``stop`` of an axis.

    Args:
        start, stop: [N], pixel edges (pixel j covers j to j + 1); ``start > stop`` mirrors.

    Each output pixel is a triangle of half width max(1, |stop - start| / size) about its centre,
    over the pixels that the crop touches, with weights that sum to one.
    """
    span = (stop - start)[:, None]  # [N, 1]
    steps = torch.arange(size, device=start.device, dtype=start.dtype) + 0.5
    centres = start[:, None] + steps * (span / size)  # [N, S]
    pixels = torch.arange(length, device=start.device, dtype=start.dtype) + 0.5
    support = (span.abs() / size).clamp(min=1.0).unsqueeze(2)  # [N, 1, 1]
    weights = (1 - (pixels - centres.unsqueeze(2)).abs() / support).clamp(min=0.0)
    low = torch.minimum(start, stop).floor()[:, None]
    high = torch.maximum(start, stop).ceil()[:, None]
    inside = ((pixels > low) & (pixels < high)).to(weights.dtype)  # [N, length]
    weights = weights * inside.unsqueeze(1)
    return weights / weights.sum(2, keepdim=True)


def blur_matrix(sigma: Tensor, size: int, radius: int) -> Tensor:
    """Weights [N, size, size] of a Gaussian blur along an axis, mirrored at its ends.

    Args:
        sigma: [N], standard deviation in pixels; 0 leaves the axis as it is.
        radius: the kernel is cut off beyond this many pixels (below ``size``).
    """
    places = torch.arange(size, device=sigma.device, dtype=sigma.dtype)
    # 1e-3 pixels is no blur at all: the nearest neighbour's weight underflows to zero
    scale = -0.5 / sigma.clamp(min=1e-3).square()[:, None, None]

    def kernel(distance: Tensor) -> Tensor:
        return torch.exp(distance.square() * scale) * (distance.abs() <= radius)

    i, j = places[:, None], places[None, :]
    # a pixel at -j is the mirror image of pixel j; the edge pixels are not repeated
    weights = kernel(i - j) + kernel(i + j) * (j > 0)
    weights = weights + kernel(2 * (size - 1) - i - j) * (j < size - 1)
    return weights / weights.sum(2, keepdim=True)


def blur(images: Tensor, sigma: Tensor, radius: int) -> Tensor:
    """Gaussian blur of [N, C, S, S] with one sigma [N] per image: two matrix products."""
    weights = blur_matrix(sigma, images.shape[-1], radius).to(images.dtype).unsqueeze(1)
    return weights @ images @ weights.transpose(2, 3)
