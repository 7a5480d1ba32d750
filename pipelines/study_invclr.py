"""Does a penalty on change along nuisances buy what it promises? InvCLR on Spirographs.

    python pipelines/study_invclr.py --out study-invclr
    python pipelines/study_invclr.py --out quick --seeds 10 --steps 100 --arms simclr colour_0.3
    python pipelines/study_invclr.py --out smoke --smoke

Trains SimCLR on Spirograph images (Foster, Pukdee, Rainforth 2021) with and without the penalty,
along all six nuisances or some, and measures how much the representation changes with the
nuisances, how well the targets are read off it, from one rendering and from features averaged over
several, and how that survives other nuisances. Writes results.json, plot.png and page.md into
--out. The same command goes on where it stopped. Tune on seeds from 10 on; report on 0, 1, 2.
"""

import functools
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import tyro
from pydantic import Field
from torch import Tensor

from studies.invclr.claims import CONTROLS
from studies.invclr.controls import small_pixels, supervised
from studies.invclr.measure import COLOURS, MeasureConfig, measure_features, measure_penalty
from studies.invclr.page import page
from studies.invclr.plot import plot
from studies.invclr.source import spirographs
from studies.invclr.step_watch import StepWatch
from vidcl.arms import run_arms
from vidcl.config import Config
from vidcl.errors import VidclError
from vidcl.files import write_atomic
from vidcl.jobs import default_workers
from vidcl.methods.config import PenaltyConfig, SimCLRConfig
from vidcl.models.checkpoint import load_encoder
from vidcl.models.config import ModelConfig
from vidcl.models.encoder import Encoder
from vidcl.progress import Progress, show_progress
from vidcl.synthetic.spirograph import NUISANCES, TARGETS, TRIVIAL_MSE
from vidcl.told import exit_status
from vidcl.training.build import untrained_encoder
from vidcl.training.config import TrainConfig, TrainingConfig
from vidcl.training.loop import train
from vidcl.training.processes import Process, choose_device
from vidcl.views.recipe import ViewConfig

#: Arm -> its penalty on top of SimCLR's loss.
PENALTIES: dict[str, dict[str, Any] | None] = {
    "simclr": None,
    "simclr_equal_time": None,
    "colour_0.1": {"along": COLOURS, "weight": 0.1, "clip": 1000.0},
    "colour_0.3": {"along": COLOURS, "weight": 0.3, "clip": 1000.0},
    "all_paper": {"along": NUISANCES, "weight": 0.01, "clip": 1000.0},
    "all_clip_each": {"along": NUISANCES, "weight": 0.1, "clip": 4.0, "clip_each": True},
    "all_scale_h": {"along": NUISANCES, "weight": 0.1, "clip": 1000.0, "scale": {"h": 0.1}},
    "all_change": {"by": "change", "along": NUISANCES, "weight": 0.3, "clip": 4.0},
    "all_relative": {"by": "relative", "along": NUISANCES, "weight": 0.3, "clip": 4.0},
    "h_alone": {"along": ("h",), "weight": 0.01, "clip": 1000.0},
}
#: What --smoke runs.
SMOKE = {"arms": ("simclr", "colour_0.3"), "seeds": (0,)}


class StudyConfig(Config):
    """What decides the numbers, but for arms and seeds."""

    targets: Annotated[int, Field(ge=100)] = 100_000
    """Vectors of targets to train on, as in the paper; each step renders some anew."""
    backbone: str = "resnet_tiny"
    """The network (the paper: ResNet-18)."""
    steps: Annotated[int, Field(ge=1)] = 200
    """Optimiser steps."""
    longer: Annotated[float, Field(ge=1.0)] = 3.5
    """How many times the steps 'simclr_equal_time' gets: what a penalised step costs."""
    batch_size: Annotated[int, Field(ge=2)] = 32
    """Pairs per step."""
    lr: Annotated[float, Field(gt=0.0)] = 0.002
    """Peak learning rate of AdamW."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """As of vidcl train."""
    measure: MeasureConfig = MeasureConfig()
    """What is measured on."""


SMOKE_SETTINGS = StudyConfig(
    targets=200,
    steps=3,
    longer=1.0,
    batch_size=8,
    measure=MeasureConfig(
        labelled=48, test=32, averages=(1, 2, 3, 4), varied=8, redraws=2, tail=48
    ),
)


@dataclass(frozen=True)
class Options:
    """Command line of the study."""

    out: Path
    """Folder for the runs and the results."""
    settings: Annotated[StudyConfig, tyro.conf.arg(name="")]
    arms: tuple[str, ...] = (*PENALTIES, *CONTROLS)
    """Which arms."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of training; what is measured on stays the same."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    workers: int = default_workers()
    """Runs side by side."""
    smoke: bool = False
    """A few steps of a few arms, to see that everything runs; its numbers mean nothing."""


def main() -> int:
    return exit_status(lambda: study(parse(sys.argv[1:])))


