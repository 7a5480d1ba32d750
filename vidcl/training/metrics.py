"""What a run logs: metrics.jsonl always, and TensorBoard on request."""

import json
import math
import time
from pathlib import Path
from typing import Any

from vidcl.errors import require
from vidcl.files import write_atomic


class MetricsLog:
    """Appends to ``metrics.jsonl``; after a resume, lines beyond the checkpoint are dropped."""

    def __init__(self, run: Path, step: int, tensorboard: bool, wandb: str | None = None) -> None:
        """``wandb``: the project of Weights & Biases to send the log to as well."""
        self.path = run / "metrics.jsonl"
        kept = [line for line in read_metrics(self.path) if line["step"] <= step]
        text = "".join(json.dumps(line) + "\n" for line in kept)
        write_atomic(self.path, text.encode())
        self.before = max((float(line.get("time", 0.0)) for line in kept), default=0.0)
        self.started = time.monotonic()
        self.writer: Any = None
        if tensorboard:
            board = require("torch.utils.tensorboard", "tensorboard")
            self.writer = board.SummaryWriter(str(run / "tensorboard"), purge_step=step + 1)
        self.online: Any = None
        if wandb is not None:
            module = require("wandb", "vidcl[wandb]")
            # one name and id per folder, so that a resumed run goes on in the same place
            name = run.resolve().name
            self.online = module.init(
                project=wandb, name=name, id=name, resume="allow", dir=str(run)
            )

    def write(self, step: int, values: dict[str, Any]) -> None:
        """One line; ``time`` is added: seconds of training so far, over all resumes."""
        now = round(self.before + time.monotonic() - self.started, 3)
        line = {"step": step, **values, "time": now}
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if self.writer is not None:
            for name, value in values.items():
                if isinstance(value, int | float):
                    self.writer.add_scalar(name, value, step)
        if self.online is not None:
            self.online.log(values, step=step)

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
        if self.online is not None:
            self.online.finish()


class Best:
    """The largest value so far of one number of the log, over all resumes."""

    def __init__(self, run: Path, step: int, name: str | None) -> None:
        """``name`` None: nothing is ever best. ``step``: lines beyond it do not count."""
        self.name = name
        lines = read_metrics(run / "metrics.jsonl") if name else []
        seen = [line[name] for line in lines if line["step"] <= step and name in line]
        self.value = max(seen, default=-math.inf)

    def beaten_by(self, values: dict[str, Any]) -> bool:
        """Whether ``values`` has the number, larger than ever; it is then the one to beat."""
        value = values.get(self.name, -math.inf) if self.name else -math.inf
        if not value > self.value:
            return False
        self.value = value
        return True


class Meter:
    """Sums over the steps between two log lines."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.loss: Any = 0.0
        self.nce: Any = 0.0
        self.steps, self.pairs, self.waited = 0, 0, 0.0
        self.started = time.monotonic()

    def add(self, loss: Any, nce: Any, pairs: int, waited: float) -> None:
        self.loss = self.loss + loss
        self.nce = self.nce + nce
        self.steps += 1
        self.pairs += pairs
        self.waited += waited

    def summary(self) -> dict[str, float]:
        """Mean loss and InfoNCE, pairs per second of wall time, and the share of it spent waiting
        for data."""
        seconds = max(time.monotonic() - self.started, 1e-9)
        return {
            "loss": float(self.loss) / max(self.steps, 1),
            "nce": float(self.nce) / max(self.steps, 1),
            "pairs_per_second": round(self.pairs / seconds, 1),
            "data_wait": round(self.waited / seconds, 4),
        }


def chance_loss(negatives: float) -> float:
    """log(K + 1): the loss of a network that tells nothing apart."""
    return math.log(negatives + 1)


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of a ``metrics.jsonl``; a last line that a kill cut short is left out."""
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            break
    return lines
