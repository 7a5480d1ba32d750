"""Projection heads: from a backbone's feature to the space of the loss."""

from typing import Literal

from torch import nn

HeadKind = Literal["linear", "mlp"]


def build_head(
    kind: HeadKind, width: int, dim: int, *, hidden: int | None = None, batch_norm: bool = False
) -> nn.Module:
    """[N, width] -> [N, dim].

    Args:
        kind: ``linear`` (MoCo v1) or ``mlp`` (MoCo v2: one hidden layer with ReLU).
        hidden: width of the hidden layer; by default ``width``.
        batch_norm: BatchNorm between the hidden layer and its ReLU.
    """
    if kind == "linear":
        return nn.Linear(width, dim)
    hidden = hidden or width
    if batch_norm:
        return nn.Sequential(
            nn.Linear(width, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, dim),
        )
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, dim))
