"""What DigitOnImage shows: settings, images and digits of a seed, and the one on the other."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from studies.suppression.pictures import Kind, Split, digit_set, image_set, keep
from studies.suppression.textures import draw_textures
from vidcl.config import Config
from vidcl.synthetic.digit_on_image import put_digits
from vidcl.synthetic.digits import Digits

Count = Annotated[int, Field(ge=1)]
#: Images uint8 [N, 3, S, S], their classes and those of their digits, int64 [N].
Labelled = tuple[Tensor, Tensor, Tensor]


class DigitsConfig(Config):
    """What decides the numbers, but for where pictures come from and for seeds."""

    images: Annotated[int, Field(ge=50)] = 4000
    """Images to train on."""
    test: Annotated[int, Field(ge=20)] = 1000
    """Others to test on."""
    size: Annotated[int, Field(ge=16)] = 40
    """Side of the images in pixels."""
    unique: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=2)] = (
        *(0, 1, 16, 128, 1024),
    )
    """Numbers of different digits, rising; 0 is none at all."""
    share: Annotated[float, Field(gt=0.0, le=0.25)] = 0.25
    """Side of a digit in shares of the image's."""
    combine: Literal["max", "add"] = "max"
    """Larger value of the two (the authors' code) or their sum (the paper)."""
    T: Annotated[float, Field(gt=0.0)] = 1.0
    """Temperature."""
    crop: tuple[float, float] = (0.8, 1.0)
    """Share of the image that a view's crop covers."""
    jitter: Annotated[float, Field(ge=0.0, le=1.0)] = 0.4
    """Brightness, contrast and saturation are multiplied by 1 +- this."""
    steps: Count = 300
    """Optimiser steps."""
    batch_size: Annotated[int, Field(ge=2)] = 64
    """Images per step."""
    lr: Annotated[float, Field(gt=0.0)] = 0.002
    """Peak learning rate of AdamW, which falls along half a cosine."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""

    @model_validator(mode="after")
    def _check(self) -> "DigitsConfig":
        if list(self.unique) != sorted(set(self.unique)):
            raise ValueError("unique must rise")
        if self.batch_size > self.images:
            raise ValueError("batch_size must be at most images: a batch shows each once")
        return self


class DigitsRun(Config):
    """Everything that decides the numbers of a seed."""

    settings: DigitsConfig
    """As above."""
    images: Path | None
    """Folder of images or labelled set; None: gratings."""
    mnist: Path | None
    """Folder of MNIST's files; None: glyphs."""


def make(out: Path, run: DigitsRun, seed: int) -> None:
    """Draw or read a seed's images and digits, once."""
    settings = run.settings
    counts = (settings.images, settings.test)
    bases, inks = (out / "pictures" / f"{name}-{seed}.pt" for name in ("bases", "inks"))
    if not bases.is_file():
        if run.images is None:
            base = gratings(counts, settings.size, seed)
        else:
            base = image_set(run.images, counts, settings.size, seed)
        keep(bases, base)
    if not inks.is_file():
        # those to train with, and as many that only the probe of the digit sees
        pool = max(*settings.unique, settings.test)
        kind: Kind = "glyphs" if run.mnist is None else "mnist"
        keep(inks, digit_set(kind, run.mnist, (2 * pool, settings.test), 28, seed))


def gratings(counts: tuple[int, int], size: int, seed: int) -> dict[str, Split]:
    """Gratings to train and to test on."""
    generator = torch.Generator().manual_seed(1000 + seed)
    return {
        name: draw_textures(count, generator, size)
        for name, count in zip(("train", "test"), counts, strict=True)
    }


def stamped(
    bases: Mapping[str, Split],
    inks: Mapping[str, Split],
    unique: int,
    seed: int,
    settings: DigitsConfig,
) -> dict[str, Labelled]:
    """Images with digits, their classes, and the digits' classes.

    ``train`` and ``test`` show the first ``unique`` digits, none if 0; ``unseen train`` and
    ``unseen test`` the same images with digits that no network was trained with, of two sets.
    """
    known = Digits(inks["train"][0][:, 0], inks["train"][1])
    half = len(known) // 2
    others = {
        "train": known.take(slice(half, None)),
        "test": Digits(inks["test"][0][:, 0], inks["test"][1]),
    }
    # the unseen ones first, so that they are the same whatever ``unique`` is
    generator = torch.Generator().manual_seed(2000 + seed)
    wanted = [
        *((f"unseen {split}", split, others[split], len(others[split])) for split in bases),
        *((split, split, known, unique) for split in bases),
    ]
    sets = {}
    for name, split, digits, count in wanted:
        images, labels = bases[split]
        if not count:
            sets[name] = (images, labels, torch.zeros_like(labels))
            continue
        put = put_digits(
            *(images, labels, digits, count, generator),
            size=settings.share,
            combine=settings.combine,
        )
        sets[name] = (put.images, put.labels, put.digits)
    return sets
