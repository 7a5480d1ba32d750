"""MoCo (He et al. 2020, Algorithm 1): v1 and v2 differ in head, temperature and views alone."""

from typing import Any

import torch
from torch import nn

from vidcl.losses.info_nce import info_nce
from vidcl.methods.base import Outcome, unit
from vidcl.methods.momentum import MomentumMethod
from vidcl.methods.wanted import Key, ViewBatch, Wanted


class MoCo(MomentumMethod):
    """A query against its key and a queue of older keys."""

    forwards = 4.0  # query forward and backward, key forward

    def __init__(
        self, encoder: nn.Module, dim: int, *, shares: tuple[str, ...] = (), **settings: Any
    ) -> None:
        """``shares``: factors of the view that the key has from its query; ``settings``: those of
        ``MomentumMethod``."""
        super().__init__(encoder, dim, **settings)
        self.wanted = Wanted((Key(shares),))

    def forward(
        self,
        batch: ViewBatch,
        *,
        generator: torch.Generator | None = None,  # draws the shuffle of the keys' batch
        encoder_q: nn.Module | None = None,
    ) -> Outcome:
        x_q, x_k = batch.views  # [N, 3, H, W] each
        features, z = (encoder_q or self.encoder_q)(x_q)
        q = unit(z)  # [N, C]
        k = unit(self.keys(x_k, generator))  # [N, C]
        usable = self.usable(batch.tracks)  # [N, K]
        with torch.autocast(q.device.type, enabled=False):
            loss = info_nce(q, k, self.queue.keys, usable, self.T).mean()
        return Outcome(loss, q.detach(), k, features, loss.detach())

    def describe(self) -> str:
        return f"MoCo, queue {len(self.queue)}"
