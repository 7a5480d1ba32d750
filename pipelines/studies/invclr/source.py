"""Spirographs as a source of training batches: fixed targets, nuisances drawn at every step."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vidcl.errors import VidclError
from vidcl.methods.wanted import ViewBatch, Wanted
from vidcl.synthetic.spirograph import NUISANCES, draw_nuisances, draw_targets, render
from vidcl.training.config import TrainConfig
from vidcl.training.processes import Process


@dataclass(frozen=True)
class SpirographBatch:
    """What one step needs, on the CPU.

    Attributes:
        rows: int64 [N], which of the targets.
        nuisances: float32 [V, N, 6], of the query's view and of the keys'.
        redraws: the query's nuisances drawn anew, float32 [R, N] by name.
        generator: for what else the step draws.
    """

    rows: Tensor
    nuisances: Tensor
    redraws: dict[str, Tensor]
    generator: torch.Generator


class SpirographSource:
    """Each pair is one vector of targets, rendered as often as the method wants views."""

    def __init__(self, count: int, data_seed: int, config: TrainConfig, process: Process) -> None:
        """``count`` vectors of targets, a function of ``data_seed`` alone."""
        self.targets = draw_targets(count, torch.Generator().manual_seed(data_seed))
        self.config, self.process = config, process
        self.mean, self.std = (
            torch.tensor(values, device=process.device).view(3, 1, 1)
            for values in (config.views.mean, config.views.std)
        )
        self.crops = self.tracks = count
        self.fingerprint = {"targets": count, "data_seed": data_seed}

    def read(self, step: int, wanted: Wanted) -> SpirographBatch:
        """All draws of a step, a function of seed and step; each process takes its pairs.

        Raises:
            VidclError: the method names a parameter that is no nuisance.
        """
        named = (name for key in wanted.keys for name in (*key.shares, *(key.only or ())))
        unknown = {*wanted.along, *named}
        unknown -= set(NUISANCES)
        if unknown:
            raise VidclError(
                f"Spirograph images have no nuisance {', '.join(sorted(unknown))}: choose among "
                f"{', '.join(NUISANCES)}."
            )
        words = np.random.SeedSequence((self.config.seed, step)).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(words[0] >> np.uint64(1)))
        batch = self.config.training.batch_size
        rows = torch.randperm(len(self.targets), generator=generator)[:batch]
        nuisances = torch.stack(
            [draw_nuisances(batch, generator) for _ in range(1 + len(wanted.keys))]
        )
        for key, drawn in zip(wanted.keys, nuisances[1:], strict=True):
            shares = key.shares
            if key.only is not None:
                shares = tuple(name for name in NUISANCES if name not in key.only)
            same = [NUISANCES.index(name) for name in shares]
            drawn[:, same] = nuisances[0][:, same]
        again = draw_nuisances(wanted.redraws * batch, generator).view(-1, batch, len(NUISANCES))
        rank, world = self.process.rank, self.process.world
        mine = slice(batch * rank // world, batch * (rank + 1) // world)
        redraws = {name: again[:, mine, NUISANCES.index(name)] for name in wanted.along}
        return SpirographBatch(rows[mine], nuisances[:, mine], redraws, generator)

    def make(self, batch: SpirographBatch) -> ViewBatch:
        device = self.process.device
        targets, nuisances = self.targets[batch.rows].to(device), batch.nuisances.to(device)
        places = {name: NUISANCES.index(name) for name in batch.redraws}
        leaves = {
            name: nuisances[0, :, place].clone().requires_grad_() for name, place in places.items()
        }
        if leaves:
            columns = [
                leaves.get(name, nuisances[0, :, place]) for place, name in enumerate(NUISANCES)
            ]
            query = self.view(targets, torch.stack(columns, 1))
        else:
            query = self.view(targets, nuisances[0])
        return ViewBatch(
            (query, *(self.view(targets, drawn) for drawn in nuisances[1:])),
            batch.rows.to(device),
            leaves=leaves,
            redraws={name: drawn.to(device) for name, drawn in batch.redraws.items()},
        )

    def view(self, targets: Tensor, nuisances: Tensor) -> Tensor:
        """Images [N, 3, S, S] as the network gets them."""
        x = (render(targets, nuisances, self.config.views.size) - self.mean) / self.std
        format = torch.channels_last if self.config.training.channels_last else None
        return x if format is None else x.contiguous(memory_format=format)

    def inputs(self, batch: SpirographBatch) -> dict[str, Any]:
        """Targets [N, 4] and nuisances [V, N, 6]."""
        return {"targets": self.targets[batch.rows], "nuisances": batch.nuisances}

    def describe(self) -> list[str]:
        return [
            f"{self.config.training.batch_size} pairs per step of {len(self.targets)} Spirographs"
        ]


def spirographs(count: int, data_seed: int) -> Callable[[TrainConfig, Process], SpirographSource]:
    """Trains on so many Spirographs."""
    return lambda config, process: SpirographSource(count, data_seed, config, process)
