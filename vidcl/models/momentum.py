"""The momentum encoder: a copy that follows slowly."""

import copy
import math

import torch
from torch import nn


def momentum_copy(module: nn.Module) -> nn.Module:
    """A copy of a module that needs no gradients."""
    return copy.deepcopy(module).requires_grad_(False)


@torch.no_grad()
def momentum_update(key: nn.Module, query: nn.Module, m: float) -> None:
    """theta_k <- m theta_k + (1 - m) theta_q (He et al. 2020, eq. 2), in one fused call.

    Parameters only: the key encoder keeps BatchNorm statistics of its own, as in the authors' code.
    """
    # _foreach_lerp_ is k + (1 - m) (q - k)
    torch._foreach_lerp_(list(key.parameters()), list(query.parameters()), 1 - m)


def momentum_at(done: float, start: float, end: float | None) -> float:
    """m after a share ``done`` of a run: ``start``, or from there to ``end`` along half a cosine
    (Grill et al. 2020, section 3.2, where the end is 1)."""
    if end is None:
        return start
    return end - (end - start) * (math.cos(math.pi * done) + 1) / 2
