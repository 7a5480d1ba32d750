"""How long a step of training takes, whatever else the machine does."""

import time

import torch

from vidcl.progress import Progress


class StepWatch:
    """A progress function that times the steps between its first and its last call.

    On a CPU it counts the time that this process was given, on another device the time that passed.
    """

    def __init__(self, device: torch.device, progress: Progress | None = None) -> None:
        """``progress``: is called too."""
        self.clock = time.process_time if device.type == "cpu" else time.perf_counter
        self.progress = progress
        self.first: tuple[int, float] | None = None
        self.last: tuple[int, float] | None = None

    def __call__(self, done: int, total: int) -> None:
        self.last = done, self.clock()
        self.first = self.first or self.last
        if self.progress is not None:
            self.progress(done, total)

    def numbers(self) -> dict[str, float]:
        """``step_ms``: milliseconds of a step; nothing where fewer than two were done."""
        if self.first is None or self.last is None or self.first[0] == self.last[0]:
            return {}
        (start, before), (end, after) = self.first, self.last
        return {"step_ms": 1000 * (after - before) / (end - start)}
