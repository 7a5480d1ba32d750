"""What a method needs of the other processes, and nothing where there are none."""

import torch
from torch import Tensor
from torch import distributed as dist


@torch.no_grad()
def gather(x: Tensor) -> Tensor:
    """[N, ...] of every process, in rank order, as [world * N, ...]."""
    if not (dist.is_available() and dist.is_initialized()):
        return x
    parts = [torch.empty_like(x) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, x.contiguous())
    return torch.cat(parts)
