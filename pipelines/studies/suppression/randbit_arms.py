"""The arms of RandBit, and how each is trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, model_validator

from studies.suppression.learning import training_of
from vidcl.config import Config
from vidcl.training.config import TrainConfig

Count = Annotated[int, Field(ge=1)]
Temperature = Annotated[float, Field(gt=0.0)]


class RandBitConfig(Config):
    """What decides the numbers, but for sets and seeds."""

    images: Annotated[int, Field(ge=50)] = 6000
    """Pictures to train on."""
    test: Annotated[int, Field(ge=20)] = 1000
    """Others to test on."""
    size: Annotated[int, Field(ge=12)] = 28
    """Side of digits in pixels."""
    image_size: Annotated[int, Field(ge=12)] = 32
    """Side of the images of a folder in pixels."""
    bits: Annotated[tuple[Annotated[int, Field(ge=0, le=62)], ...], Field(min_length=2)] = (
        *(0, 5, 10, 15, 20),
    )
    """How many bits, rising from 0."""
    temperatures: Annotated[tuple[Temperature, ...], Field(min_length=1)] = (0.05, 0.1, 0.2)
    """Temperatures of NT-Xent."""
    T: Temperature = 0.1
    """The one that runs on every seed and with the controls."""
    grid_seeds: Count = 1
    """So many of the seeds run the other temperatures too."""
    control_bits: Count = 15
    """How many bits the controls have, one of ``bits``."""
    crop: tuple[float, float] = (0.5, 1.0)
    """Share of the picture that a view's crop covers."""
    steps: Count = 150
    """Optimiser steps."""
    longer: Annotated[float, Field(ge=1.0)] = 3.0
    """How many times the steps the control with bits drawn anew gets: it takes that long to leave
    the loss's plateau. On the first ``grid_seeds`` shared bits get them too."""
    batch_size: Annotated[int, Field(ge=2)] = 256
    """Pictures per step."""
    lr: Annotated[float, Field(gt=0.0)] = 0.001
    """Peak learning rate of AdamW, which falls along half a cosine."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""

    @model_validator(mode="after")
    def _check(self) -> "RandBitConfig":
        if self.bits[0] != 0 or list(self.bits) != sorted(set(self.bits)):
            raise ValueError("bits must rise from 0")
        if self.T not in self.temperatures or self.control_bits not in self.bits:
            raise ValueError("T must be among temperatures, and control_bits among bits")
        if self.batch_size > self.images:
            raise ValueError("batch_size must be at most images: a batch shows each once")
        return self


@dataclass(frozen=True)
class Arm:
    """How a network comes to be.

    Attributes:
        kind: ``shared`` (the bits are the image's, alike in both views), ``longer`` (the same, as
            long as the next), ``redrawn`` (each view has its own), ``supervised`` or ``random``
            (never trained; all numbers of bits at once).
        bits: how many.
        T: temperature.
    """

    kind: str
    bits: int = 0
    T: float = 0.0

    @property
    def name(self) -> str:
        return {
            "shared": f"shared-{self.T:g}-{self.bits}",
            "random": "random",
        }.get(self.kind, f"{self.kind}-{self.bits}")


def arms_of(settings: RandBitConfig) -> list[Arm]:
    """Every network that is trained or measured."""
    grid = [Arm("shared", bits, T) for T in settings.temperatures for bits in settings.bits]
    controls = [Arm(kind, settings.control_bits) for kind in ("longer", "redrawn")]
    controls.append(Arm("random"))
    taught = [Arm("supervised", bits) for bits in (0, settings.control_bits)]
    return [*grid, *controls, *taught]


def config_of(arm: Arm, shape: Sequence[int], seed: int, settings: RandBitConfig) -> TrainConfig:
    """The run of an arm; arms differ in bits, temperature and length alone.

    Args:
        shape: [N, C, S, S] of the pictures.
    """
    longer = settings.longer if arm.kind in ("longer", "redrawn") else 1.0
    return training_of(
        channels=shape[1] + arm.bits,
        size=shape[3],
        crop=settings.crop,
        T=arm.T or settings.T,
        steps=round(settings.steps * longer),
        batch_size=min(settings.batch_size, shape[0]),
        lr=settings.lr,
        seed=seed,
        device=settings.device,
    )
