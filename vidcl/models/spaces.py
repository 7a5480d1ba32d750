"""Several embedding spaces: one projection head for each."""

import torch
from torch import Tensor, nn


class Spaces(nn.Module):
    """[N, width] -> [N, Z, dim], one head per space.

    With ``private`` features each head sees its own share of them, in order, as ``Branches`` lays
    them out; otherwise each sees all.
    """

    def __init__(self, heads: list[nn.Module], *, private: bool) -> None:
        super().__init__()
        self.heads = nn.ModuleList(heads)
        self.private = private

    def __len__(self) -> int:
        return len(self.heads)

    def forward(self, features: Tensor) -> Tensor:
        count = len(self.heads)
        seen = features.chunk(count, 1) if self.private else [features] * count
        pairs = zip(self.heads, seen, strict=True)
        return torch.stack([head(part) for head, part in pairs], 1)


class OneSpace(nn.Module):
    """[N, Z, dim] -> [N, dim]: one of the spaces."""

    def __init__(self, space: int) -> None:
        super().__init__()
        self.space = space

    def forward(self, projections: Tensor) -> Tensor:
        return projections[:, self.space]


class Branches(nn.Module):
    """Copies of a network's last stage side by side, their channels one after the other.

    LooC++ gives every space a last stage of its own (Xiao et al. 2021, section 3.3).
    """

    def __init__(self, stages: list[nn.Module]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, len(stages) * C', H', W']."""
        return torch.cat([stage(x) for stage in self.stages], 1)
