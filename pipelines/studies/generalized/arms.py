"""The arms of the study of generalised losses, and how each is trained."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from vidcl.config import Config, parse_config
from vidcl.training.config import TrainConfig

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0.0)]


class StudyConfig(Config):
    """What is run, but for losses and seeds."""

    steps: Count = 250
    """Optimiser steps of every run."""
    batch_size: Annotated[int, Field(ge=2)] = 128
    """Images per step."""
    lrs: Annotated[tuple[Positive, ...], Field(min_length=1)] = (0.002, 0.006, 0.018)
    """Learning rates of AdamW to choose from."""
    tuned_on: Annotated[int, Field(ge=0)] = 10
    """Seed of the images and networks on which learning rates are chosen."""
    T: Positive = 0.2
    """Temperature of NT-Xent."""
    decoupled_T: Positive = 1.0
    """Temperature of decoupled NT-Xent."""
    decoupled_weight: Positive = 0.1
    """Weight of its distribution term."""
    swd_weight: Positive = 5.0
    """Weight of the sliced Wasserstein distances."""
    backbone: str = "conv_tiny"
    """The network."""
    hidden: Count = 512
    """Width of the hidden layers of a head."""
    dim: Count = 64
    """Width of the space of the loss."""
    crop: tuple[float, float] = (0.3, 1.0)
    """Share of the image that a view's crop covers."""
    jitter: Annotated[float, Field(ge=0.0, le=1.0)] = 0.2
    """Brightness, contrast and saturation are multiplied by 1 +- this."""
    hue: Annotated[float, Field(ge=0.0, le=0.5)] = 0.5
    """Largest turn of the hue either way, share of the circle; 0.5 leaves nothing of it."""
    size: Annotated[int, Field(ge=16)] = 28
    """Side of the images in pixels."""
    images: Annotated[int, Field(ge=100)] = 6000
    """Images to train on."""
    probed: Annotated[int, Field(ge=50)] = 2000
    """Images that the probes are fitted on (of those to train on), and as many others they are
    tested on."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""


#: Loss -> what the reader sees.
LOSSES = {
    "nt-xent": "NT-Xent (SimCLR)",
    "decoupled": "decoupled NT-Xent",
    "sphere": "SWD, uniform hypersphere",
    "cube": "SWD, uniform hypercube",
    "normal": "SWD, normal",
}
#: Layers of the projection head -> what the reader sees.
DEPTHS = {1: "linear head", 3: "3-layer head"}
#: What learns nothing from pairs of views.
CONTROLS = {
    "supervised": "supervised by the letter",
    "random": "random network",
    "pixels": "raw pixels (16 x 16)",
}
#: Probe -> heading.
PROBES = {"letter": "letter, %", "hue": "hue, %"}


@dataclass(frozen=True)
class Arm:
    """A loss under a head of so many layers at a learning rate."""

    loss: str
    layers: int
    lr: float

    @property
    def name(self) -> str:
        return f"{self.loss}-{self.layers}@{self.lr:g}"


def arm_of(name: str) -> Arm:
    """The arm that ``Arm.name`` names."""
    rest, _, lr = name.partition("@")
    loss, _, layers = rest.rpartition("-")
    return Arm(loss, int(layers), float(lr))


def training_of(arm: Arm, seed: int, settings: StudyConfig) -> TrainConfig:
    """The run of an arm. Equal in all but loss, head and learning rate.

    No flips: there are mirrored letters that are others.
    """
    head: dict[str, Any] = {"head": "linear"}
    if arm.layers > 1:
        head = {"head": "mlp", "head_layers": arm.layers, "head_batch_norm": True}
    return parse_config(
        {
            "method": _method(arm.loss, settings),
            "model": {
                "backbone": settings.backbone,
                "hidden": settings.hidden,
                "dim": settings.dim,
                **head,
            },
            "views": {
                "size": settings.size,
                "crop_scale": settings.crop,
                "flip": 0.0,
                "jitter": 1.0,
                "brightness": settings.jitter,
                "contrast": settings.jitter,
                "saturation": settings.jitter,
                "hue": settings.hue,
                "hue_space": "yiq",
                "greyscale": 0.0,
                "blur": 0.0,
            },
            "training": {
                "steps": settings.steps,
                "batch_size": settings.batch_size,
                "optimizer": "adamw",
                "lr": arm.lr,
                "weight_decay": 0.01,
                "warmup_steps": min(20, settings.steps // 4),
                "device": settings.device,
                "tensorboard": False,
            },
            "seed": seed,
        },
        TrainConfig,
        source="the study",
    )


def _method(loss: str, settings: StudyConfig) -> dict[str, Any]:
    if loss == "nt-xent":
        return {"name": "simclr", "T": settings.T}
    if loss == "decoupled":
        own = {"distribution": "logsumexp", "weight": settings.decoupled_weight}
        return {"name": "generalized", "T": settings.decoupled_T, **own}
    return {"name": "generalized", "distribution": loss, "weight": settings.swd_weight}
