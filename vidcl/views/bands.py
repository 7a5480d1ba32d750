"""Weighted sums of few neighbours along an axis: the quick way on a CPU where no gradient is asked.

The matrices of ``warp`` and ``blur`` are bands: two or three weights in a row of 256 when resizing,
thirteen when blurring. ``embedding_bag`` sums so many rows of a table at the speed of memory; that
takes a tenth of the dense products' time at 224 pixels. It works on rows, so columns are summed in
the transposed image.
"""

import torch
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
    low, high = pixel_range(start, stop, length)
    pixels = pixels.long().maximum(low[:, None, None]).minimum(high[:, None, None] - 1)
    return pixels, weights


def pixel_range(start: Tensor, stop: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """First and last pixel but one, int64 [N] each, that lie between ``start`` and ``stop``."""
    low = torch.minimum(start, stop).floor().long().clamp_(0, length - 1)
    high = torch.maximum(start, stop).ceil().long().clamp_(max=length)
    return low, high.maximum(low + 1)


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
    place = torch.arange(n, device=images.device)
    table, weights = rows_of(pixels, weights.to(images.dtype), channels, height, place)
    out = weighted_rows(images.view(-1, width), table, weights)
    return out.view(n, channels, -1, width)


def rows_of(
    pixels: Tensor, weights: Tensor, channels: int, height: int, place: Tensor
) -> tuple[Tensor, Tensor]:
    """The same sums for all channels, in rows of a table of [N, C, H] rows.

    Args:
        pixels, weights: int64 and float [N, S, K].
        place: int64 [N], where in the table each image stands.

    Returns:
        int32 and float [N, C * S, K].
    """
    n, size, taps = pixels.shape
    first = (place[:, None] * channels + torch.arange(channels, device=place.device)) * height
    rows = first.int()[:, :, None, None] + pixels.int().unsqueeze(1)
    spread = weights.unsqueeze(1).expand(n, channels, size, taps)
    return rows.view(n, -1, taps), spread.reshape(n, -1, taps).contiguous()


def weighted_rows(table: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
    """Rows [B, W], each a sum of rows of the table [R, W]: indices and weights [..., K]."""
    taps = rows.shape[-1]
    starts = torch.arange(0, rows.numel(), taps, dtype=rows.dtype, device=rows.device)
    # half the overhead of the one in nn.functional
    return torch.embedding_bag(
        table, rows.view(-1), starts, mode=0, per_sample_weights=weights.view(-1)
    )[0]


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


def blur(images: Tensor, sigma: Tensor, radius: int) -> Tensor:
    """As ``blur.blur`` for [N, C, S, S], at the cost of the images with a sigma alone.

    The images may lie in memory transposed, as those of ``crop_resize``; the result does not.
    """
    size = images.shape[-1]
    which = sigma.nonzero().squeeze(1)
    turned = images.transpose(2, 3).contiguous()
    out = turned.transpose(2, 3).contiguous()
    if len(which):
        taps = blur_taps(sigma[which], size, radius)
        some = sum_rows(turned[which], *taps).transpose(2, 3).contiguous()
        out.index_copy_(0, which, sum_rows(some, *taps))
    return out
