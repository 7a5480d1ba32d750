"""Weighted sums of few neighbours along an axis: the quick way on a CPU where no gradient is asked.

The matrices of ``warp`` and ``blur`` are bands: two or three weights in a row of 256 when resizing,
thirteen when blurring. ``embedding_bag`` sums so many rows of a table at the speed of memory; that
takes a tenth of the dense products' time at 224 pixels. It works on rows, so columns are summed in
the transposed image.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def resize_taps(start: Tensor, stop: Tensor, length: int, size: int) -> tuple[Tensor, Tensor]:
    """The non-zero weights of ``warp.resize_matrix``.

    Args:
        start, stop: [N], pixel edges; ``start > stop`` mirrors.

    Returns:
        First pixels int64 [N, size, K] and weights [N, size, K].
    """
    span = (stop - start)[:, None]
    steps = torch.arange(size, device=start.device, dtype=start.dtype) + 0.5
    centres = start[:, None] + steps * (span / size)
    support = (span.abs() / size).clamp(min=1.0)
    count = int(torch.ceil(2 * support.max()))
    first = torch.floor(centres - support - 0.5) + 1
    pixels = first.unsqueeze(2) + torch.arange(count, device=start.device, dtype=start.dtype)
    distance = (pixels + 0.5 - centres.unsqueeze(2)).abs()
    weights = (1 - distance / support.unsqueeze(2)).clamp(min=0.0)
    low = torch.minimum(start, stop).floor()[:, None, None]
    high = torch.maximum(start, stop).ceil()[:, None, None]
    weights = weights * ((pixels >= low) & (pixels < high))
    weights = weights / weights.sum(2, keepdim=True)
    return pixels.long().clamp_(0, length - 1), weights


def blur_taps(sigma: Tensor, size: int, radius: int) -> tuple[Tensor, Tensor]:
    """The non-zero weights of ``blur.blur_matrix``: [N, size, 2 * radius + 1] each.

    ``radius`` is below ``size``; the edges are mirrored without repeating the edge pixel.
    """
    reach = torch.arange(-radius, radius + 1, device=sigma.device)
    weights = torch.exp(reach.square() * (-0.5 / sigma.clamp(min=1e-3).square()[:, None]))
    weights = weights / weights.sum(1, keepdim=True)
    pixels = (torch.arange(size, device=sigma.device)[:, None] + reach).abs()
    pixels = torch.where(pixels < size, pixels, 2 * (size - 1) - pixels)
    n = len(sigma)
    return pixels.expand(n, -1, -1), weights[:, None].expand(n, size, -1)


def sum_rows(images: Tensor, pixels: Tensor, weights: Tensor) -> Tensor:
    """Rows of images, each a weighted sum of rows.

    Args:
        images: float [N, C, H, W], contiguous.
        pixels: int64 [N, S, K], the rows of an image that enter row s.
        weights: float [N, S, K].

    Returns:
        [N, C, S, W].
    """
    n, channels, height, width = images.shape
    _, size, taps = pixels.shape
    first = torch.arange(0, n * channels * height, height, dtype=torch.int32, device=images.device)
    rows = first.view(n, channels, 1, 1) + pixels.int().unsqueeze(1)
    weights = weights.to(images.dtype).unsqueeze(1).expand(-1, channels, -1, -1)
    out = F.embedding_bag(
        rows.view(-1, taps),
        images.view(-1, width),
        mode="sum",
        per_sample_weights=weights.reshape(-1, taps),
    )
    return out.view(n, channels, size, width)


def crop_resize(
    images: Tensor,
    boxes: Tensor,
    mirror_x: Tensor,
    mirror_y: Tensor,
    size: int,
    dtype: torch.dtype,
) -> Tensor:
    """As ``warp.crop_resize``, but images of any kind, and the result lies in memory transposed.

    Args:
        dtype: in which it sums, and of the result.
    """
    n, channels, height, width = images.shape
    x0, y0, x1, y1 = boxes.unbind(1)
    x0, x1 = torch.where(mirror_x, x1, x0), torch.where(mirror_x, x0, x1)
    y0, y1 = torch.where(mirror_y, y1, y0), torch.where(mirror_y, y0, y1)
    # rows a power of two apart would meet in the cache when they are transposed
    gap = 8 if width % 64 == 0 else 0
    rows = torch.empty(n, channels, height, width + gap, dtype=dtype)
    rows[..., :width] = images
    rows[..., width:] = 0
    flat = sum_rows(rows, *resize_taps(y0 * height, y1 * height, height, size))
    turned = flat.transpose(2, 3).contiguous()
    return sum_rows(turned, *resize_taps(x0 * width, x1 * width, width, size)).transpose(2, 3)


def blur(images: Tensor, sigma: Tensor, radius: int, dtype: torch.dtype) -> Tensor:
    """As ``blur.blur`` for [N, C, S, S], at the cost of the images with a sigma alone.

    The images may lie in memory transposed, as those of ``crop_resize``; the result does not. The
    blurred ones are summed in ``dtype``.
    """
    size = images.shape[-1]
    which = sigma.nonzero().squeeze(1)
    turned = images.transpose(2, 3).contiguous()
    out = turned.transpose(2, 3).contiguous()
    if len(which):
        taps = blur_taps(sigma[which], size, radius)
        some = sum_rows(turned[which].to(dtype), *taps).transpose(2, 3).contiguous()
        out.index_copy_(0, which, sum_rows(some, *taps).to(images.dtype))
    return out
