"""One optimiser step: forward and backward, in parts if asked, in mixed precision, clipped."""

import contextlib
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from vidcl.methods.base import Method, Outcome
from vidcl.methods.wanted import ViewBatch
from vidcl.training.config import TrainConfig


@dataclass(frozen=True)
class StepResult:
    """``outcome`` of the whole batch; ``grad_norm`` [] before clipping, where it is clipped."""

    outcome: Outcome
    grad_norm: Tensor | None


class Stepper:
    """``stepper(batch, generator)`` moves the encoder by one step."""

    def __init__(
        self,
        method: Method,
        encoder_q: nn.Module,
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler,
        config: TrainConfig,
        dtype: torch.dtype | None,
    ) -> None:
        """``encoder_q``: the method's, as wrapped for several processes; ``dtype``: of autocast,
        None is none."""
        self.method, self.encoder_q = method, encoder_q
        self.optimizer, self.scaler = optimizer, scaler
        self.parts = config.training.accumulate
        self.clip_norm = config.training.clip_norm
        self.dtype = dtype

    def __call__(
        self, batch: ViewBatch, generator: torch.Generator, done: float = 0.0
    ) -> StepResult:
        """``batch`` on the encoder's device.

        Args:
            generator: draws what the method draws within a step.
            done: share of the run's steps that were done before this one.
        """
        self.method.begin_step(done)
        device, outcomes = batch.tracks.device.type, []
        for number, part in enumerate(batch.chunk(self.parts), 1):
            with self._gradients_stay_here(number < self.parts):
                with torch.autocast(device, self.dtype, enabled=self.dtype is not None):
                    outcome = self.method(part, generator=generator, encoder_q=self.encoder_q)
                loss = outcome.loss / self.parts if self.parts > 1 else outcome.loss
                self.scaler.scale(loss).backward()
            outcomes.append(outcome)
        norm = None
        if self.clip_norm is not None:
            self.scaler.unscale_(self.optimizer)
            parameters = list(self.method.encoder_q.parameters())
            norm = nn.utils.clip_grad_norm_(parameters, self.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        outcome = _joined(outcomes)
        self.method.end_step(outcome, batch.tracks)
        return StepResult(outcome, norm)

    def _gradients_stay_here(self, more: bool) -> contextlib.AbstractContextManager[object]:
        """Processes exchange gradients once per step, with the last part."""
        if more and isinstance(self.encoder_q, nn.parallel.DistributedDataParallel):
            return self.encoder_q.no_sync()
        return contextlib.nullcontext()


def _joined(outcomes: list[Outcome]) -> Outcome:
    if len(outcomes) == 1:
        only = outcomes[0]
        return replace(only, loss=only.loss.detach(), features=only.features.detach())
    names = ("q", "k", "features")
    q, k, f = (torch.cat([getattr(outcome, name) for outcome in outcomes]) for name in names)
    loss, nce = (
        torch.stack([getattr(outcome, name).detach() for outcome in outcomes]).mean()
        for name in ("loss", "nce")
    )
    return Outcome(loss, q, k, f.detach(), nce)
