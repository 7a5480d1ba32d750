"""Does it matter which contrastive loss, and does a deep head make it matter less? On glyphs.

    python pipelines/study_generalized_losses.py --out study-losses
    python pipelines/study_generalized_losses.py --out quick --seeds 0 --losses nt-xent normal
    python pipelines/study_generalized_losses.py --out smoke --smoke

Trains NT-Xent, decoupled NT-Xent and alignment with sliced Wasserstein distances to three
distributions, each under a linear and a three-layer head, and asks the frozen features for the
letter with a linear probe. Learning rates are chosen on a seed of their own and the losses compared
both at one learning rate and at the best of each. Writes results.json, plot.png and page.md into
--out. The same command goes on where it stopped. Tune on other seeds than those reported.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from studies.generalized import page
from studies.generalized.arms import CONTROLS, LOSSES, Arm, StudyConfig, arm_of, training_of
from studies.generalized.claims import CLAIMS, by_loss, name, spreads
from studies.generalized.probe import glyph_files, make_glyphs, probe
from studies.generalized.rates import choose, chosen_arms, grid
from studies.looc.probe import learn_letters
from studies.section import Section, check_choice, write_study
from vidcl.arms import run_arms
from vidcl.errors import VidclError
from vidcl.evaluation.controls import raw_pixels_table
from vidcl.evaluation.embed import embed
from vidcl.evaluation.table import table_features
from vidcl.jobs import default_workers
from vidcl.models.checkpoint import load_encoder
from vidcl.progress import Progress, show_progress
from vidcl.report.claims import claims_table, judge, summary
from vidcl.told import exit_status
from vidcl.training.build import untrained_encoder
from vidcl.training.loop import train
from vidcl.training.processes import choose_device


def measure(
    arm: str, seed: int, settings: StudyConfig, folder: Path, progress: Progress | None = None
) -> dict[str, float]:
    """Train an arm and probe what it learned: accuracy by probe."""
    splits = glyph_files(folder.parents[2] / "glyphs", seed)
    if arm == "pixels":
        return probe(lambda images: table_features(raw_pixels_table(images)), splits, settings)
    if arm in CONTROLS:
        middle = sorted(settings.lrs)[len(settings.lrs) // 2]
        config = training_of(Arm("nt-xent", 1, middle), seed, settings)
        encoder = untrained_encoder(config)
        if arm == "supervised":
            learn_letters(encoder, config, splits["train"], progress)
    else:
        run = train(
            training_of(arm_of(arm), seed, settings),
            splits["train"],
            folder,
            resume="auto",
            progress=progress,
            say=lambda line: None,  # arms side by side would talk at once: see metrics.jsonl
        )
        encoder = load_encoder(run)
    device = choose_device(settings.device)

    def features(images: np.ndarray) -> np.ndarray:
        return table_features(embed(encoder, images, device=device))

    return probe(features, splits, settings)


def study(
    out: Path, losses: Sequence[str], seeds: Sequence[int], settings: StudyConfig, workers: int
) -> None:
    for seed in (settings.tuned_on, *seeds):
        make_glyphs(out / "glyphs", seed, settings)
    asked = [arm.name for arm in grid(losses, settings)]
    with show_progress("tune", unit="steps", every=60) as progress:
        tried = run_arms(
            out, measure, asked, [settings.tuned_on], settings, workers=workers, progress=progress
        )
    rates = choose(tried)
    arms = [*CONTROLS, *(arm.name for arm in chosen_arms(losses, rates))]
    with show_progress("train", unit="steps", every=60) as progress:
        measured = run_arms(out, measure, arms, seeds, settings, workers=workers, progress=progress)
    apart = spreads(by_loss(measured, losses, rates, "letter"))
    answers = judge(CLAIMS, apart)
    results = {
        "settings": settings.model_dump(mode="json"),
        "seeds": list(seeds),
        "grid": tried,
        "lr": {
            "common": rates.common,
            "tuned": {f"{loss}-{layers}": lr for (loss, layers), lr in rates.tuned.items()},
        },
        "arms": measured,
        "spread": apart,
        "claims": answers,
    }
    text = page.text(measured, tried, losses, seeds, rates, answers, settings)
    plots = {"plot.png": page.plot(measured, losses, rates)}
    written = write_study(out, page.TITLE, [Section("losses", text, results, plots)])
    print(page.loss_table(measured, losses, rates, "letter"))
    print(page.grid_table(tried, losses, rates, sorted(settings.lrs)))
    print(f"{claims_table(answers, name, 'points')}\n{summary(answers)}\npage: {written}")


#: What --smoke runs.
SMOKE = {"steps": 3, "batch_size": 16, "size": 16, "images": 100, "probed": 50, "lrs": (0.004,)}
SMOKE_LOSSES = ("nt-xent", "normal")


@dataclass(frozen=True)
class Options:
    """Command line of the study."""

    out: Path
    """Folder for the images, the runs and the results."""
    settings: Annotated[StudyConfig, tyro.conf.arg(name="")]
    losses: tuple[str, ...] = tuple(LOSSES)
    """Which losses, at least two."""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    """Seeds of images, networks and views."""
    workers: int = default_workers()
    """Processes side by side."""
    smoke: bool = False
    """A few steps on a few images, to see that everything runs; its numbers mean nothing."""


def main() -> int:
    return exit_status(lambda: run(parse(sys.argv[1:])))


def run(options: Options) -> None:
    check(options)
    study(options.out, options.losses, options.seeds, options.settings, options.workers)


def parse(argv: list[str]) -> Options:
    default = Options(tyro.MISSING, StudyConfig())  # type: ignore[arg-type]
    if "--smoke" in argv:
        small = StudyConfig(**SMOKE)
        default = replace(default, settings=small, losses=SMOKE_LOSSES, seeds=(0,))
    flags = (tyro.conf.AvoidSubcommands,)
    return tyro.cli(Options, args=argv, default=default, config=flags, description=__doc__)


def check(options: Options) -> None:
    """Raises:
    VidclError: there is no such loss or device, nothing to run or to compare.
    """
    check_choice("loss", options.losses, tuple(LOSSES), options.seeds, options.workers)
    settings = options.settings
    if len(options.losses) < 2:
        raise VidclError("Give at least two losses: they are compared.")
    if settings.tuned_on in options.seeds:
        raise VidclError(
            f"Learning rates are chosen on seed {settings.tuned_on}: report on others, or give "
            "another --tuned-on."
        )
    if len(set(settings.lrs)) < len(settings.lrs):
        raise VidclError("Give every learning rate once.")
    choose_device(settings.device)


if __name__ == "__main__":
    sys.exit(main())
