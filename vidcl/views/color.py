"""Brightness, contrast, saturation, hue and greyscale as one affine colour map per image.

Each operation is an affine map of RGB, written as a matrix [4, 4] on (r, g, b, 1). Contrast turns
about the image's mean grey, which earlier operations change; as they are affine too, that mean
follows from the mean colour alone, and the whole chain is one matrix. torchvision clamps to [0, 1]
after every operation, the fused chain once at the end: they agree where nothing is clamped.
"""

import math

import torch
from torch import Tensor

#: ITU-R 601 luma, as torchvision's rgb_to_grayscale.
GREY = (0.2989, 0.587, 0.114)
_YIQ = (
    (0.299, 0.587, 0.114),
    (0.5959, -0.2746, -0.3213),
    (0.2115, -0.5227, 0.3112),
)


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
    grey = torch.tensor(GREY, device=factor.device, dtype=factor.dtype).expand(3, 3)
    eye = torch.eye(3, device=factor.device, dtype=factor.dtype)
    part = factor[:, None, None]
    return _affine(part * eye + (1 - part) * grey, torch.zeros_like(grey[0]).expand(len(factor), 3))


def hue(turn: Tensor) -> Tensor:
    """[N] in [-0.5, 0.5] -> [N, 4, 4]: the plane of I and Q in YIQ, turned by 2 pi ``turn``.

    Linear, unlike the HSV shift of torchvision: it keeps luma, and the two differ in how far a
    saturated colour goes.
    """
    yiq = torch.tensor(_YIQ, device=turn.device, dtype=turn.dtype)
    cos, sin = torch.cos(2 * math.pi * turn), torch.sin(2 * math.pi * turn)
    zero, one = torch.zeros_like(turn), torch.ones_like(turn)
    rotation = torch.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], 1).view(-1, 3, 3)
    matrix = torch.linalg.inv(yiq) @ rotation @ yiq
    return _affine(matrix, torch.zeros_like(matrix[:, 0]))


def greyscale(on: Tensor, like: Tensor) -> Tensor:
    """bool [N] -> [N, 4, 4]."""
    return saturation(1 - on.to(like.dtype))


def jitter(factors: Tensor, order: Tensor, mean: Tensor, start: Tensor) -> Tensor:
    """Brightness, contrast, saturation and hue in each image's own order, after ``start``.

    Args:
        factors: [N, 4], brightness, contrast and saturation factors and the hue's turn.
        order: int64 [N, 4], a permutation of 0..3 per image.
        mean: [N, 3], mean colour of each image before any operation.
        start: [N, 4, 4], the map so far.

    Returns:
        [N, 4, 4].
    """
    luma = torch.tensor((*GREY, 0.0), device=mean.device, dtype=mean.dtype).expand(len(mean), 1, 4)
    mean = torch.cat([mean, torch.ones_like(mean[:, :1])], 1).unsqueeze(2)  # [N, 4, 1]
    bright, saturate, turn = (
        brightness(factors[:, 0]),
        saturation(factors[:, 2]),
        hue(factors[:, 3]),
    )
    # contrast about black here; the shift to about the mean grey follows in the loop
    maps = torch.stack([bright, brightness(factors[:, 1]), saturate, turn], 1)
    images = torch.arange(len(factors), device=factors.device)[:, None]
    maps = maps[images, order]  # in each image's order
    shifts = (order == 1) * (1 - factors[:, 1:2])  # [N, 4]
    column = torch.zeros(4, 4, device=mean.device, dtype=mean.dtype)
    column[:3, 3] = 1
    total = start
    for step in range(4):
        mean_grey = luma @ total @ mean  # [N, 1, 1]
        total = torch.baddbmm(
            column * (shifts[:, step, None, None] * mean_grey), maps[:, step], total
        )
    return total


def normalise(images: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """[N, 3, H, W]: (x - mean) / std per channel."""
    scale = 1 / torch.tensor(std, device=images.device, dtype=images.dtype)
    shift = -torch.tensor(mean, device=images.device, dtype=images.dtype) * scale
    return torch.addcmul(shift.view(3, 1, 1), images, scale.view(3, 1, 1))


def normalisation(
    matrix: Tensor, mean: tuple[float, ...], std: tuple[float, ...]
) -> tuple[Tensor, list[tuple[float, float]]]:
    """A colour map [N, 4, 4] followed by ``normalise``, and where each channel's 0 and 1 come out.

    Clamping to [0, 1] and then normalising is normalising and then clamping to these bounds.
    """
    diagonal = torch.tensor([*(1 / s for s in std), 1.0], device=matrix.device, dtype=matrix.dtype)
    shift = torch.zeros_like(matrix)
    shift[:, :3, 3] = torch.tensor([-m / s for m, s in zip(mean, std, strict=True)])
    bounds = [(-m / s, (1 - m) / s) for m, s in zip(mean, std, strict=True)]
    return diagonal[:, None] * matrix + shift, bounds


def clamp_channels(images: Tensor, bounds: list[tuple[float, float]]) -> Tensor:
    """[N, 3, H, W], each channel clamped to its bounds; in place where no gradient is wanted."""
    if images.requires_grad:
        lows, highs = torch.tensor(bounds, device=images.device, dtype=images.dtype).unbind(1)
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
