"""The distribution term of decoupled NT-Xent (Chen, Luo, Li 2021, section 2)."""

import math

import torch
from torch import Tensor


def logsumexp_distribution(z: Tensor, others: Tensor, T: float) -> Tensor:
    """The mean over anchors of log sum_j exp(z_i.o_j / T) - log C; small where vectors spread.

    The sum runs over all others, the anchor itself and its positive among them, and log C is a
    constant, both as in the authors' code. With ``alignment``, A, on vectors at unit length, both
    views of every pair being anchors and others:

        C A + T (this + log C) = 1 + T NT-Xent, if NT-Xent too sums over the anchor itself.

    So its case of the sum A + weight * this is weight = T / C, C of A being divided by. NT-Xent as
    SimCLR has it leaves the anchor out of its sum; its loss is smaller by log(1 + exp(1 / T) / S),
    S its own sum, which is no constant: gradients agree only as far as exp(1 / T) is small
    against S.

    Args:
        z: [A, C], anchors, unit length.
        others: [B, C], unit length, the anchors among them.
        T: temperature.

    Returns:
        [], in the dtype of ``z``.
    """
    return torch.logsumexp((z / T) @ others.T, 1).mean() - math.log(z.shape[1])
