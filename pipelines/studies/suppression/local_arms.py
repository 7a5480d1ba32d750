"""The arms of local features: how SimCLR is trained, and every arm's maps."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from studies.suppression.local_canvases import Canvases, draw_canvases
from studies.suppression.local_page import GRIDS, Grid
from vidcl.config import Config, parse_config
from vidcl.evaluation.local.features import local_features, raw_patches
from vidcl.models.encoder import Architecture, Encoder, Preprocessing, build_encoder, random_encoder
from vidcl.training.config import TrainConfig
from vidcl.training.processes import choose_device

Count = Annotated[int, Field(ge=1)]


class LocalConfig(Config):
    """What decides the numbers, but for seeds."""

    canvases: Annotated[int, Field(ge=50)] = 4000
    """Canvases to train on."""
    tested: Annotated[int, Field(ge=10)] = 200
    """Others whose locations are clustered."""
    size: Annotated[int, Field(ge=32, multiple_of=8)] = 56
    """Side of a canvas in pixels."""
    view: Annotated[int, Field(ge=16)] = 32
    """Side of a view in pixels."""
    crop: tuple[float, float] = (0.2, 0.5)
    """Share of the canvas that a view's crop covers."""
    T: Annotated[float, Field(gt=0.0)] = 0.2
    """Temperature."""
    steps: Count = 250
    """Optimiser steps."""
    batch_size: Annotated[int, Field(ge=2)] = 128
    """Canvases per step."""
    lr: Annotated[float, Field(gt=0.0)] = 0.004
    """Peak learning rate of AdamW."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""


#: What --smoke runs.
SMOKE = LocalConfig(canvases=50, tested=10, steps=2, batch_size=16)


def canvas_path(folder: Path, seed: int) -> Path:
    """Every seed has canvases of its own, so that intervals over seeds speak of these too."""
    return folder / "canvases" / f"{seed}.parquet"


def draw(settings: LocalConfig, seed: int, split: str) -> Canvases:
    """The canvases of a seed, to train on or to test on."""
    train_on = split == "train"
    generator = torch.Generator().manual_seed(2 * seed + (0 if train_on else 1))
    count = settings.canvases if train_on else settings.tested
    return draw_canvases(count, generator, settings.size)


def training_of(seed: int, settings: LocalConfig) -> TrainConfig:
    """SimCLR; the hue turned anywhere, so that ink does not tell a canvas. No flips: there are
    mirrored letters that are others."""
    return parse_config(
        {
            "method": {"name": "simclr", "T": settings.T},
            "model": {"backbone": "resnet_tiny", "head_batch_norm": True},
            "views": {
                "size": settings.view,
                "crop_scale": settings.crop,
                "flip": 0.0,
                "jitter": 0.8,
                "brightness": 0.4,
                "contrast": 0.4,
                "saturation": 0.4,
                "hue": 0.5,
                "greyscale": 0.2,
                "blur": 0.0,
            },
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


def untrained(seed: int, settings: LocalConfig) -> Encoder:
    """The network at its initialisation; BatchNorm with mean 0 and variance 1."""
    like = build_encoder(Architecture("resnet_tiny"), Preprocessing(settings.view))
    return random_encoder(like, seed)


def maps_of(
    encoder: Encoder | None, images: np.ndarray, settings: LocalConfig
) -> Iterator[tuple[Grid, np.ndarray]]:
    """Every grid's location vectors [N, h, w, C]; without an encoder, raw patches on as many
    locations."""
    side = images.shape[1]
    for grid in GRIDS:
        if encoder is None:
            yield grid, raw_patches(images, grid.stride)
            continue
        size = side * grid.enlarged
        device = choose_device(settings.device)
        yield (
            grid,
            local_features(encoder, images, [grid.layer], size=size, device=device)[grid.layer],
        )
