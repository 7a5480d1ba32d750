"""RandBit: what a few random bits that both views share leave of the digit."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from studies.section import Section
from studies.suppression.learning import (
    accuracy,
    features_of,
    learn_labels,
    learn_pairs,
)
from studies.suppression.pictures import Kind, Split, digit_set, image_set, keep, kept
from studies.suppression.randbit_arms import Arm, RandBitConfig, arms_of, config_of
from studies.suppression.randbit_page import section
from studies.suppression.randbit_source import Bits
from vidcl.arms import Measured, run_arms
from vidcl.config import Config
from vidcl.evaluation.probes.linear import linear_probe
from vidcl.models.encoder import Encoder
from vidcl.progress import Progress, show_progress
from vidcl.synthetic.rand_bits import append_bits, bits_of, image_codes
from vidcl.training.build import untrained_encoder
from vidcl.training.processes import choose_device

#: How many of a code's bits are probed.
_PROBED = 3


class SetConfig(Config):
    """One set of pictures, and everything that decides its numbers."""

    kind: Kind
    """Where the pictures come from."""
    path: Path | None
    """Of the files, where there are any."""
    settings: RandBitConfig
    """The rest."""


def run_randbit(
    out: Path,
    settings: RandBitConfig,
    seeds: Sequence[int],
    workers: int,
    *,
    mnist: Path | None = None,
    images: Path | None = None,
) -> Section:
    """Train and probe every arm on glyphs, and on MNIST and a folder of images where given.

    Args:
        out: the study's folder; a study that stopped goes on.
        mnist: folder of MNIST's idx files.
        images: folder of images or labelled set.
    """
    places: dict[Kind, Path | None] = {"glyphs": None, "mnist": mnist, "images": images}
    found: dict[str, Measured] = {}
    for kind, path in places.items():
        if kind == "glyphs" or path is not None:
            config = SetConfig(kind=kind, path=path, settings=settings)
            found[kind] = run_set(out / "randbit" / kind, config, seeds, workers)
    return section(found, settings, seeds)


def run_set(out: Path, config: SetConfig, seeds: Sequence[int], workers: int) -> Measured:
    """All runs on one set: rows as ``rows_of``."""
    for seed in seeds:
        path = out / "pictures" / f"{seed}.pt"
        if not path.is_file():
            keep(path, pictures(config, seed))
    arms = arms_of(config.settings)
    first = seeds[: config.settings.grid_seeds]
    run = functools.partial(run_arms, out, measure, settings=config, workers=workers)
    with show_progress(f"RandBit on {config.kind}", unit="steps", every=60) as progress:
        settled = (0.0, config.settings.T)
        every = [arm.name for arm in arms if arm.T in settled and arm.kind != "longer"]
        others = [arm.name for arm in arms if arm.name not in every]
        measured = run(arms=every, seeds=seeds, progress=progress)
        if others:
            measured |= run(arms=others, seeds=first, progress=progress)
    return rows_of(measured, arms, config.settings)


def pictures(config: SetConfig, seed: int) -> dict[str, Split]:
    """The set of a seed: pictures and labels to train and to test on."""
    settings = config.settings
    counts = (settings.images, settings.test)
    if config.kind == "images":
        assert config.path is not None
        return image_set(config.path, counts, settings.image_size, seed)
    return digit_set(config.kind, config.path, counts, settings.size, seed)


def measure(
    arm: str, seed: int, settings: SetConfig, folder: Path, progress: Progress | None = None
) -> Mapping[str, float]:
    """The numbers of one network on one seed, by what ``rows_of`` joins them by."""
    splits = kept(folder.parents[2] / "pictures" / f"{seed}.pt")
    chosen = next(each for each in arms_of(settings.settings) if each.name == arm)
    share = splits["test"][1].bincount().max() / len(splits["test"][1])
    numbers = {"chance": float(share), "tested": float(len(splits["test"][1]))}
    images, labels = splits["train"]
    codes = image_codes(images)
    if arm == "random":
        for count in settings.settings.bits:
            config = config_of(Arm("random", count), images.shape, seed, settings.settings)
            found = probe(untrained_encoder(config), splits, count, settings.settings)
            numbers |= {f"{name} {count}": value for name, value in found.items()}
        return numbers
    config = config_of(chosen, images.shape, seed, settings.settings)
    bits = Bits(codes, chosen.bits, redrawn=chosen.kind == "redrawn")
    if chosen.kind == "supervised":
        encoder = learn_labels(config, images, bits, labels[:, None], progress)
    else:
        encoder, numbers["i_nce"] = learn_pairs(config, images, bits, folder, progress)
    return numbers | probe(encoder, splits, chosen.bits, settings.settings)


def probe(
    encoder: Encoder, splits: Mapping[str, Split], count: int, settings: RandBitConfig
) -> dict[str, float]:
    """Accuracies in 0..1: ``digit``; with bits also ``blank``, of the digit where every bit is 0.5
    at probe time, and ``bit``, the mean over some bits (test images have codes of their own)."""
    device = choose_device(settings.device)
    codes = {name: image_codes(images) for name, (images, _) in splits.items()}

    def embedded(name: str, blank: bool) -> np.ndarray:
        def finish(x: Tensor, part: slice) -> Tensor:
            return append_bits(x, None if blank else codes[name][part].to(device), count)

        return features_of(encoder, splits[name][0], device, finish)

    def digit(features: Mapping[str, np.ndarray]) -> float:
        (_, known), (_, asked) = splits["train"], splits["test"]
        return accuracy(features["train"], known, features["test"], asked)

    features = {name: embedded(name, False) for name in splits}
    numbers = {"digit": digit(features)}
    if not count:
        return numbers
    numbers["blank"] = digit({name: embedded(name, True) for name in splits})
    shown = {name: bits_of(each, count) for name, each in codes.items()}
    places = np.linspace(0, count - 1, min(_PROBED, count)).round().astype(int)
    hits = [
        linear_probe(
            features["train"],
            shown["train"][:, place].numpy(),
            features["test"],
            shown["test"][:, place].numpy(),
            iterations=50,
        )["accuracy"]
        for place in places
    ]
    return numbers | {"bit": float(np.mean(hits))}


def rows_of(measured: Measured, arms: Sequence[Arm], settings: RandBitConfig) -> Measured:
    """A row for each curve over the number of bits, with numbers ``WHAT BITS``: ``T=0.1`` and so
    on, ``blank``, ``redrawn``, ``supervised``, ``random``; and ``chance``."""
    rows: Measured = {}
    for arm in arms:
        numbers = measured[arm.name]
        if arm.kind == "random":
            rows["random"] = {name: v for name, v in numbers.items() if " " in name}
            rows["chance"] = {name: numbers[name] for name in ("chance", "tested")}
            continue
        row = rows.setdefault(f"T={arm.T:g}" if arm.kind == "shared" else arm.kind, {})
        for name in ("digit", "bit", "i_nce"):
            if name in numbers:
                row[f"{name} {arm.bits}"] = numbers[name]
        if "blank" in numbers and arm.kind == "shared" and arm.T == settings.T:
            rows.setdefault("blank", {})[f"digit {arm.bits}"] = numbers["blank"]
    return rows
