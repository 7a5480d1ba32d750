"""What the trainer asks of a method."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidcl.methods.wanted import ViewBatch, Wanted


@dataclass(frozen=True)
class Outcome:
    """Of one batch.

    Attributes:
        loss: [], to differentiate.
        q, k: [N, C], or [N, Z, C] of Z spaces; queries and their positives at unit length, without
            gradients.
        features: [N, D], of the queries' views before the head, with their gradients.
        nce: [], InfoNCE of the pairs against ``Method.negatives`` others, whatever the loss is,
            without gradients. log(negatives + 1) minus it bounds from below the information that
            two views share (Tian et al. 2020, section 3).
    """

    loss: Tensor
    q: Tensor
    k: Tensor
    features: Tensor
    nce: Tensor


class Method(nn.Module):
    """A contrastive method. One optimiser step is::

        method.begin_step(done)                 # the share of the run's steps done so far
        for part in parts:                      # one part unless gradients are accumulated
            outcome = method(part)
            (outcome.loss / len(parts)).backward()
        optimizer.step()
        method.end_step(outcome of all parts together, their tracks)

    Attributes:
        encoder_q: images [N, 3, H, W] -> features [N, D] and projections [N, C]; trained. What
            DistributedDataParallel may wrap is handed to ``forward``; the method keeps the bare
            one.
        wanted: the views it asks for.
        forwards: passes of one image through the encoder that a pair costs; a backward is two.
        can_accumulate: whether parts of a batch, one after the other, give the loss of the whole.
    """

    encoder_q: nn.Module
    wanted: Wanted = Wanted()
    forwards: float
    can_accumulate: bool

    def begin_step(self, done: float = 0.0) -> None:
        """Before the first forward of a step; ``done``: share of the run, in [0, 1)."""

    def forward(
        self,
        batch: ViewBatch,
        *,
        generator: torch.Generator | None = None,  # draws what is random in a step
        encoder_q: nn.Module | None = None,  # encoder_q as wrapped for distributed training
    ) -> Outcome:
        raise NotImplementedError

    def end_step(self, outcome: Outcome, tracks: Tensor) -> None:
        """After the last backward of a step.

        Args:
            outcome: of all parts of this process's batch.
            tracks: int64 [N].
        """

    def negatives(self, batch_size: int) -> float:
        """Negatives of a query, own tracks included; ``batch_size`` is that of all processes."""
        raise NotImplementedError

    def describe(self) -> str:
        """Its name and what sets it apart, in a few words."""
        raise NotImplementedError

    def compile_networks(self) -> None:
        """Have every network compiled when it is first called."""
        self.encoder_q.compile()

    def state_to_log(self) -> dict[str, float]:
        """More numbers for the log."""
        return {}


def unit(x: Tensor) -> Tensor:
    """[..., C] at unit length, in single precision or better whatever the encoder computed in."""
    return F.normalize(x if x.dtype == torch.float64 else x.float(), dim=-1)
