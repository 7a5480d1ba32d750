"""Crop, flip and resize as one warp, antialiased, batched, and differentiable in its boxes.

A warp that keeps the axes is separable, so it is two batched matrix products: rows, then columns.
The matrices hold the same triangle filter that ``torchvision.transforms.functional.resized_crop``
uses with ``antialias=True``, so the result is torchvision's (to rounding) and no pre-reduction of
the image is needed. ``bands.crop_resize`` gives the same without gradients, quicker on a CPU.
"""

import torch
from torch import Tensor


def crop_resize(
    images: Tensor, boxes: Tensor, mirror_x: Tensor, mirror_y: Tensor, size: int
) -> Tensor:
    """Cut a box out of every image, mirror some, and resize to a square.

    Args:
        images: float [N, C, H, W].
        boxes: float [N, 4], x0, y0, x1, y1 as shares of width and height in [0, 1].
        mirror_x, mirror_y: bool [N], mirror left and right, top and bottom.
        size: side S of the result.

    Returns:
        [N, C, S, S] of the images' dtype.
    """
    n, channels, height, width = images.shape
    x0, y0, x1, y1 = boxes.unbind(1)
    # a mirrored axis runs from its end to its start
    y0, y1 = torch.where(mirror_y, y1, y0), torch.where(mirror_y, y0, y1)
    x0, x1 = torch.where(mirror_x, x1, x0), torch.where(mirror_x, x0, x1)
    rows = resize_matrix(y0 * height, y1 * height, height, size)  # [N, S, H]
    columns = resize_matrix(x0 * width, x1 * width, width, size)  # [N, S, W]
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
