"""The arms of the study of dataset bias: what is trained on, and how much of it a view shows."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from vidcl.config import Config, load_config, parse_config
from vidcl.presets import find_preset
from vidcl.synthetic.config import WorldConfig
from vidcl.training.config import TrainConfig

Count = Annotated[int, Field(ge=1)]


class StudyConfig(Config):
    """What is run, but for arms and seeds."""

    world: str = "world_v1"
    """Preset or file of the world (the world.yaml of a rendered one): how its objects, light and
    backgrounds look. The clips are this study's own."""
    clips: Annotated[int, Field(ge=8)] = 240
    """Clips to train on."""
    frames: Annotated[int, Field(ge=2)] = 12
    """Frames of each."""
    side: Annotated[int, Field(ge=32, multiple_of=2)] = 128
    """Side of the square frames in pixels."""
    radius: tuple[float, float] = (28.0, 40.0)
    """Of the objects in a frame, in pixels."""
    canvas: Annotated[int, Field(ge=16)] = 80
    """Side in pixels of the crops that are kept to train on."""
    size: Annotated[int, Field(ge=16)] = 32
    """Side in pixels of what the network sees."""
    scenes: Annotated[int, Field(ge=2)] = 12
    """Backgrounds that are told apart, none of them of the clips to train on."""
    asked: Annotated[int, Field(ge=2)] = 480
    """Clips of those scenes that probes are fitted on, the first and the last frame of each, and as
    many others they are tested on."""
    known: Count = 1
    """Objects of each of the twelve classes in the clips, those of the scenes too."""
    held: Count = 5
    """Held-out objects of each class that probes are fitted on, and as many others they are tested
    on."""
    views: Annotated[int, Field(ge=3)] = 12
    """Images of each of them in each of the sets viewpoint and wild."""
    steps: Count = 300
    """Optimiser steps of every arm."""
    batch_size: Annotated[int, Field(ge=2)] = 128
    """Pairs per step."""
    lr: Annotated[float, Field(gt=0.0)] = 0.004
    """Peak learning rate of AdamW."""
    K: Count = 1024
    """Keys in the queue."""
    T: Annotated[float, Field(gt=0.0)] = 0.1
    """Temperature."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""


#: What --smoke runs.
SMOKE: dict[str, Any] = {
    "clips": 8,
    "frames": 4,
    "side": 64,
    "radius": (12.0, 17.0),
    "canvas": 32,
    "size": 16,
    "scenes": 2,
    "asked": 32,
    "known": 1,
    "held": 1,
    "views": 3,
    "steps": 3,
    "batch_size": 8,
    "K": 12,
}


@dataclass(frozen=True)
class Arm:
    """One way to train.

    Attributes:
        title: what the reader sees.
        kind: whole frames (scenes) or exact boxes (objects).
        least: smallest share of the picture that a view shows; the largest is all of it.
    """

    title: str
    kind: str
    least: float


ARMS = {
    f"{kind}-{least:g}": Arm(f"{kind}, views from {least:.0%}", which, least)
    for kind, which in (("scenes", "frame"), ("objects", "region"))
    for least in (0.6, 0.2, 0.08)
}
SMOKE_ARMS = ("scenes-0.2", "objects-0.2", "histogram")
#: What learns nothing.
CONTROLS = {
    "random": "random network",
    "pixels": "raw pixels (16 x 16)",
    "histogram": "colour histogram",
}
#: Arm -> what the reader sees.
TITLES = {name: arm.title for name, arm in ARMS.items()} | CONTROLS


def world_of(settings: StudyConfig) -> WorldConfig:
    """The world with this study's clips: square, one to three objects in each."""
    world = load_config(find_preset(settings.world), WorldConfig).model_dump()
    world["objects"] |= {
        "train_per_class": settings.known,
        "report_per_class": settings.held,
        "tune_per_class": settings.held,
    }
    world["sets"] |= {"views": settings.views}
    world["videos"] |= {
        "width": settings.side,
        "height": settings.side,
        "frames": settings.frames,
        "objects": (1, 3),
        "radius": settings.radius,
    }
    return parse_config(world, WorldConfig, source=settings.world)


def training_of(arm: Arm, seed: int, settings: StudyConfig) -> TrainConfig:
    """The run of an arm: MoCo v2 on single frames, as ``laptop/moco``."""
    return parse_config(
        {
            "method": {"name": "moco", "K": settings.K, "m": 0.98, "T": settings.T},
            "model": {"backbone": "resnet_tiny", "head_batch_norm": True},
            "views": {
                "size": settings.size,
                "crop_scale": (arm.least, 1.0),
                "jitter": 1.0,
                "brightness": 0.15,
                "contrast": 0.15,
                "saturation": 0.15,
                "hue": 0.02,
                "greyscale": 0.0,
                "blur": 0.0,
            },
            "pairs": {"streams": [{"kind": arm.kind, "gap": (0.0, 0.0)}]},
            "training": {
                "steps": settings.steps,
                "batch_size": settings.batch_size,
                "optimizer": "adamw",
                "lr": settings.lr,
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
