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
    luma = torch.tensor((*GREY, 0.0), device=mean.device, dtype=mean.dtype)
    mean = torch.cat([mean, torch.ones_like(mean[:, :1])], 1).unsqueeze(2)  # [N, 4, 1]
    bright, saturate = brightness(factors[:, 0]), saturation(factors[:, 2])
    turn = hue(factors[:, 3])
    images = torch.arange(len(factors), device=factors.device)
    total = start
    for step in range(4):
        mean_grey = ((total @ mean).squeeze(2) * luma).sum(1)
        maps = torch.stack([bright, contrast(factors[:, 1], mean_grey), saturate, turn], 1)
        total = maps[images, order[:, step]] @ total
    return total


def normalise(images: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """[N, 3, H, W]: (x - mean) / std per channel."""
    scale = 1 / torch.tensor(std, device=images.device, dtype=images.dtype)
    shift = -torch.tensor(mean, device=images.device, dtype=images.dtype) * scale
    return torch.addcmul(shift.view(3, 1, 1), images, scale.view(3, 1, 1))


def apply_color(images: Tensor, matrix: Tensor) -> Tensor:
    """[N, 3, H, W] through [N, 4, 4]."""
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
