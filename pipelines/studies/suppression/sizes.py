"""Two digits of different size on one canvas: does the large one hide the small one?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field, model_validator

from studies.section import Section
from studies.suppression.knob import Knob, arm_of, knob_section, run_knob
from studies.suppression.learning import (
    accuracy,
    features_of,
    learn_labels,
    learn_pairs,
    training_of,
)
from studies.suppression.pictures import Kind, Split, digit_set, keep, kept
from vidcl.config import Config
from vidcl.models.encoder import Encoder
from vidcl.progress import Progress
from vidcl.report.claims import Claim
from vidcl.synthetic.digit_sizes import TwoDigits, draw_two_digits
from vidcl.synthetic.digits import Digits
from vidcl.training.build import untrained_encoder
from vidcl.training.config import TrainConfig
from vidcl.training.processes import choose_device

Count = Annotated[int, Field(ge=1)]
#: The paper's accuracy of the small digit (20 px) while the other grows from 20 to 80 px.
RECALLED = (97.8, 97.6, 96.2, 96.5, 88.5, 74.5, 39.9)


class SizesConfig(Config):
    """What decides the numbers, but for where digits come from and for seeds."""

    images: Annotated[int, Field(ge=50)] = 4000
    """Canvases to train on."""
    test: Annotated[int, Field(ge=20)] = 1000
    """Others to test on."""
    canvas: Annotated[int, Field(ge=16)] = 48
    """Side of a canvas in pixels."""
    fixed: Count = 14
    """Side of the digit that keeps its size in pixels."""
    others: Annotated[tuple[Count, ...], Field(min_length=2)] = (14, 30)
    """Sides of the other, rising."""
    T: Annotated[float, Field(gt=0.0)] = 0.1
    """Temperature."""
    crop: tuple[float, float] = (0.5, 1.0)
    """Share of the canvas that a view's crop covers."""
    backbone: str = "resnet_tiny"
    """The network. It pools: digits lie anywhere, and conv_tiny, which does not, learns little."""
    steps: Count = 200
    """Optimiser steps."""
    batch_size: Annotated[int, Field(ge=2)] = 96
    """Canvases per step."""
    lr: Annotated[float, Field(gt=0.0)] = 0.003
    """Peak learning rate of AdamW, which falls along half a cosine."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""

    @model_validator(mode="after")
    def _check(self) -> "SizesConfig":
        if list(self.others) != sorted(set(self.others)):
            raise ValueError("others must rise")
        if self.fixed + self.others[-1] > self.canvas:
            raise ValueError("fixed and the largest of others must fit beside each other")
        if self.batch_size > self.images:
            raise ValueError("batch_size must be at most images: a batch shows each once")
        return self


class SizesRun(Config):
    """Everything that decides the numbers of a seed."""

    settings: SizesConfig
    """As above."""
    mnist: Path | None
    """Folder of MNIST's files; None: glyphs."""


def run_sizes(
    out: Path,
    settings: SizesConfig,
    seeds: Sequence[int],
    workers: int,
    *,
    mnist: Path | None = None,
) -> Section:
    """Train and probe with each size of the second digit.

    Args:
        out: the study's folder; a study that stopped goes on.
        mnist: where the digits come from; None: glyphs.
    """
    run = SizesRun(settings=settings, mnist=mnist)
    for seed in seeds:
        path = out / "sizes" / "pictures" / f"{seed}.pt"
        if not path.is_file():
            kind: Kind = "glyphs" if mnist is None else "mnist"
            keep(path, digit_set(kind, mnist, (settings.images, settings.test), 28, seed))
    measured = run_knob(out / "sizes", measure, settings.others, seeds, run, workers)
    quoted = (
        f"\nThe paper's digit of 20 px beside one of 20, 30, ... 80 px on 112 px, SimCLR, recalled "
        f"and unchecked: {', '.join(f'{value:.1f}' for value in RECALLED)}; supervised about 99; a "
        f"random network 16 to 17.\n"
    )
    knob = Knob(
        name="sizes",
        along="side of the other digit, px",
        metrics={"fixed": f"the digit of {settings.fixed} px, %", "other": "the other digit, %"},
        quoted={"fixed": quoted},
    )
    drawn = "MNIST" if mnist else "glyphs"
    head = f"""## Sizes: does a large digit hide a small one?

Chen, Luo, Li (2021): two digits on a canvas, one of them growing. Digits: {drawn}; a canvas of
{settings.canvas} px, one digit of {settings.fixed} px of five classes, the other of the five
others, so that it is clear which is asked for where both have one size; chance is 20 %. They do not
overlap. {settings.images:,} canvases to train on, {settings.steps} steps of {settings.batch_size},
crops of {settings.crop[0]:g} to {settings.crop[1]:g}, temperature {settings.T:g}; supervised: both
classes at once. Seeds {", ".join(map(str, seeds))}.
"""
    return knob_section(
        knob, head, measured, claims_of(settings), settings.model_dump(mode="json"), seeds
    )


