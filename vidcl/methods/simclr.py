"""SimCLR (Chen et al. 2020, Algorithm 1): the other pairs of the batch are the negatives."""

import torch
from torch import nn

from vidcl.losses.nt_xent import nt_xent
from vidcl.methods.base import Method, Outcome, unit
from vidcl.methods.distributed import gather, gather_with_gradient, rank
from vidcl.methods.wanted import ViewBatch


class SimCLR(Method):
    """Both views through one encoder, in one batch over all processes."""

    forwards = 6.0  # both views forward and backward
    can_accumulate = False  # parts of a batch would have fewer negatives

    def __init__(self, encoder: nn.Module, *, T: float, mask_own_track: bool = True) -> None:
        super().__init__()
        self.T, self.mask_own_track = T, mask_own_track
        self.encoder_q = encoder

    def forward(
        self,
        batch: ViewBatch,
        *,
        generator: torch.Generator | None = None,
        encoder_q: nn.Module | None = None,
    ) -> Outcome:
        n = len(batch)
        features, z = (encoder_q or self.encoder_q)(torch.cat(batch.views))
        z = unit(z)  # [2N, C]
        others = gather_with_gradient(z)  # [2NW, C], W processes
        me = rank() * 2 * n + torch.arange(2 * n, device=z.device)  # the anchors' rows
        positive = me.roll(n)  # i <-> i + N
        usable = torch.ones(2 * n, len(others), dtype=torch.bool, device=z.device)
        if self.mask_own_track:
            both = torch.cat([batch.tracks, batch.tracks])
            usable = gather(both)[None, :] != both[:, None]
        usable = usable.scatter(1, me[:, None], False)
        with torch.autocast(z.device.type, enabled=False):
            loss = nt_xent(z, others, positive, usable, self.T).mean()
        q, k = z.detach().chunk(2)
        return Outcome(loss, q, k, features[:n], loss.detach())

    def negatives(self, batch_size: int) -> float:
        return 2.0 * batch_size - 2

    def describe(self) -> str:
        return "SimCLR"
