"""Gratings on noise in ten classes: images whose class is quiet, for digits to be put on."""

import math

import torch
from torch import Tensor

#: Turns of a half circle, and waves per image, that make up the classes.
ANGLES, WAVES = 5, (4.0, 7.0)
CLASSES = ANGLES * len(WAVES)

_ANGLE = 0.24  # of the distance between two angles, either way
_SPREAD = 0.075  # of the waves, either way
_CONTRAST = (0.034, 0.068)  # amplitude, of values in [0, 1]
_LEVEL = (0.35, 0.45)
_NOISE = 0.03  # standard deviation of each pixel and channel


def draw_textures(n: int, generator: torch.Generator, size: int) -> tuple[Tensor, Tensor]:
    """Draw n gratings; class, phase, contrast and level uniform and independent.

    Returns:
        Images uint8 [N, 3, size, size] and their classes, int64 [N] in 0..9: which of five
        directions and of two frequencies.
    """

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(n, 1, 1, generator=generator)

    labels = torch.randint(CLASSES, (n,), generator=generator)
    kind = labels[:, None, None]
    angle = math.pi / ANGLES * (kind % ANGLES + uniform(-_ANGLE, _ANGLE))
    waves = torch.tensor(WAVES)[kind // ANGLES] * (1 + uniform(-_SPREAD, _SPREAD))
    phase, contrast, level = uniform(0, 2 * math.pi), uniform(*_CONTRAST), uniform(*_LEVEL)
    at = (torch.arange(size) + 0.5) / size
    along = at.view(1, 1, -1) * angle.cos() + at.view(1, -1, 1) * angle.sin()
    wave = level + contrast * torch.sin(2 * math.pi * waves * along + phase)
    noise = _NOISE * torch.randn(n, 3, size, size, generator=generator)
    images = (wave[:, None] + noise).clamp_(0, 1)
    return (255 * images).round_().to(torch.uint8), labels
