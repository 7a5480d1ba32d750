"""DigitOnImage: how many different digits it takes to hide what an image shows."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from studies.section import Section
from studies.suppression.digits_shown import DigitsConfig, DigitsRun, Labelled, make, stamped
from studies.suppression.knob import Knob, arm_of, knob_section, run_knob
from studies.suppression.learning import (
    accuracy,
    features_of,
    learn_labels,
    learn_pairs,
    training_of,
)
from studies.suppression.pictures import kept
from vidcl.models.encoder import Encoder
from vidcl.progress import Progress
from vidcl.report.claims import Claim
from vidcl.training.build import untrained_encoder
from vidcl.training.config import TrainConfig
from vidcl.training.processes import choose_device


def run_digits(
    out: Path,
    settings: DigitsConfig,
    seeds: Sequence[int],
    workers: int,
    *,
    mnist: Path | None = None,
    images: Path | None = None,
) -> Section:
    """Train and probe with each number of different digits.

    Args:
        out: the study's folder; a study that stopped goes on.
        mnist: where the digits come from; None: glyphs.
        images: what they are put on, class = sub-folder; None: gratings.
    """
    run = DigitsRun(settings=settings, images=images, mnist=mnist)
    for seed in seeds:
        make(out / "digits", run, seed)
    measured = run_knob(out / "digits", measure, settings.unique, seeds, run, workers)
    knob = Knob(
        name="digits",
        along="number of different digits",
        metrics={"image": "class of the image, %", "digit": "class of unseen digits, %"},
        log=True,
    )
    base = "the images given" if images else "faint gratings of ten kinds"
    drawn = "MNIST" if mnist else "glyphs"
    head = f"""## DigitOnImage: how many different digits hide the image

Chen, Luo, Li (2021): every image is given one of N digits, at nine places, the same in both views.
The more there are, the more they tell images apart. Images: {base}, {settings.images:,} to train
on, {settings.size} px; digits: {drawn}, {round(settings.share * settings.size)} px, combined by
{"the larger value" if settings.combine == "max" else "addition"}. {settings.steps} steps of
{settings.batch_size}, crops of {settings.crop[0]:g} to {settings.crop[1]:g}, jitter
{settings.jitter:g}, temperature {settings.T:g}. The image's class is
probed with the digits that the network was trained with, the digit's class on the same images with
digits that no network has seen, so that the rows compare whatever N is. Seeds
{", ".join(map(str, seeds))}.
"""
    return knob_section(
        knob, head, measured, claims_of(settings), settings.model_dump(mode="json"), seeds
    )


def claims_of(settings: DigitsConfig) -> list[Claim]:
    """What the paper says."""
    some = [each for each in settings.unique if each]
    few, many = some[0], some[-1]
    claims = []
    if settings.unique[0] == 0:
        claims.append(Claim("the class is learned where there is no digit (60 %)", "image",
                            "simclr:0", "goal"))  # fmt: skip
    return [
        *claims,
        Claim("more digits, less of the image", "image", f"simclr:{few}", f"simclr:{many}"),
        Claim("and more of the digit", "digit", f"simclr:{many}", f"simclr:{few}"),
        Claim("with labels the image keeps (within 5 points)", "image", f"supervised:{many}",
              f"supervised:{few}", floor=-5.0),
    ]  # fmt: skip


def measure(
    arm: str, seed: int, settings: DigitsRun, folder: Path, progress: Progress | None = None
) -> Mapping[str, float]:
    """The numbers of one network on one seed: ``image`` and ``digit``, accuracies in 0..1."""
    held, own = folder.parents[2] / "pictures", settings.settings
    bases, inks = kept(held / f"bases-{seed}.pt"), kept(held / f"inks-{seed}.pt")
    chosen = arm_of(arm)
    if chosen.kind == "random":
        network = untrained_encoder(config_of(seed, own, own.images))
        numbers: dict[str, float] = {}
        for unique in own.unique:
            found = probe(network, stamped(bases, inks, unique, seed, own), own)
            numbers |= {f"{name} {unique}": value for name, value in found.items()}
        return numbers
    sets = stamped(bases, inks, chosen.value, seed, own)
    images, labels, _ = sets["train"]
    config = config_of(seed, own, len(images))
    numbers = {}
    if chosen.kind == "supervised":
        encoder = learn_labels(config, images, None, labels[:, None], progress)
    else:
        encoder, numbers["i_nce"] = learn_pairs(config, images, None, folder, progress)
    return numbers | probe(encoder, sets, own)


def config_of(seed: int, settings: DigitsConfig, images: int) -> TrainConfig:
    """The run of any arm: they differ in what the images show alone."""
    return training_of(
        channels=3,
        size=settings.size,
        crop=settings.crop,
        T=settings.T,
        steps=settings.steps,
        batch_size=min(settings.batch_size, images),
        lr=settings.lr,
        seed=seed,
        device=settings.device,
        jitter=settings.jitter,
    )


def probe(
    encoder: Encoder, sets: Mapping[str, Labelled], settings: DigitsConfig
) -> dict[str, float]:
    """``image``, with the digits of training, and ``digit``, with unseen ones."""
    device = choose_device(settings.device)
    features = {name: features_of(encoder, images, device) for name, (images, *_) in sets.items()}
    known, asked = sets["train"][1], sets["test"][1]
    numbers = {"image": accuracy(features["train"], known, features["test"], asked)}
    known, asked = sets["unseen train"][2], sets["unseen test"][2]
    numbers["digit"] = accuracy(features["unseen train"], known, features["unseen test"], asked)
    return numbers
