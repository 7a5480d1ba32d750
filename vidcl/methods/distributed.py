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


def gather_with_gradient(x: Tensor) -> Tensor:
    """Like ``gather``, and gradients flow back to the process each part came from."""
    if not (dist.is_available() and dist.is_initialized()):
        return x
    from torch.distributed.nn.functional import all_gather

    return torch.cat(all_gather(x.contiguous()))


def rank() -> int:
    """Of this process; 0 where there is one."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0
