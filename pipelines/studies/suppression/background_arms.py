"""The arms of *background against object*: worlds, pairs, and how each is trained."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from vidcl.config import Config, parse_config
from vidcl.synthetic.config import WorldConfig
from vidcl.training.config import TrainConfig

Count = Annotated[int, Field(ge=1)]


class BackgroundConfig(Config):
    """What is run, but for arms and seeds."""

    clips: Annotated[int, Field(ge=12)] = 240
    """Clips to train on, each with one object."""
    per_class: Count = 2
    """Objects of each of the twelve classes."""
    frames: Annotated[int, Field(ge=2)] = 12
    """Frames of a clip."""
    rate: Annotated[float, Field(gt=0.0)] = 9.0
    """Frames per second."""
    size: Annotated[int, Field(ge=32, multiple_of=2)] = 64
    """Side of the square frames in pixels; the network sees half of it."""
    radius: tuple[float, float] = (15.0, 22.0)
    """Of the objects, in pixels."""
    light: Annotated[float, Field(ge=0.0)] = 0.0
    """Largest change of each channel's log gain; the light's colour tells clips apart too."""
    gap: tuple[float, float] = (0.2, 1.2)
    """Seconds between the two moments of a pair."""
    crop: tuple[float, float] = (0.7, 1.0)
    """Share of a frame, or of a box, that a view shows."""
    canvases: Annotated[int, Field(ge=2)] = 8
    """Backgrounds that are told apart, none of them of the clips to train on."""
    takes: Annotated[int, Field(ge=1)] = 2
    """Clips of every object on every such background that probes are fitted on, and as many others
    they are tested on."""
    steps: Count = 220
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


#: What the smoke run is made of.
SMOKE = {
    "clips": 12,
    "per_class": 1,
    "frames": 4,
    "size": 32,
    "radius": (6.0, 9.0),
    "canvases": 2,
    "takes": 1,
    "steps": 3,
    "batch_size": 8,
    "K": 16,
}


@dataclass(frozen=True)
class Arm:
    """One way to train.

    Attributes:
        title: what the reader sees.
        world: settings of the clips that differ.
        kind: whole frames or exact boxes.
        still: both views show one moment.
    """

    title: str
    world: tuple[tuple[str, Any], ...] = ()
    kind: str = "frame"
    still: bool = False


FRAME, PLAIN = (("backdrop", "frame"),), (("backdrop", "plain"),)
ARMS = {
    "one-frame": Arm("one frame twice", still=True),
    "shared": Arm("frames, the clip's background"),
    "shared-4": Arm("frames, 4 backgrounds in all", (("canvases", 4),)),
    "shared-1": Arm("frames, 1 background in all", (("canvases", 1),)),
    "jitter": Arm("frames, background redrawn", FRAME),
    "plain": Arm("frames, no background", PLAIN),
    "region": Arm("boxes, the clip's background", kind="region"),
    "region-jitter": Arm("boxes, background redrawn", FRAME, kind="region"),
}
#: What learns nothing from pairs of views.
CONTROLS = {
    "supervised": "supervised by the object",
    "random": "random network",
    "pixels": "raw pixels (16 x 16)",
    "histogram": "colour histogram",
}
#: Arm -> what the reader sees.
TITLES = {name: arm.title for name, arm in ARMS.items()} | CONTROLS


def world_of(arm: Arm, seed: int, settings: BackgroundConfig) -> WorldConfig:
    """The clips of an arm on a seed. All arms of a seed show the same objects on the same ways, in
    the same light."""
    return parse_config(
        {
            "seed": seed,
            "objects": {
                "train_per_class": settings.per_class,
                "report_per_class": 0,
                "tune_per_class": 0,
            },
            "light": {"colour_range": settings.light},
            "background": {
                "noise_period": (10.0, 20.0),
                "shapes": 160,
                "shape_radius": (3.0, 11.0),
            },
            "videos": {
                "width": settings.size,
                "height": settings.size,
                "frames": settings.frames,
                "rate": settings.rate,
                "objects": (1, 1),
                "radius": settings.radius,
                "camera_drift": 0.0,
                **dict(arm.world),
            },
        },
        WorldConfig,
        source="the study",
    )


def training_of(arm: Arm, seed: int, settings: BackgroundConfig) -> TrainConfig:
    """The run of an arm: MoCo v2 as ``laptop/frame_temporal``, equal in all but its pairs."""
    stream = {
        "kind": arm.kind,
        "gap": (0.0, 0.0) if arm.still else settings.gap,
        "crop_scale": settings.crop,
    }
    return parse_config(
        {
            "method": {"name": "moco", "K": settings.K, "m": 0.98, "T": settings.T},
            "model": {"backbone": "resnet_tiny", "head_batch_norm": True},
            "views": {
                "size": settings.size // 2,
                "crop_scale": settings.crop,
                "jitter": 1.0,
                "brightness": 0.15,
                "contrast": 0.15,
                "saturation": 0.15,
                "hue": 0.02,
                "greyscale": 0.0,
                "blur": 0.0,
            },
            "pairs": {"streams": [stream]},
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