def claims_of(settings: SizesConfig) -> list[Claim]:
    """What the paper says."""
    small, large = settings.others[0], settings.others[-1]
    paper = f"{RECALLED[0]} against {RECALLED[-1]} (recalled, unchecked)"
    return [
        Claim("the large digit hides the small one", "fixed", f"simclr:{small}",
              f"simclr:{large}", paper),
        Claim("the large one is read no worse (within 2 points)", "other", f"simclr:{large}",
              f"simclr:{small}", floor=-2.0),
        Claim("with labels the small one keeps (within 5 points)", "fixed", f"supervised:{large}",
              f"supervised:{small}", floor=-5.0),
        Claim("SimCLR loses more than a random network has left", "fixed", f"random:{large}",
              f"simclr:{large}"),
    ]  # fmt: skip


def measure(
    arm: str, seed: int, settings: SizesRun, folder: Path, progress: Progress | None = None
) -> Mapping[str, float]:
    """The numbers of one network on one seed: ``fixed`` and ``other``, accuracies in 0..1."""
    inks = kept(folder.parents[2] / "pictures" / f"{seed}.pt")
    own, chosen = settings.settings, arm_of(arm)
    if chosen.kind == "random":
        network = untrained_encoder(config_of(seed, own))
        numbers: dict[str, float] = {}
        for other in own.others:
            found = probe(network, canvases(inks, other, seed, own), own)
            numbers |= {f"{name} {other}": value for name, value in found.items()}
        return numbers
    sets = canvases(inks, chosen.value, seed, own)
    shown, config = sets["train"], config_of(seed, own)
    images, numbers = shown.images[:, None], {}
    if chosen.kind == "supervised":
        labels = torch.stack([shown.fixed, shown.other], 1)
        encoder = learn_labels(config, images, None, labels, progress)
    else:
        encoder, numbers["i_nce"] = learn_pairs(config, images, None, folder, progress)
    return numbers | probe(encoder, sets, own)


def config_of(seed: int, settings: SizesConfig) -> TrainConfig:
    """The run of any arm: they differ in the size of the second digit alone."""
    return training_of(
        channels=1,
        size=settings.canvas,
        crop=settings.crop,
        T=settings.T,
        steps=settings.steps,
        batch_size=settings.batch_size,
        lr=settings.lr,
        seed=seed,
        device=settings.device,
        backbone=settings.backbone,
    )


def canvases(
    inks: Mapping[str, Split], other: int, seed: int, settings: SizesConfig
) -> dict[str, TwoDigits]:
    """Canvases to train and to test on, each from digits of its own."""
    generator = torch.Generator().manual_seed(3000 + seed)
    return {
        name: draw_two_digits(
            len(labels),
            Digits(images[:, 0], labels),
            generator,
            canvas=settings.canvas,
            fixed=settings.fixed,
            other=other,
        )
        for name, (images, labels) in inks.items()
    }


def probe(
    encoder: Encoder, sets: Mapping[str, TwoDigits], settings: SizesConfig
) -> dict[str, float]:
    """``fixed`` and ``other``."""
    device = choose_device(settings.device)
    seen = {name: features_of(encoder, each.images[:, None], device) for name, each in sets.items()}
    known, asked = sets["train"], sets["test"]
    return {
        name: accuracy(seen["train"], getattr(known, name), seen["test"], getattr(asked, name))
        for name in ("fixed", "other")
    }
