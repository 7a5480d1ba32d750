"""Brightness, contrast, saturation, hue and greyscale as one affine colour map per image.

Each operation is an affine map of RGB, written as a matrix [4, 4] on (r, g, b, 1). Contrast turns
about the image's mean grey, which earlier operations change; as they are affine too, that mean
follows from the mean colour alone, and the whole chain is one matrix. torchvision clamps to [0, 1]
after every operation, the fused chain once at the end: they agree where nothing is clamped.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

#: ITU-R 601 luma, as torchvision's rgb_to_grayscale.
GREY = (0.2989, 0.587, 0.114)
_YIQ = (
    (0.299, 0.587, 0.114),
    (0.5959, -0.2746, -0.3213),
    (0.2115, -0.5227, 0.3112),
)


def constant(values: Sequence[object], like: Tensor) -> Tensor:
    """A small tensor on the device of ``like``, which a GPU does not have to be waited for."""
    return torch.tensor(values, dtype=like.dtype).to(like.device, non_blocking=True)


def identity(n: int, like: Tensor) -> Tensor:
    """[n, 4, 4]."""
    return torch.eye(4, device=like.device, dtype=like.dtype).expand(n, 4, 4)


def brightness(factor: Tensor) -> Tensor:
    """[N] -> [N, 4, 4]: all channels times the factor."""
    one = torch.ones_like(factor)
    return torch.diag_embed(torch.stack([factor, factor, factor, one], 1))


def contrast(factor: Tensor, mean_grey: Tensor) -> Tensor:
    """[N], [N] -> [N, 4, 4]: away from the mean grey by the factor."""
    shift = ((1 - factor) * mean_grey)[:, None].expand(-1, 3)
    return _affine(torch.diag_embed(factor[:, None].expand(-1, 3)), shift)


def saturation(factor: Tensor) -> Tensor:
    """[N] -> [N, 4, 4]: away from each pixel's grey by the factor; 0 is greyscale."""
    grey = constant(GREY, factor).expand(3, 3)
    eye = torch.eye(3, device=factor.device, dtype=factor.dtype)
    part = factor[:, None, None]
    return _affine(part * eye + (1 - part) * grey, torch.zeros_like(grey[0]).expand(len(factor), 3))


def hue(turn: Tensor) -> Tensor:
    """[N] in [-0.5, 0.5] -> [N, 4, 4]: the plane of I and Q in YIQ, turned by 2 pi ``turn``.

    Linear, unlike the HSV shift of torchvision: it keeps luma, and the two differ in how far a
    saturated colour goes.
    """
    yiq = torch.tensor(_YIQ, dtype=torch.float64)
    # inverted on the CPU: on a GPU it would wait for the result
    back, forth = constant(yiq.inverse().tolist(), turn), constant(_YIQ, turn)
    cos, sin = torch.cos(2 * math.pi * turn), torch.sin(2 * math.pi * turn)
    zero, one = torch.zeros_like(turn), torch.ones_like(turn)
    rotation = torch.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], 1).view(-1, 3, 3)
    matrix = back @ rotation @ forth
    return _affine(matrix, torch.zeros_like(matrix[:, 0]))


def greyscale(on: Tensor, like: Tensor) -> Tensor:
    """bool [N] -> [N, 4, 4]."""
    return saturation(1 - on.to(like.dtype))


