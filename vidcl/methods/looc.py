"""LooC (Xiao et al. 2021): one space invariant to all factors, and one per factor that keeps it."""

from typing import Any

import torch
from torch import Tensor, nn

from vidcl.losses.info_nce import info_nce
from vidcl.methods.base import Outcome, unit
from vidcl.methods.factors import leave_one_out
from vidcl.methods.momentum import MomentumMethod
from vidcl.methods.wanted import ViewBatch, Wanted


class LooC(MomentumMethod):
    """One query and n + 1 keys in n + 1 spaces.

    In space 0 the positive is k_0 and the negatives are other images. In space i the positive is
    k_i, which has factor i from the query; the image's other keys, which differ from it in factor
    i, are negatives too, and so the space must keep the factor.

    The queue of space i holds the projections of k_i. That a key never repeats a factor of the
    query by chance is ours; of four quarter turns one in four would.
    """

    def __init__(
        self, encoder: nn.Module, dim: int, *, factors: tuple[str, ...], **settings: Any
    ) -> None:
        """``encoder``: projects into ``1 + len(factors)`` spaces; ``settings``: those of
        ``MomentumMethod``."""
        super().__init__(encoder, 1 + len(factors), dim, **settings)
        self.factors = factors
        self.wanted = Wanted(leave_one_out(factors))
        self.forwards = 3.0 + 1 + len(factors)  # the query's pass and its backward; the keys'

    def forward(
        self,
        batch: ViewBatch,
        *,
        generator: torch.Generator | None = None,
        encoder_q: nn.Module | None = None,
    ) -> Outcome:
        x_q, *x_k = batch.views  # [N, 3, H, W], n + 2 of them
        features, z = (encoder_q or self.encoder_q)(x_q)
        q = unit(z)  # [N, Z, C], Z = n + 1 spaces
        keys = torch.stack([unit(self.keys(x, generator)) for x in x_k], 1)  # [N, Z keys, Z, C]
        k = keys.diagonal(dim1=1, dim2=2).mT  # [N, Z, C]: key i in space i
        usable = self.usable(batch.tracks)  # [N, K]
        losses = []
        with torch.autocast(q.device.type, enabled=False):
            for space in range(q.shape[1]):
                own = [key for key in range(q.shape[1]) if key != space] if space else []
                losses.append(
                    info_nce(
                        q[:, space],
                        k[:, space],
                        self.queue.keys[:, space],
                        usable,
                        self.T,
                        keys[:, own, space],
                        self._differs(batch, space).expand(-1, len(own)),
                    ).mean()
                )
        nce = losses[0].detach()  # the space that is invariant to all
        return Outcome(torch.stack(losses).mean(), q.detach(), k.contiguous(), features, nce)

    def _differs(self, batch: ViewBatch, space: int) -> Tensor:
        """bool [N, 1]: whether an image's other keys differ from the query in the space's factor.

        They do, but for pairs of one moment, which no view of theirs can differ from in time.
        """
        everywhere = torch.ones(len(batch), 1, dtype=torch.bool, device=batch.tracks.device)
        if space and self.factors[space - 1] == "time" and batch.gap is not None:
            return everywhere & (batch.gap[:, None] > 0)
        return everywhere

    def describe(self) -> str:
        return f"LooC with spaces for {', '.join(self.factors)}, queues of {len(self.queue)}"
