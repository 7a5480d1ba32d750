"""Linear classifiers by SGD, one per learning rate and weight decay, trained at once.

The weights of all S members lie side by side, [D, S C], so that a step of the whole sweep is two
matrix products; every member sees the same batches and starts at the same weights, so it becomes
what it would alone.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from vidcl.errors import VidclError
from vidcl.evaluation.probes.config import Normalisation
from vidcl.evaluation.probes.regression import feature_scale

#: BatchNorm's, as PyTorch has them.
EPS, RUNNING = 1e-5, 0.1
#: Standard deviation of the weights at the start (MoCo, DINO).
START = 0.01
_ROWS = 4096


@dataclass(frozen=True)
class Member:
    """One setting of the sweep: its learning rate and its weight decay (of weights, not bias)."""

    rate: float
    decay: float = 0.0


@dataclass(frozen=True)
class SweepFit:
    """S trained classifiers.

    Attributes:
        weights: [S, D, C]; bias: [S, C]; on features less ``shift`` [D] times ``scale`` [D].
        unit: rows are brought to length one first.
    """

    weights: Tensor
    bias: Tensor
    shift: Tensor
    scale: Tensor
    unit: bool

    @property
    def finite(self) -> np.ndarray:
        """bool [S]: the member has not diverged."""
        whole = self.weights.isfinite().flatten(1).all(1) & self.bias.isfinite().all(1)
        return whole.cpu().numpy()

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Class numbers int64 [S, N] of features [N, D]; the first class on a tie."""
        members, dim, classes = self.weights.shape
        flat = self.weights.permute(1, 0, 2).reshape(dim, members * classes)
        parts = []
        for first in range(0, len(features), _ROWS):
            x = _tensor(features[first : first + _ROWS], self.unit, flat)
            logits = torch.addmm(self.bias.flatten(), (x - self.shift) * self.scale, flat)
            parts.append(logits.view(-1, members, classes).argmax(2).T.cpu())
        return torch.cat(parts, 1).numpy()


def train_sweep(
    features: np.ndarray,
    labels: np.ndarray,
    classes: int,
    members: Sequence[Member],
    *,
    normalisation: Normalisation = "standardise",
    epochs: int = 30,
    batch_size: int = 256,
    momentum: float = 0.9,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    device: str | torch.device = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> SweepFit:
    """Softmax regression by SGD with momentum and a cosine schedule per step down to zero.

    Weights start at N(0, 0.01^2), the bias at 0. An epoch is cut into batches of nearly equal size,
    at most ``batch_size``.

    Args:
        features: [N, D], finite, frozen.
        labels: int [N], class numbers below ``classes``.
        normalisation: ``none``; ``l2``: rows of length one; ``standardise``: by mean and deviation
            of the rows given; ``batchnorm``: by those of each batch while training and their
            running means after it, without scale and shift (He et al. 2022).
        seed: draws the start and the batches, on the CPU whatever the device.
        progress: called with (epochs done, epochs in all).

    Raises:
        VidclError: a setting is out of range.
    """
    _check(members, normalisation, epochs, batch_size)
    draw = np.random.default_rng(seed)
    start = START * draw.standard_normal((features.shape[1], classes))
    like = torch.empty(0, dtype=dtype, device=device)
    unit = normalisation == "l2"
    x = _tensor(features, unit, like)
    y = torch.as_tensor(labels, device=device)
    shift, scale = torch.zeros_like(x[0]), torch.ones_like(x[0])
    if normalisation == "standardise":
        mean, spread = feature_scale(features)
        shift, scale = torch.from_numpy(mean).to(like), torch.from_numpy(1 / spread).to(like)
        x = (x - shift) * scale
    variance = torch.ones_like(shift)

    count = len(members)
    weights = torch.from_numpy(start).to(like).repeat(1, count)
    bias = weights.new_zeros(count * classes)
    rate = torch.tensor([m.rate for m in members], dtype=dtype, device=device).repeat_interleave(
        classes
    )
    decay = torch.tensor([m.decay for m in members], dtype=dtype, device=device).repeat_interleave(
        classes
    )
    pull = bool((decay != 0).any())
    speed, bias_speed = torch.zeros_like(weights), torch.zeros_like(bias)
    batches = math.ceil(len(x) / batch_size)
    for step in range(epochs * batches):
        if step % batches == 0:
            parts = np.array_split(draw.permutation(len(x)), batches)
        rows = torch.from_numpy(parts[step % batches]).to(device)
        batch = x[rows]
        if normalisation == "batchnorm":
            middle, spread_now = batch.mean(0), batch.var(0, correction=0)
            batch = (batch - middle) * (spread_now + EPS).rsqrt()
            unbiased = spread_now * (len(rows) / max(len(rows) - 1, 1))
            shift.lerp_(middle, RUNNING)
            variance.lerp_(unbiased, RUNNING)
        slope = torch.addmm(bias, batch, weights).view(len(rows), count, classes).softmax(2)
        slope[torch.arange(len(rows), device=device), :, y[rows]] -= 1
        slope = slope.view(len(rows), -1).div_(len(rows))
        speed.mul_(momentum).addmm_(batch.T, slope)
        if pull:
            speed.addcmul_(weights, decay)
        bias_speed.mul_(momentum).add_(slope.sum(0))
        cosine = (1 + math.cos(math.pi * step / (epochs * batches))) / 2
        weights.addcmul_(speed, rate, value=-cosine)
        bias.addcmul_(bias_speed, rate, value=-cosine)
        if progress is not None and (step + 1) % batches == 0:
            progress((step + 1) // batches, epochs)
    if normalisation == "batchnorm":
        scale = (variance + EPS).rsqrt()
    stacked = weights.view(-1, count, classes).permute(1, 0, 2).contiguous()
    return SweepFit(stacked, bias.view(count, classes), shift, scale, unit)


def _tensor(features: np.ndarray, unit: bool, like: Tensor) -> Tensor:
    # A table's column is read-only, which PyTorch warns of.
    x = torch.from_numpy(np.require(features, requirements=["W"])).to(like)
    return torch.nn.functional.normalize(x, dim=1) if unit else x


def _check(members: Sequence[Member], normalisation: str, epochs: int, batch_size: int) -> None:
    if normalisation not in get_args(Normalisation):
        raise VidclError(
            f"There is no normalisation '{normalisation}': take one of "
            f"{', '.join(get_args(Normalisation))}."
        )
    if not members or any(not m.rate > 0 or not m.decay >= 0 for m in members):
        raise VidclError(
            "The sweep needs at least one learning rate, rates above 0 and weight decays of 0 or "
            "more."
        )
    if epochs < 1 or batch_size < 2:
        raise VidclError("The linear probe needs at least one epoch and batches of at least two.")
