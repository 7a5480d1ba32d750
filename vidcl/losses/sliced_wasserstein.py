"""Sliced Wasserstein distance of projections to a prior (Chen, Luo, Li 2021, section 2)."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

#: Uniform on the unit sphere, uniform in [-1, 1]^C, or normal with the unit covariance.
Prior = Literal["sphere", "cube", "normal"]


def sliced_wasserstein(z: Tensor, samples: Tensor, directions: Tensor) -> Tensor:
    """The mean squared difference of both sets' sorted projections, over directions and ranks.

    Along one direction that is the squared 2-Wasserstein distance of two samples of one size.

    Args:
        z: [N, C].
        samples: [N, C], of the prior.
        directions: [C, D], a direction of unit length in each column.

    Returns:
        [], in the dtype of ``z``; at least 0, and 0 where both sets are one.
    """
    ours, theirs = (z @ directions).sort(0).values, (samples @ directions).sort(0).values
    return (ours - theirs).square().mean()


def random_rotation(
    dim: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
) -> Tensor:
    """An orthogonal [dim, dim] matrix from the uniform (Haar) distribution.

    Args:
        generator: of the CPU, where the matrix lies.
    """
    q, r = torch.linalg.qr(torch.randn(dim, dim, generator=generator, dtype=dtype))
    # QR leaves the columns' signs to the algorithm (Mezzadri 2007)
    return q * torch.where(r.diagonal() < 0, -1.0, 1.0).to(dtype)


def prior_samples(
    prior: Prior, n: int, dim: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
) -> Tensor:
    """[n, dim] independent samples of a prior.

    Args:
        generator: of the CPU, where the samples lie.
    """
    if prior == "cube":
        return 2 * torch.rand(n, dim, generator=generator, dtype=dtype) - 1
    normal = torch.randn(n, dim, generator=generator, dtype=dtype)
    return F.normalize(normal, dim=1) if prior == "sphere" else normal
