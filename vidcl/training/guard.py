"""Stop where the loss is no number any more, with the step's inputs kept to look at."""

import math
from dataclasses import fields
from pathlib import Path

import torch
from torch import Tensor

from vidcl.errors import VidclError
from vidcl.files import atomic_path
from vidcl.training.pair_views import Batch, PairViews


class FiniteGuard:
    """``guard(step, loss, batch)`` after every step; ``guard.finish()`` after the last.

    On a GPU a loss is looked at one step later, when it has arrived anyway: to wait for it would
    leave the GPU idle between steps.
    """

    def __init__(self, out: Path, views: PairViews, rank: int) -> None:
        self.out, self.views, self.rank = out, views, rank
        self.pending: tuple[int, Tensor, Batch, torch.cuda.Event] | None = None

    def __call__(self, step: int, loss: Tensor, batch: Batch) -> None:
        """``loss``: [], without gradient."""
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

    def _look(self, step: int, loss: Tensor, batch: Batch) -> None:
        if math.isfinite(float(loss)):
            return
        path = self.out / f"not-finite-{step}-{self.rank}.pt"
        self._save(path, step, batch)
        raise VidclError(
            f"The loss is {float(loss)} at step {step}: lower --training.lr, clip with "
            f"--training.clip-norm 1, or use --training.precision float32; the inputs of the step "
            f"are in {path}."
        )

    def _save(self, path: Path, step: int, batch: Batch) -> None:
        """Tracks and steps int64, images uint8 [2N, 3, C, C], parameters of the views by name."""
        pairs = batch.crops.pairs
        params = {field.name: getattr(batch.params, field.name) for field in fields(batch.params)}
        content = {
            "step": step,
            "rows": torch.from_numpy(pairs.rows),
            "steps": torch.from_numpy(pairs.steps.copy()),
            "images": self.views.crops.finish(batch.crops)[0].cpu(),
            "params": {name: value for name, value in params.items() if torch.is_tensor(value)},
        }
        with atomic_path(path) as aside:
            torch.save(content, aside)
