"""InvCLR (Foster, Pukdee, Rainforth 2021): any method, and a penalty on change along its views."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from vidcl.losses.gradient_penalty import change_penalty, gradient_penalty
from vidcl.methods.base import Method, Outcome
from vidcl.methods.wanted import Key, ViewBatch


class InvCLR(Method):
    """The loss of another method plus ``weight * min(penalty, clip)``.

    The penalty is on the representation, not on the projection, of the queries alone.
    """

    can_accumulate = False  # the clip is of the whole batch

    def __init__(
        self,
        method: Method,
        along: tuple[str, ...],
        *,
        weight: float,
        clip: float,
        clip_each: bool = False,
        redraws: int = 100,
        scale: Mapping[str, float] | None = None,
        normalise: bool = True,
        by: Literal["slope", "change", "relative"] = "slope",
    ) -> None:
        """``along``: what the source of views can differentiate by; ``clip_each``: clip each
        image's penalty, not their mean; ``scale``: factors on a parameter's change, by name.
        ``by``: change and relative compare with one further view, in which these parameters alone
        are drawn anew; relative divides by the change between images."""
        super().__init__()
        self.method = method
        self.weight, self.clip, self.clip_each = weight, clip, clip_each
        self.scale, self.normalise = dict(scale or {}), normalise
        self.by, self.along, wanted = by, along, method.wanted
        if by == "slope":
            self.wanted = dataclasses.replace(wanted, along=along, redraws=redraws)
            self.forwards = method.forwards + 4  # the penalty's backward, and that of both
        else:
            self.wanted = dataclasses.replace(wanted, keys=(*wanted.keys, Key(only=along)))
            self.forwards = method.forwards + 3  # the further view, forward and backward
        self.penalty = torch.zeros(())

    @property
    def encoder_q(self) -> nn.Module:  # type: ignore[override]
        return self.method.encoder_q

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """The method's: a penalty has no state, and a checkpoint is read alike with and without."""
        return self.method.state_dict(*args, **kwargs)

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        return self.method.load_state_dict(*args, **kwargs)

    def begin_step(self, done: float = 0.0) -> None:
        self.method.begin_step(done)

    def forward(
        self,
        batch: ViewBatch,
        *,
        generator: torch.Generator | None = None,  # draws the penalty's signs too
        encoder_q: nn.Module | None = None,
    ) -> Outcome:
        inner = batch
        if self.by != "slope":
            inner = dataclasses.replace(batch, views=batch.views[:-1])
        # fused kernels of attention have no second derivative
        with sdpa_kernel(SDPBackend.MATH):
            outcome = self.method(inner, generator=generator, encoder_q=encoder_q)
        each = self._penalty(outcome.features, batch, generator)
        self.penalty = each.detach().mean()
        clipped = each.clamp(max=self.clip).mean() if self.clip_each else each.mean()
        loss = outcome.loss + self.weight * clipped.clamp(max=self.clip)
        return dataclasses.replace(outcome, loss=loss)

    def _penalty(
        self,
        features: Tensor,
        batch: ViewBatch,
        generator: torch.Generator | None,
    ) -> Tensor:
        """[N], before clip and weight."""
        if self.by != "slope":
            # the bare encoder: what is wrapped for several processes may pass once per step
            others, _ = self.encoder_q(batch.views[-1])
            with torch.autocast(features.device.type, enabled=False):
                return change_penalty(features, others, self.normalise, self.by == "relative")
        with torch.autocast(features.device.type, enabled=False):
            return gradient_penalty(
                features,
                batch.leaves,
                batch.redraws,
                generator,
                self.scale,
                self.normalise,
            )

    def end_step(self, outcome: Outcome, tracks: Tensor) -> None:
        self.method.end_step(outcome, tracks)

    def negatives(self, batch_size: int) -> float:
        return self.method.negatives(batch_size)

    def compile_networks(self) -> None:
        self.method.compile_networks()

    def describe(self) -> str:
        return f"{self.method.describe()}, penalty by {self.by} along {', '.join(self.along)}"

    def state_to_log(self) -> dict[str, float]:
        return {**self.method.state_to_log(), "penalty": float(self.penalty)}
