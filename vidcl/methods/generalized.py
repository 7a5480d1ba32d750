"""Generalised contrastive losses (Chen, Luo, Li 2021): alignment plus a distribution to match."""

import torch
from torch import Tensor, nn

from vidcl.losses.alignment import alignment
from vidcl.losses.decoupled_nt_xent import logsumexp_distribution
from vidcl.losses.nt_xent import nt_xent
from vidcl.losses.sliced_wasserstein import prior_samples, random_rotation, sliced_wasserstein
from vidcl.methods.base import Method, Outcome, unit
from vidcl.methods.config import Distribution
from vidcl.methods.distributed import gather_with_gradient, rank
from vidcl.methods.wanted import ViewBatch

#: The paper's weight of the distribution term.
WEIGHTS = {"logsumexp": 0.1, "sphere": 5.0, "cube": 5.0, "normal": 5.0}


class Generalized(Method):
    """Both views through one encoder, as SimCLR; the loss is alignment + weight * distribution.

    With ``logsumexp`` (decoupled NT-Xent) and ``sphere`` projections have unit length, with
    ``cube`` and ``normal`` they are as the head gives them. The distribution term looks at the
    batch of all processes.
    """

    forwards = 6.0  # both views forward and backward
    can_accumulate = False  # the distribution is that of the whole batch

    def __init__(
        self,
        encoder: nn.Module,
        *,
        distribution: Distribution,
        weight: float | None = None,
        T: float = 1.0,
    ) -> None:
        """
        Args:
            weight: of the distribution term; None: the paper's.
            T: temperature of ``logsumexp``, and of the InfoNCE that is logged.
        """
        super().__init__()
        self.distribution, self.T = distribution, T
        self.weight = WEIGHTS[distribution] if weight is None else weight
        self.encoder_q = encoder

    def forward(
        self,
        batch: ViewBatch,
        *,
        generator: torch.Generator | None = None,
        encoder_q: nn.Module | None = None,
    ) -> Outcome:
        """``generator``: draws prior and directions, alike in every process; for ``logsumexp``
        there is nothing to draw.

        Raises:
            ValueError: there is something to draw, and no generator.
        """
        n = len(batch)
        features, raw = (encoder_q or self.encoder_q)(torch.cat(batch.views))
        raw = raw if raw.dtype == torch.float64 else raw.float()
        directions = unit(raw)  # [2N, C]
        z = directions if self.distribution in ("logsumexp", "sphere") else raw
        with torch.autocast(z.device.type, enabled=False):
            everyone = gather_with_gradient(z)  # [2NW, C], W processes
            spread = self._spread(z, everyone, generator)
            loss = alignment(*z.chunk(2)) + self.weight * spread
            nce = in_batch_info_nce(unit(everyone.detach()), 2 * n, self.T)
        q, k = directions.detach().chunk(2)
        return Outcome(loss, q, k, features[:n], nce)

    def _spread(self, z: Tensor, everyone: Tensor, generator: torch.Generator | None) -> Tensor:
        """The distribution term []: of this process's anchors, or of all projections at once."""
        if self.distribution == "logsumexp":
            return logsumexp_distribution(z, everyone, self.T)
        if generator is None:
            raise ValueError(f"the distribution {self.distribution} needs a generator to draw with")
        n, dim = everyone.shape
        rotation = random_rotation(dim, generator, z.dtype).to(z.device)
        samples = prior_samples(self.distribution, n, dim, generator, z.dtype).to(z.device)
        return sliced_wasserstein(everyone, samples, rotation)

    def negatives(self, batch_size: int) -> float:
        return 2.0 * batch_size - 2

    def describe(self) -> str:
        return f"generalised contrastive loss ({self.distribution}, weight {self.weight:g})"


@torch.no_grad()
def in_batch_info_nce(others: Tensor, rows: int, T: float) -> Tensor:
    """NT-Xent [] of this process's views with the views of all processes as negatives.

    Args:
        others: [B, C], unit length, of all processes in rank order.
        rows: of each process, the queries of its pairs first and then their keys.
    """
    me = rank() * rows + torch.arange(rows, device=others.device)
    usable = torch.ones(rows, len(others), dtype=torch.bool, device=others.device)
    usable = usable.scatter(1, me[:, None], False)
    return nt_xent(others[me], others, me.roll(rows // 2), usable, T).mean()
