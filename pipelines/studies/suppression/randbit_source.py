"""Pictures in memory as a source of batches, with random bits behind their channels if wished."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vidcl.errors import VidclError
from vidcl.methods.wanted import ViewBatch, Wanted
from vidcl.synthetic.rand_bits import append_bits, draw_codes
from vidcl.training.config import TrainConfig
from vidcl.training.processes import Process
from vidcl.views.params import ViewParams
from vidcl.views.views import Views


@dataclass(frozen=True)
class Bits:
    """Random bits of a run.

    Attributes:
        codes: int64 [N], of every image.
        count: how many of their bits are shown, 0 or more.
        redrawn: every view has bits of its own instead, drawn at every step: the same input, and
            nothing that the views of an image share.
    """

    codes: Tensor
    count: int
    redrawn: bool = False


@dataclass(frozen=True)
class PictureBatch:
    """What one step needs, on the CPU.

    Attributes:
        rows: int64 [N], which pictures.
        params: of the views, one for each: the query's, then the keys'.
        codes: int64 [V, N], whose bits each view shows.
        generator: for what else the step draws.
    """

    rows: Tensor
    params: tuple[ViewParams, ...]
    codes: Tensor
    generator: torch.Generator


class PictureSource:
    """Each pair is two views of one picture; no picture comes twice in a batch."""

    def __init__(
        self, pictures: Tensor, bits: Bits | None, config: TrainConfig, process: Process
    ) -> None:
        """
        Args:
            pictures: uint8 [N, C, S, S], C of 1 (grey) or 3.
            bits: None is none.

        Raises:
            VidclError: fewer pictures than a batch shows, or a network for other channels.
        """
        count = len(pictures)
        bits = bits or Bits(torch.zeros(count, dtype=torch.int64), 0)
        channels = pictures.shape[1] + bits.count
        if config.model.channels != channels:
            raise VidclError(
                f"Pictures with their bits have {channels} channels: set model.channels to that, "
                f"not to {config.model.channels}."
            )
        if count < config.training.batch_size:
            raise VidclError(
                f"A batch shows each of {count} pictures once: set --batch-size to at most that."
            )
        self.pictures, self.bits = pictures, bits
        self.config, self.process = config, process
        self.views = Views(config.views)
        self.crops = self.tracks = count
        self.fingerprint = {
            "pictures": count,
            "channels": channels,
            "redrawn": int(bits.redrawn),
            "codes": int(bits.codes.sum() % 2**31),
        }

    def read(self, step: int, wanted: Wanted) -> PictureBatch:
        """All draws of a step, a function of seed and step; each process takes its pairs.

        Raises:
            VidclError: a method that asks for more than independent views.
        """
        if wanted.along or any(key.shares or key.differs or key.only for key in wanted.keys):
            raise VidclError("Pictures in memory have independent views alone: train with SimCLR.")
        words = np.random.SeedSequence((self.config.seed, step)).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(words[0] >> np.uint64(1)))
        batch = self.config.training.batch_size
        rows = torch.randperm(len(self.pictures), generator=generator)[:batch]
        rank, world = self.process.rank, self.process.world
        mine = slice(batch * rank // world, batch * (rank + 1) // world)
        count = 1 + len(wanted.keys)
        params = tuple(self.views.sample(batch, generator)[mine] for _ in range(count))
        codes = self.bits.codes[rows].expand(count, -1)
        if self.bits.redrawn:
            codes = draw_codes(count * batch, generator).view(count, batch)
        return PictureBatch(rows[mine], params, codes[:, mine], generator)

    def make(self, batch: PictureBatch) -> ViewBatch:
        device = self.process.device
        pictures = self.pictures[batch.rows].to(device)
        views = tuple(
            self.view(pictures, params.to(device), codes.to(device))
            for params, codes in zip(batch.params, batch.codes, strict=True)
        )
        return ViewBatch(views, batch.rows.to(device))

    def view(self, pictures: Tensor, params: ViewParams, codes: Tensor) -> Tensor:
        """Pictures uint8 [N, C, S, S] as the network gets them, [N, C + bits, S, S]; the bits are
        not augmented."""
        x = self.views.apply(pictures.expand(-1, 3, -1, -1), params)[:, : pictures.shape[1]]
        x = append_bits(x, codes, self.bits.count)
        format = torch.channels_last if self.config.training.channels_last else None
        return x if format is None else x.contiguous(memory_format=format)

    def inputs(self, batch: PictureBatch) -> dict[str, Any]:
        """Rows int64 [N], codes int64 [V, N], parameters of each view by name."""
        return {
            "rows": batch.rows,
            "codes": batch.codes.clone(),
            "params": [each.tensors() for each in batch.params],
        }

    def describe(self) -> list[str]:
        bits = f", {self.bits.count} random bits" if self.bits.count else ""
        return [f"{self.crops} pictures in memory{bits}, a batch shows each at most once"]


def pictures_of(
    pictures: Tensor, bits: Bits | None = None
) -> Callable[[TrainConfig, Process], PictureSource]:
    """For ``training.loop.train``: opens a ``PictureSource``."""
    return lambda config, process: PictureSource(pictures, bits, config, process)
