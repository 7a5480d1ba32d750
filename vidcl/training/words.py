"""What a run says about itself."""

from typing import Any

import torch

from vidcl.methods.base import Method
from vidcl.training.config import TrainConfig
from vidcl.training.processes import Process
from vidcl.training.source import Source

#: Numbers of a log line that ``line`` puts into words, or leaves to the log file.
KNOWN = {
    "loss",
    "log_k1",
    "loss_relative",
    "queue_fill",
    "pairs_per_second",
    "data_wait",
    "mfu",
    "tflops",
    "lr",
    "m",
    "positive_cosine",
}


def line(step: int, steps: int, values: dict[str, Any]) -> str:
    """A log line to read."""
    text = [f"step {step}/{steps}"]
    if "loss" in values:
        text.append(f"loss {values['loss']:.3f} = {values['loss_relative']:.2f} log(K+1)")
        if values.get("queue_fill", 1.0) < 1:
            text.append(f"queue {values['queue_fill']:.0%}")
        text.append(f"{values['pairs_per_second']:.0f} pairs/s")
        text.append(f"waiting {values['data_wait']:.1%}")
        text.append(f"MFU {values['mfu']:.0%}")
    text += [f"{k} {v:.3g}" for k, v in values.items() if k not in KNOWN and isinstance(v, float)]
    return "  ".join(text)


def describe(
    config: TrainConfig,
    source: Source,
    method: Method,
    process: Process,
    dtype: torch.dtype | None,
    first: int,
) -> str:
    """What a run is about to do, in a few lines."""
    model = config.model
    norm = f"BatchNorm in {model.bn_shards} shards" if model.bn_shards > 1 else "plain BatchNorm"
    number = str(dtype or torch.float32).removeprefix("torch.")
    title = (
        f"{method.describe()}: {model.backbone} at {config.views.size} px on {process.world} x "
        f"{process.device}, {number}, {norm}" + (f", from step {first}" if first else "")
    )
    return "\n".join([title, *source.describe()])
