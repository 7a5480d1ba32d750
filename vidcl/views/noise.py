"""Gaussian noise that is a function of a seed per image, on every device the same."""

import math

import torch
from torch import Tensor

#: Constants of splitmix64 (Steele et al. 2014) as signed integers.
_GAMMA, _MIX_1, _MIX_2 = (
    value - 2**64 for value in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)


def add_noise(images: Tensor, std: Tensor, seed: Tensor) -> Tensor:
    """float [N, C, H, W] in [0, 1] plus noise of ``std`` [N], clamped again."""
    noise = gaussian(seed, images[0].numel()).to(images.dtype).view_as(images)
    return (images + std.to(images.dtype).view(-1, 1, 1, 1) * noise).clamp(0, 1)


def gaussian(seed: Tensor, count: int) -> Tensor:
    """Standard normal values float32 [N, count] of seeds int64 [N]: a hash, then Box and Muller."""
    places = torch.arange(1, count + 1, device=seed.device)
    bits = _mix(_mix(seed * _GAMMA)[:, None] + places * _GAMMA)
    # 24 bits each; the first never 0, so that its logarithm is finite
    first = ((bits >> 40 & 0xFFFFFF) + 1).float() / 2**24
    second = (bits & 0xFFFFFF).float() / 2**24
    return torch.sqrt(-2 * torch.log(first)) * torch.cos(2 * math.pi * second)


def _mix(z: Tensor) -> Tensor:
    """splitmix64's finaliser; int64 wraps as unsigned integers do."""
    z = (z ^ _shift(z, 30)) * _MIX_1
    z = (z ^ _shift(z, 27)) * _MIX_2
    return z ^ _shift(z, 31)


def _shift(z: Tensor, bits: int) -> Tensor:
    """Shift right and fill with zeros (torch's shift fills with the sign)."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)
