"""BatchNorm over virtual shards of the batch: on one device, what shuffle-BN needs several for.

MoCo's keys must not share their batch statistics with their own query, or the network finds the
positive by them (He et al. 2020, section 3.3). The query encoder normalises each of S shards of the
batch alone; the key encoder does the same on a shuffled batch.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidcl.errors import VidclError


class SplitBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Like BatchNorm1d/2d, but in training each of ``shards`` equal parts has its own statistics.

    The batch must be divisible by ``shards``. Names and shapes of the state are BatchNorm's, and so
    are ``options`` (eps, momentum, affine, track_running_stats).
    """

    def __init__(self, width: int, shards: int, **options: Any) -> None:
        super().__init__(width, **options)
        self.shards = shards

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() not in (2, 3, 4):
            raise ValueError(f"expected [N, C], [N, C, L] or [N, C, H, W], not {list(input.shape)}")

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        if len(input) % self.shards:
            raise ValueError(f"a batch of {len(input)} cannot be cut into {self.shards} shards")
        assert self.momentum is not None
        if self.num_batches_tracked is not None:
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


class SplitBatchNormAct(SplitBatchNorm):
    """timm's BatchNorm with its dropout and activation behind it, under timm's names."""

    def __init__(
        self, width: int, shards: int, *, drop: nn.Module, act: nn.Module, **options: Any
    ) -> None:
        super().__init__(width, shards, **options)
        self.drop, self.act = drop, act

    def forward(self, input: Tensor) -> Tensor:
        return self.act(self.drop(super().forward(input)))


def split_batch_norm(module: nn.Module, shards: int) -> nn.Module:
    """Replace every BatchNorm1d and BatchNorm2d inside ``module``; one shard changes nothing.

    timm's BatchNormAct2d is one and keeps its activation. Norms that never look across the batch
    (LayerNorm, GroupNorm, InstanceNorm) stay as they are.

    Raises:
        VidclError: there is a kind of BatchNorm that this would change otherwise.
    """
    if shards == 1:
        return module
    for name, child in module.named_children():
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            setattr(module, name, _split(child, shards))
        else:
            split_batch_norm(child, shards)
    return module


def _split(norm: nn.modules.batchnorm._BatchNorm, shards: int) -> SplitBatchNorm:
    parts = dict(norm.named_children())
    options: dict[str, Any] = {
        "eps": norm.eps,
        "momentum": norm.momentum,
        "affine": norm.affine,
        "track_running_stats": norm.track_running_stats,
    }
    split: SplitBatchNorm
    if type(norm) in (nn.BatchNorm1d, nn.BatchNorm2d):
        split = SplitBatchNorm(norm.num_features, shards, **options)
    elif isinstance(norm, nn.BatchNorm2d) and parts.keys() == {"drop", "act"}:
        split = SplitBatchNormAct(
            norm.num_features, shards, drop=parts["drop"], act=parts["act"], **options
        )
    else:
        raise VidclError(
            f"BatchNorm cannot be split in a network with {type(norm).__name__}: set "
            "model.bn_shards to 1, or choose another backbone."
        )
    split.load_state_dict(norm.state_dict())
    return split
