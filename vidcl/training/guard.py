"""Stop where the loss is no number any more, with the step's inputs kept to look at."""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vidcl.errors import VidclError
from vidcl.files import atomic_path
from vidcl.training.source import Source


class FiniteGuard:
    """``guard(step, loss, batch)`` after every step; ``guard.finish()`` after the last.

    On a GPU a loss is looked at one step later, when it has arrived anyway: to wait for it would
    leave the GPU idle between steps.
    """

    def __init__(self, out: Path, source: Source, rank: int) -> None:
        self.out, self.source, self.rank = out, source, rank
        self.pending: tuple[int, Tensor, Any, torch.cuda.Event] | None = None

    def __call__(self, step: int, loss: Tensor, batch: Any) -> None:
        """``loss``: [], without gradient; ``batch``: what the source read."""
        if loss.device.type == "cpu":
            self._look(step, loss, batch)
            return
        self.finish()
        # a pinned copy and an event: to wait for the stream would wait for the newest step too
        arrived, event = torch.empty((), pin_memory=True), torch.cuda.Event()
        arrived.copy_(loss, non_blocking=True)
        event.record()
        self.pending = step, arrived, batch, event

    def finish(self) -> None:
        """Look at what was not looked at yet."""
        if self.pending is not None:
            step, loss, batch, event = self.pending
            self.pending = None
            event.synchronize()
            self._look(step, loss, batch)

    def _look(self, step: int, loss: Tensor, batch: Any) -> None:
        if math.isfinite(float(loss)):
            return
        path = self.out / f"not-finite-{step}-{self.rank}.pt"
        with atomic_path(path) as aside:
            torch.save({"step": step, **self.source.inputs(batch)}, aside)
        raise VidclError(
            f"The loss is {float(loss)} at step {step}: lower --training.lr, clip with "
            f"--training.clip-norm 1, or use --training.precision float32; the inputs of the step "
            f"are in {path}."
        )