def parse(argv: list[str]) -> Options:
    default = Options(tyro.MISSING, StudyConfig())  # type: ignore[arg-type]
    if "--smoke" in argv:
        default = Options(tyro.MISSING, SMOKE_SETTINGS, **SMOKE)  # type: ignore[arg-type]
    flags = (tyro.conf.AvoidSubcommands,)
    return tyro.cli(Options, args=argv, default=default, config=flags, description=__doc__)


def study(options: Options) -> None:
    check(options)
    with show_progress("train and measure", unit="steps", every=60) as progress:
        measured = run_arms(
            options.out,
            functools.partial(measure_arm, device=options.device),
            options.arms,
            options.seeds,
            options.settings,
            workers=options.workers,
            progress=progress,
        )
    results = {
        "study": "invclr",
        "settings": options.settings.model_dump(mode="json"),
        "penalties": {name: PENALTIES[name] for name in options.arms if PENALTIES.get(name)},
        "seeds": list(options.seeds),
        "trivial_mse": dict(zip(TARGETS, TRIVIAL_MSE, strict=True)),
        "measured": measured,
    }
    write_atomic(options.out / "results.json", (json.dumps(results, indent=1) + "\n").encode())
    write_atomic(options.out / "plot.png", plot(measured, options.settings.measure.averages))
    text = page(measured, options.settings.measure.averages, PENALTIES)
    write_atomic(options.out / "page.md", text.encode())
    print(text)


def check(options: Options) -> None:
    """Raises:
    VidclError: an arm that there is not, one named twice, no arm or no seed, or no such device.
    """
    known = [*PENALTIES, *CONTROLS]
    for arm in options.arms:
        if arm not in known:
            raise VidclError(f"There is no arm '{arm}': choose among {', '.join(known)}.")
    for what, values in (("arms", options.arms), ("seeds", options.seeds)):
        if not values or len(set(values)) < len(values):
            raise VidclError(f"Give --{what} at least once each, and none of them twice.")
    if min(options.seeds) < 0:
        raise VidclError("--seeds must be 0 or more.")
    if options.settings.batch_size > options.settings.targets:
        raise VidclError("--batch-size must be at most --targets: a step shows each once.")
    averages = options.settings.measure.averages
    if averages[0] != 1 or list(averages) != sorted(set(averages)):
        raise VidclError("--measure.averages must rise from 1.")
    choose_device(options.device)


def measure_arm(
    arm: str,
    seed: int,
    settings: StudyConfig,
    folder: Path,
    device: str = "auto",
    progress: Progress | None = None,
) -> Mapping[str, float]:
    """All numbers of one arm on one seed."""
    where = choose_device(device)
    if arm == "pixels":
        return measure_features(small_pixels, settings.measure, where)
    config = train_config(arm, seed, settings, device)
    opener = spirographs(settings.targets, settings.measure.seed + 100)
    numbers: dict[str, float] = {}
    if arm == "untrained":
        encoder = untrained_encoder(config)
    elif arm == "supervised":
        encoder = supervised(config, opener(config, Process(0, 1, where)), progress)
    else:
        watch = StepWatch(where, progress)
        # Runs side by side would talk at once; their lines are in metrics.jsonl.
        train(config, opener, folder, resume="auto", progress=watch, say=lambda line: None)
        numbers = watch.numbers()
        encoder = load_encoder(folder)
    encoder = encoder.to(where).to(memory_format=torch.channels_last).eval()
    embed = functools.partial(features_of, encoder)
    numbers |= measure_features(embed, settings.measure, where)
    return numbers | measure_penalty(embed, settings.measure, where)


def features_of(encoder: Encoder, images: Tensor) -> Tensor:
    return encoder(images.contiguous(memory_format=torch.channels_last))


def train_config(arm: str, seed: int, settings: StudyConfig, device: str) -> TrainConfig:
    """The run of an arm: SimCLR with the paper's temperature, on a small network, with AdamW."""
    penalty = PENALTIES.get(arm) or {}
    steps = settings.steps
    if arm == "simclr_equal_time":
        steps = round(steps * settings.longer)
    return TrainConfig(
        method=SimCLRConfig(T=0.5),
        penalty=PenaltyConfig(**penalty),
        model=ModelConfig(
            backbone=settings.backbone,
            stem="imagenet" if settings.backbone == "resnet_tiny" else "small",
            dim=64,
            head_batch_norm=True,
        ),
        # the network gets the images as they are rendered, in [0, 1]
        views=ViewConfig(size=32, mean=(0.0,) * 3, std=(1.0,) * 3),
        training=TrainingConfig(
            steps=steps,
            batch_size=settings.batch_size,
            optimizer="adamw",
            lr=settings.lr,
            weight_decay=1e-4,
            warmup_steps=steps // 20,
            precision=settings.precision,
            channels_last=False,  # slopes of slopes are faster so on a CPU
            device=device,
            log_every=min(50, steps),
            tensorboard=False,
        ),
        seed=seed,
    )


if __name__ == "__main__":
    sys.exit(main())