def jitter(factors: Tensor, order: Tensor, start: Tensor) -> Tensor:
    """Brightness, contrast, saturation and hue in each image's own order, after ``start``.

    Contrast needs the mean grey of what it works on, which follows from the mean colour of the
    image. So the map is of (r, g, b, 1, mean r, mean g, mean b), the means those of the image
    before any operation; ``at_mean`` puts them in.

    Args:
        factors: [N, 4], brightness, contrast and saturation factors and the hue's turn.
        order: int64 [N, 4], a permutation of 0..3 per image.
        start: [N, 4, 4], the map so far.

    Returns:
        [N, 4, 7].
    """
    n = len(factors)
    luma = constant((*GREY, 0.0), start).expand(n, 1, 4)
    bright, saturate, turn = (
        brightness(factors[:, 0]),
        saturation(factors[:, 2]),
        hue(factors[:, 3]),
    )
    # contrast about black here; the shift to about the mean grey follows in the loop
    maps = torch.stack([bright, brightness(factors[:, 1]), saturate, turn], 1)
    images = torch.arange(n, device=factors.device)[:, None]
    maps = maps[images, order]  # in each image's order
    shifts = (order == 1) * (1 - factors[:, 1:2])  # [N, 4]
    column = torch.zeros(4, 1, device=start.device, dtype=start.dtype)
    column[:3] = 1
    total = torch.cat([start, torch.zeros_like(start[:, :, :3])], 2)
    for step in range(4):
        grey = luma @ total  # of a pixel; the mean pixel's colour is the mean
        mean_grey = torch.cat(
            [torch.zeros_like(grey[..., :3]), grey[..., 3:4], grey[..., :3] + grey[..., 4:]], 2
        )
        total = torch.baddbmm(
            column * (shifts[:, step, None, None] * mean_grey), maps[:, step], total
        )
    return total


def at_mean(matrix: Tensor, images: Tensor) -> Tensor:
    """The map [N, 4, 4] that one of the means too, [N, 4, 7], is for images [N, 3, H, W].

    A map [N, 4, 4] is given back as it is.
    """
    if matrix.shape[2] == 4:
        return matrix
    mean = images.mean((2, 3)).unsqueeze(2)
    shift = torch.baddbmm(matrix[:, :, 3:4], matrix[:, :, 4:], mean)
    return torch.cat([matrix[:, :, :3], shift], 2)


def normalise(images: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """[N, 3, H, W]: (x - mean) / std per channel."""
    scale = 1 / constant(std, images)
    shift = -constant(mean, images) * scale
    return torch.addcmul(shift.view(3, 1, 1), images, scale.view(3, 1, 1))


def normalisation(
    matrix: Tensor, mean: tuple[float, ...], std: tuple[float, ...]
) -> tuple[Tensor, list[tuple[float, float]]]:
    """A colour map [N, 4, 4] or [N, 4, 7] followed by ``normalise``, and where each channel's 0 and
    1 come out.

    Clamping to [0, 1] and then normalising is normalising and then clamping to these bounds.
    """
    diagonal = constant([*(1 / s for s in std), 1.0], matrix)
    shift = torch.zeros_like(matrix)
    shift[:, :3, 3] = constant([-m / s for m, s in zip(mean, std, strict=True)], matrix)
    bounds = [(-m / s, (1 - m) / s) for m, s in zip(mean, std, strict=True)]
    return diagonal[:, None] * matrix + shift, bounds


def clamp_channels(images: Tensor, bounds: list[tuple[float, float]]) -> Tensor:
    """[N, 3, H, W], each channel clamped to its bounds; in place where no gradient is wanted."""
    if len(set(bounds)) == 1:
        return images.clamp(*bounds[0]) if images.requires_grad else images.clamp_(*bounds[0])
    if images.requires_grad:
        lows, highs = constant(bounds, images).unbind(1)
        return torch.clamp(images, lows.view(3, 1, 1), highs.view(3, 1, 1))
    for channel, (low, high) in enumerate(bounds):
        images[:, channel].clamp_(low, high)
    return images


def apply_color(images: Tensor, matrix: Tensor) -> Tensor:
    """[N, 3, H, W] through [N, 4, 4]; the result lies in memory as the images do."""
    if images.transpose(2, 3).is_contiguous() and not images.is_contiguous():
        return apply_color(images.transpose(2, 3), matrix).transpose(2, 3)
    n, _, height, width = images.shape
    shift = matrix[:, :3, 3:]
    out = torch.baddbmm(shift, matrix[:, :3, :3], images.reshape(n, 3, height * width))
    return out.view(n, 3, height, width)


def _affine(matrix: Tensor, shift: Tensor) -> Tensor:
    """[N, 3, 3], [N, 3] -> [N, 4, 4]."""
    top = torch.cat([matrix, shift.unsqueeze(2)], 2)
    last = torch.zeros_like(top[:, :1])
    last[..., 3] = 1
    return torch.cat([top, last], 1)
