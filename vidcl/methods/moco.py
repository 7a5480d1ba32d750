"""MoCo (He et al. 2020, Algorithm 1): v1 and v2 differ in head, temperature and views alone."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidcl.losses.info_nce import info_nce
from vidcl.methods.distributed import gather
from vidcl.models.momentum import momentum_copy, momentum_update
from vidcl.models.queue import KeyQueue


@dataclass(frozen=True)
class MoCoLoss:
    """One step's outcome: ``loss`` [] to differentiate, and what to log, without gradients."""

    loss: Tensor
    q: Tensor  # [N, C]
    k: Tensor  # [N, C]


class MoCo(nn.Module):
    """Queries against their keys and a queue of older keys.

    Attributes:
        encoder_q: images [N, 3, H, W] -> [N, C]; trained. What DistributedDataParallel may wrap is
            handed to ``forward``; this module keeps the bare one, for the momentum update.
        encoder_k: its momentum copy; BatchNorm in training mode, as in the authors' code.
        queue: K keys with the tracks they show.
    """

    def __init__(
        self,
        encoder: nn.Module,
        dim: int,
        *,
        K: int,
        m: float,
        T: float,
        mask_own_track: bool = True,
        shuffle: bool = False,
    ) -> None:
        super().__init__()
        self.m, self.T = m, T
        self.mask_own_track, self.shuffle = mask_own_track, shuffle
        self.encoder_q = encoder
        self.encoder_k = momentum_copy(encoder)
        self.queue = KeyQueue(K, dim)

    def forward(
        self,
        x_q: Tensor,  # [N, 3, H, W]
        x_k: Tensor,  # [N, 3, H, W], another view of the same track
        tracks: Tensor,  # int64 [N], which track each pair shows
        *,
        generator: torch.Generator | None = None,  # draws the shuffle of the keys' batch
        encoder_q: nn.Module | None = None,  # encoder_q as wrapped for distributed training
    ) -> MoCoLoss:
        q = _unit((encoder_q or self.encoder_q)(x_q))  # [N, C]
        with torch.no_grad():
            momentum_update(self.encoder_k, self.encoder_q, self.m)
            k = _unit(self._keys(x_k, generator))  # [N, C]
        usable = self.queue.usable(tracks, own=not self.mask_own_track)  # [N, K]
        with torch.autocast(q.device.type, enabled=False):
            # a copy, because the push below must not change what backward reads
            loss = info_nce(q, k, self.queue.keys.clone(), usable, self.T).mean()
        self.queue.push(gather(k), gather(tracks))
        return MoCoLoss(loss, q.detach(), k)

    def _keys(self, x_k: Tensor, generator: torch.Generator | None) -> Tensor:
        """Keys of a batch, shuffled so that a key's BatchNorm shard is not its query's."""
        if not self.shuffle:
            return self.encoder_k(x_k)
        order = torch.randperm(len(x_k), generator=generator).to(x_k.device)
        return self.encoder_k(x_k[order])[order.argsort()]


def _unit(x: Tensor) -> Tensor:
    """[N, C] at unit length, in single precision or better whatever the encoder computed in."""
    return F.normalize(x if x.dtype == torch.float64 else x.float(), dim=1)
