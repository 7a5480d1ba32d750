"""BatchNorm over virtual shards of the batch: on one device, what shuffle-BN needs several for.

MoCo's keys must not share their batch statistics with their own query, or the network finds the
positive by them (He et al. 2020, section 3.3). The query encoder normalises each of S shards of the
batch alone; the key encoder does the same on a shuffled batch.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SplitBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Like BatchNorm1d/2d, but in training each of ``shards`` equal parts has its own statistics.

    The batch must be divisible by ``shards``. Names and shapes of the state are BatchNorm's.
    """

    def __init__(self, width: int, shards: int) -> None:
        super().__init__(width)
        self.shards = shards

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() not in (2, 4):
            raise ValueError(f"expected [N, C] or [N, C, H, W], not {list(input.shape)}")

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        if len(input) % self.shards:
            raise ValueError(f"a batch of {len(input)} cannot be cut into {self.shards} shards")
        assert self.momentum is not None and self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        # S updates of the running statistics together weigh as much as BatchNorm's one
        momentum = 1 - (1 - self.momentum) ** (1 / self.shards)
        parts = [
            F.batch_norm(
                part,
                self.running_mean,
                self.running_var,
                self.weight,
                self.bias,
                training=True,
                momentum=momentum,
                eps=self.eps,
            )
            for part in input.chunk(self.shards)
        ]
        return torch.cat(parts)


def split_batch_norm(module: nn.Module, shards: int) -> nn.Module:
    """Replace every BatchNorm1d and BatchNorm2d inside ``module``; one shard changes nothing."""
    if shards == 1:
        return module
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
            split = SplitBatchNorm(child.num_features, shards)
            split.load_state_dict(child.state_dict())
            setattr(module, name, split)
        else:
            split_batch_norm(child, shards)
    return module
