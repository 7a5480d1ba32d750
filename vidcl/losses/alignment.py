"""How far the two views of a pair lie apart: the first term of a generalised contrastive loss."""

from torch import Tensor


def alignment(z1: Tensor, z2: Tensor) -> Tensor:
    """The mean of (z1 - z2)^2 / 2 over pairs and dimensions (Chen, Luo, Li 2021, their code).

    It is divided by C: of vectors at unit length it is (1 - cosine) / C.

    Args:
        z1, z2: [N, C], the projections of both views.

    Returns:
        [], in the dtype of ``z1``; at least 0.
    """
    return (z1 - z2).square().mean() / 2
