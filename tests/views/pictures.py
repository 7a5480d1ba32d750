"""Small smooth pictures with some noise, and parameters that change nothing."""

import torch

from vidcl.views.params import ViewParams


def pictures(n: int = 6, side: int = 40, seed: int = 0) -> torch.Tensor:
    """float32 [n, 3, side, side] in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    small = torch.rand(n, 3, 10, 10, generator=generator)
    smooth = torch.nn.functional.interpolate(small, (side, side), mode="bilinear")
    return (0.8 * smooth + 0.2 * torch.rand(smooth.shape, generator=generator)).clamp(0, 1)


def levels(images: torch.Tensor) -> torch.Tensor:
    """The same in uint8."""
    return (images * 255).round().to(torch.uint8)


def neutral(n: int) -> ViewParams:
    """Whole images, unchanged."""
    return ViewParams(box=torch.tensor([0.0, 0.0, 1.0, 1.0]).repeat(n, 1))
