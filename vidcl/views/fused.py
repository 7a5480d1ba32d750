"""Crop, flip, colour and blur on a CPU where no gradient is asked for, a few images at a time.

A view of 224 pixels takes 0.6 MB, and each operation on a whole batch would fetch all of that from
memory and put it back. So a few images go through all operations before the next ones are looked
at, and only the part that their crops show is read. All that is known before the pixels are, the
weights of resizing and blur and the colour map but for the image's mean, is computed for the batch
at once.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vidcl.views import color
from vidcl.views.bands import blur_taps, pixel_range, resize_taps, rows_of, weighted_rows

#: Values of the images worked on at once: few, so that they stay in the cache from one operation to
#: the next, and enough that calling the operations costs little.
_CHUNK = 9 * 256 * 256


@dataclass(frozen=True)
class _Axis:
    """How one axis of each image is resized.

    Attributes:
        low, high: what the crop shows, in whole pixels, per image.
        rows: int32 [N, C * S * K], rows of the table of a chunk that enter a row of the view.
        weights: float [N, C * S * K], theirs.
    """

    low: list[int]
    high: list[int]
    rows: Tensor
    weights: Tensor


def front(
    images: Tensor,
    box: Tensor,
    flip: Tensor | None,
    matrix: Tensor,
    bounds: list[tuple[float, float]],
    sigma: Tensor | None,
    radius: int,
    size: int,
) -> Tensor:
    """Crop, resize and flip; then the colour map; then clamp; then blur.

    Args:
        images: uint8 or float [N, 3, H, W].
        box: float [N, 4], x0, y0, x1, y1 as shares of width and height.
        flip: bool [N], mirrored left and right; None: none is.
        matrix: [N, 4, 4] or [N, 4, 7], colour maps as those of ``color.jitter``.
        bounds: lowest and highest value of each channel, between map and blur.
        sigma: [N], standard deviation of the blur in pixels of the view, 0 for none; None: for all.
        radius: pixels beyond which the blur's kernel is cut off, below ``size``.
        size: side S of the views.

    Returns:
        [N, 3, S, S] in the dtype of ``box``.
    """
    n, channels, height, width = images.shape
    out = torch.empty(n, channels, size, size, dtype=box.dtype)
    if not n:
        return out
    few = max(1, min(n, _CHUNK // (channels * max(height * width, size * size))))
    # images without a blur go together
    order = torch.arange(n) if sigma is None else sigma.argsort()
    places = order.tolist()
    x0, y0, x1, y1 = box[order].unbind(1)
    if flip is not None:
        mirror = flip[order]
        x0, x1 = torch.where(mirror, x1, x0), torch.where(mirror, x0, x1)
    down = _axis(y0 * height, y1 * height, height, size, channels, few, whole=True)
    across = _axis(x0 * width, x1 * width, width, size, channels, few, whole=False)
    tint = _Tint(matrix[order, :3], bounds)
    soften = None if sigma is None else _Blur(sigma[order], radius, size, channels, few)

    # Every operation reads one of two places and writes the other, so both stay in the cache: this
    # one, and what embedding_bag allocates and, freed, is given again.
    room = torch.zeros(few * channels * max(height * _row(width), width * size, size * size))
    room = room.to(box.dtype)
    for start in range(0, n, few):
        stop = min(n, start + few)
        count, part = stop - start, slice(start, stop)
        need = max(across.high[k] - across.low[k] for k in range(start, stop))
        row = _row(need)
        shown = _shaped(room, count, channels, height, row)
        for place, k in enumerate(range(start, stop)):
            top, bottom, left, right = down.low[k], down.high[k], across.low[k], across.high[k]
            source = images[places[k], :, top:bottom, left:right]
            shown[place, :, top:bottom, : right - left].copy_(source)
        views = weighted_rows(shown.view(-1, row), down.rows[part], down.weights[part])
        turned = _shaped(room, count * channels, width, size)
        turned[:, :need].copy_(views.view(-1, size, row)[..., :need].mT)
        del views
        views = weighted_rows(turned.view(-1, size), across.rows[part], across.weights[part])
        colored = _shaped(room, count, channels, size, size)
        tint(views.view(count, channels, -1), part, colored)
        if soften is not None and soften.widest[stop - 1] > 0:
            del views
            views = soften(colored, part)
        else:
            # by way of what lies in the cache: slower when written right to where it goes
            views = views.view_as(colored).copy_(colored.mT)
        for place, k in enumerate(range(start, stop)):
            out[places[k]].copy_(views[place])
        del views
    return out


class _Tint:
    """The colour map of each image of a batch, with its clamp."""

    def __init__(self, matrix: Tensor, bounds: list[tuple[float, float]]) -> None:
        """``matrix``: [N, 3, 4] or [N, 3, 7]."""
        self.linear = matrix[:, :, :3].contiguous()
        self.shift = matrix[:, :, 3:4].contiguous()
        self.by_mean = matrix[:, :, 4:].contiguous() if matrix.shape[2] > 4 else None
        self.bounds = bounds

    def __call__(self, views: Tensor, part: slice, out: Tensor) -> Tensor:
        """Views [M, 3, S * S] of a part of the batch, to ``out`` [M, 3, S, S]."""
        shift = self.shift[part]
        if self.by_mean is not None:
            shift = torch.baddbmm(shift, self.by_mean[part], views.mean(2, keepdim=True))
        torch.baddbmm(shift, self.linear[part], views, out=out.view_as(views))
        return color.clamp_channels(out, self.bounds)


class _Blur:
    """The blur of each image of a batch, in ascending order of sigma."""

    def __init__(self, sigma: Tensor, radius: int, size: int, channels: int, few: int) -> None:
        self.widest = sigma.tolist()
        pixels, weights = blur_taps(sigma, size, radius)
        self.weights = weights[:, 0]
        repeated = pixels[:1].expand(few, -1, -1), weights[:1].expand(few, -1, -1)
        self.rows = rows_of(*repeated, channels, size, torch.arange(few))[0]

    def __call__(self, views: Tensor, part: slice) -> Tensor:
        """Views [M, C, S, S] of a part of the batch, transposed, to views that are not.

        ``views`` is overwritten.
        """
        m, _, size, _ = views.shape
        rows = self.rows[:m]
        weights = self.weights[part, None].expand(rows.shape).contiguous()
        half = weighted_rows(views.view(-1, size), rows, weights)
        views.copy_(half.view_as(views).mT)
        del half
        return weighted_rows(views.view(-1, size), rows, weights).view_as(views)


def _shaped(room: Tensor, *shape: int) -> Tensor:
    return room[: math.prod(shape)].view(shape)


def _axis(
    start: Tensor, stop: Tensor, length: int, size: int, channels: int, few: int, whole: bool
) -> _Axis:
    """``whole``: the table has all pixels of the axis as rows, not those that the crop shows."""
    low, high = pixel_range(start, stop, length)
    pixels, weights = resize_taps(start, stop, length, size)
    if not whole:
        pixels = pixels - low[:, None, None]
    place = torch.arange(len(start)) % few
    rows, weights = rows_of(pixels, weights, channels, length, place)
    return _Axis(low.tolist(), high.tolist(), rows, weights)


def _row(width: int) -> int:
    """How far apart the rows of a table lie: whole vectors, and no power of two."""
    row = -(-width // 16) * 16
    return row + 16 if row % 64 == 0 else row
