"""How much of what the device can compute a run uses."""

import copy
import time

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from vidcl.methods.base import Method

#: Side of the square matrices whose product shows what a device can do.
_SIDE = {"cpu": 1024, "cuda": 8192}
_REPEATS = 5


class Use:
    """What a pair costs, and what share of the device's speed a run reaches."""

    def __init__(
        self,
        method: Method,
        size: int,
        device: torch.device,
        dtype: torch.dtype | None,
        channels: int = 3,
    ) -> None:
        """``size``, ``channels``: of the views; ``dtype``: of autocast."""
        self.pair = method.forwards * forward_flops(method.encoder_q, size, channels)
        self.peak = peak_flops(device, dtype)

    def of(self, pairs_per_second: float) -> dict[str, float]:
        """``tflops`` reached on this device, and ``mfu``, their share of what products of large
        matrices reach on it (model FLOPs utilisation, with a measured peak)."""
        speed = pairs_per_second * self.pair
        return {"tflops": speed / 1e12, "mfu": speed / self.peak}

    def describe(self) -> str:
        """A line to read."""
        return (
            f"{self.pair / 1e9:.3g} GFLOP per pair; products of large matrices reach "
            f"{self.peak / 1e12:.3g} TFLOP/s here"
        )


def forward_flops(network: nn.Module, size: int, channels: int = 3) -> float:
    """Floating-point operations of one image, channels x size x size, through ``network``; a
    multiply and an add are two. Nothing is computed: shapes alone are followed."""
    shadow = copy.deepcopy(network).to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        shadow(torch.empty(2, channels, size, size, device="meta"))
    return counter.get_total_flops() / 2


def peak_flops(device: torch.device, dtype: torch.dtype | None) -> float:
    """Operations per second of the best of a few products of large square matrices."""
    side = _SIDE[device.type]
    matrix = torch.ones(side, side, device=device, dtype=dtype or torch.float32)
    best = float("inf")
    for _ in range(_REPEATS):
        _settle(device)
        started = time.perf_counter()
        matrix @ matrix
        _settle(device)
        best = min(best, time.perf_counter() - started)
    return 2 * side**3 / best


def _settle(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
