"""Pillow's ``Image.transform`` on batches: where it differs from torch's ``grid_sample``.

A pixel whose centre comes from outside of the image is the fill, and all others are interpolated
from the image alone, its edge pixels repeated; torch blends the two at the edge. Pillow's cubic has
the parameter -1, torch's -0.75.
"""

import torch
from torch import Tensor


def transform(images: Tensor, matrix: Tensor, fill: tuple[float, ...], cubic: Tensor) -> Tensor:
    """Each image through its own affine map, not antialiased.

    Args:
        images: float [N, C, H, W] in [0, 1].
        matrix: [N, 2, 3], from places in the result to places in the image, in pixels (x, y counted
            from the corner, a pixel's centre at 0.5).
        fill: the colour of what lies outside.
        cubic: bool [N], bicubic instead of bilinear.

    Returns:
        [N, C, H, W] in [0, 1].
    """
    n, channels, height, width = images.shape
    rows = torch.arange(height, device=images.device, dtype=matrix.dtype) + 0.5
    columns = torch.arange(width, device=images.device, dtype=matrix.dtype) + 0.5
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    places = torch.stack([x.flatten(), y.flatten(), torch.ones_like(x).flatten()])  # [3, H * W]
    x, y = (matrix @ places).unbind(1)  # [N, H * W]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    x, y = x - 0.5, y - 0.5
    left, top = x.floor(), y.floor()
    across, down = (_weights(part, cubic) for part in (x - left, y - top))  # [4, N, H * W]
    flat = images.reshape(n, channels, height * width)
    out = torch.zeros_like(flat)
    for i in range(4):
        row = (top.long() + i - 1).clamp(0, height - 1) * width
        for j in range(4):
            index = row + (left.long() + j - 1).clamp(0, width - 1)
            weight = (down[i] * across[j]).to(images.dtype)
            out = out + weight[:, None] * flat.gather(2, index[:, None].expand_as(flat))
    around = torch.tensor(fill, device=images.device, dtype=images.dtype).view(-1, 1)
    return torch.where(inside[:, None], out.clamp(0, 1), around).view_as(images)


def _weights(part: Tensor, cubic: Tensor) -> Tensor:
    """Of the pixels at -1, 0, 1 and 2 for a place ``part`` [N, M] in [0, 1): [4, N, M]."""
    none, rest = torch.zeros_like(part), 1 - part
    linear = torch.stack([none, rest, part, none])
    # the cubic of parameter -1 at distances 1 + d, d, 1 - d and 2 - d
    curve = torch.stack(
        [
            -part * rest.square(),
            1 - 2 * part.square() + part**3,
            1 - 2 * rest.square() + rest**3,
            -rest * part.square(),
        ]
    )
    return torch.where(cubic.view(1, -1, 1), curve, linear)
