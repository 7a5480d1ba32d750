"""What the study of real clips runs: stores, systems, controls, settings."""

from typing import Annotated, Any

from pydantic import Field

from vidcl.config import Config, load_config
from vidcl.presets import find_preset
from vidcl.training.config import TrainConfig

Count = Annotated[int, Field(ge=1)]

#: Store -> what proposes and what follows, instead of the preset's.
STORES: dict[str, dict[str, str]] = {
    "tracks": {},
    "static": {"tracker": "static"},
    "random": {"proposer": "random"},
}
#: System -> its training preset, the store it learns from, and what it differs in.
SYSTEMS: dict[str, tuple[str, str, str]] = {
    "moco": ("moco", "tracks", "two crops of one whole frame"),
    "frame_temporal": ("frame_temporal", "tracks", "two whole frames of one shot"),
    "region_track": ("region_track", "tracks", "half `frame_temporal`, half `region_only`"),
    "region_only": ("region_only", "tracks", "two moments of a found and followed region"),
    "region_gap0": ("region_gap0", "tracks", "the same regions, one moment twice"),
    "region_static": ("region_static", "static", "the same proposals, a box that does not move"),
    "region_random": ("region_random", "random", "random boxes, followed"),
}
#: Controls, which learn nothing; the first two are drawn anew for every seed.
CONTROLS = ("random network", "i.i.d. features", "colour histogram", "raw pixels")
#: Controls that no seed moves.
FIXED = CONTROLS[2:]
#: What --smoke runs.
SMOKE: dict[str, Any] = {
    "steps": 3,
    "batch_size": 8,
    "size": 32,
    "canvas": 48,
    "backbone": "conv_tiny",
    "gaps": (0.0, 45.0),
}
SMOKE_SYSTEMS = ("moco", "region_only")


class StudyConfig(Config):
    """Everything that decides the numbers, but for systems and seeds."""

    extract: str = "extract"
    """Preset of the extraction; proposer and tracker differ from store to store."""
    canvas: Count = 96
    """Side in pixels of the crops in the stores."""
    presets: str = "laptop"
    """Folder of the training presets."""
    backbone: str = "resnet_tiny"
    """The network."""
    size: Count = 32
    """Side in pixels of what the network sees."""
    steps: Count = 1200
    """Optimiser steps of every system."""
    batch_size: Count = 128
    """Pairs per step, of every system."""
    lr: Annotated[float, Field(gt=0.0)] = 0.004
    """Peak learning rate, of every system."""
    queue: Count = 384
    """Keys in MoCo's queue, of every system: at most half of the fewest crops of any."""
    color: Annotated[float, Field(ge=0.0, le=1.0)] = 0.4
    """Jitter of brightness, contrast and saturation; of hue a quarter of it (MoCo v2: 0.4)."""
    greyscale: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """Share of the views that lose their colour."""
    gap: tuple[float, float] = (0.08, 1.4)
    """Seconds between the two views, of every system with time between them."""
    gaps: tuple[float, ...] = (0.0, 45.0, 90.0)
    """Least viewpoint gap in degrees between a query and its right answers."""
    hold_out: bool = False
    """Keep the stores' test clips out of training and search among their tracks, which is what
    settings are tuned on. Without it all clips are for training."""
    device: str = "auto"
    """auto, cpu or cuda."""


def training_of(system: str, seed: int, settings: StudyConfig) -> TrainConfig:
    """The preset of a system with the study's budget.

    Args:
        system: of ``SYSTEMS``.

    Raises:
        VidclError: the preset is missing or does not fit the settings.
    """
    config = load_config(find_preset(f"{settings.presets}/{SYSTEMS[system][0]}"), TrainConfig)
    training = config.training.model_copy(
        update={
            "steps": settings.steps,
            "batch_size": settings.batch_size,
            "lr": settings.lr,
            "device": settings.device,
            "warmup_steps": min(config.training.warmup_steps, settings.steps // 2),
            "log_every": min(config.training.log_every, settings.steps),
        }
    )
    streams = tuple(
        stream.model_copy(update={"gap": settings.gap}) if stream.gap[1] else stream
        for stream in config.pairs.streams
    )
    views = {
        "size": settings.size,
        "brightness": settings.color,
        "contrast": settings.color,
        "saturation": settings.color,
        "hue": settings.color / 4,
        "greyscale": settings.greyscale,
    }
    splits = ("train",) if settings.hold_out else ("train", "test")
    return config.model_copy(
        update={
            "seed": seed,
            "training": training,
            "pairs": config.pairs.model_copy(update={"streams": streams, "splits": splits}),
            "method": config.method.model_copy(update={"K_max": settings.queue}),
            "model": config.model.model_copy(update={"backbone": settings.backbone}),
            "views": config.views.model_copy(update=views),
        }
    )
