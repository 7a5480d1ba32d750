"""Does a space per augmentation keep what the augmentation would remove? LooC on glyphs.

    python pipelines/study_looc.py --out study-looc
    python pipelines/study_looc.py --out quick --seeds 0 --arms both looc looc++
    python pipelines/study_looc.py --out smoke --smoke

Draws letters in six native hues, trains every arm on every seed with the views and the budget of
the others, and asks the frozen features three things with linear probes: which letter, which
quarter turn was applied to the image, which native hue. Writes results.json, plot.png and page.md
into --out. The same command goes on where it stopped. Tune on other seeds than those reported.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from torch import nn

from studies.looc.arms import ARMS, CONTROLS, ON_REQUEST, PROBES, TITLES, StudyConfig, training_of
from studies.looc.claims import CLAIMS, by_space, name, page
from studies.looc.probe import learn_letters, probe, with_spaces
from studies.section import check_choice
from vidcl.arms import run_arms
from vidcl.datasets.labelled import write_labelled_set
from vidcl.evaluation.controls import raw_pixels_table
from vidcl.evaluation.embed import embed
from vidcl.evaluation.table import table_features
from vidcl.files import write_atomic
from vidcl.jobs import default_workers
from vidcl.progress import Progress, show_progress
from vidcl.report.arms import Column, arms_plot, arms_table
from vidcl.report.claims import claims_table, judge, summary
from vidcl.synthetic.glyphs import write_glyphs
from vidcl.told import exit_status
from vidcl.training.build import untrained_encoder
from vidcl.training.loop import train
from vidcl.training.processes import choose_device


def measure(
    arm: str, seed: int, settings: StudyConfig, folder: Path, progress: Progress | None = None
) -> dict[str, float]:
    """Train an arm and probe what it learned: accuracy by probe, and by space and probe."""
    data = folder.parents[2] / "glyphs"
    splits = {split: data / f"{split}-{seed}.parquet" for split in ("train", "test")}
    if arm == "pixels":
        return probe(lambda images: table_features(raw_pixels_table(images)), splits, settings)
    if arm in CONTROLS:
        config = training_of(ARMS["crop"], seed, settings)
        bare = untrained_encoder(config)
        if arm == "supervised":
            learn_letters(bare, config, splits["train"], progress)
        encoder: nn.Module = bare
        parts = {"": slice(None)}
    else:
        config = training_of(ARMS[arm], seed, settings)
        run = train(
            config,
            splits["train"],
            folder,
            resume="auto",
            progress=progress,
            say=lambda line: None,  # arms side by side would talk at once: see metrics.jsonl
        )
        encoder, parts = with_spaces(run)
    device = choose_device(settings.device)

    def features(images: np.ndarray) -> np.ndarray:
        return table_features(embed(encoder, images, device=device))

    return probe(features, splits, settings, parts)


def study(
    out: Path, arms: Sequence[str], seeds: Sequence[int], settings: StudyConfig, workers: int
) -> None:
    make_glyphs(out, seeds, settings)
    with show_progress("train", unit="steps", every=60) as progress:
        measured = run_arms(out, measure, arms, seeds, settings, workers=workers, progress=progress)
    first = measured[arms[0]]  # all arms of a seed are tested on the same images
    chance = {asked: first[f"{asked} chance"] for asked in PROBES}
    columns = [
        Column(asked, title, 100.0, chance=float(np.mean(chance[asked])))
        for asked, title in PROBES.items()
    ]
    shown = {TITLES[arm]: numbers for arm, numbers in measured.items()}
    tables = [arms_table(shown | {"chance": chance}, columns)]
    if spaces := by_space(measured):
        tables.append(arms_table(spaces, columns, "space"))
    claims = judge(CLAIMS, measured)
    results = {
        "settings": settings.model_dump(mode="json"),
        "seeds": list(seeds),
        "arms": measured,
        "claims": claims,
    }
    write_atomic(out / "results.json", (json.dumps(results, indent=1) + "\n").encode())
    grey = [title for arm, title in TITLES.items() if arm in CONTROLS]
    write_atomic(out / "plot.png", arms_plot(shown, columns, grey))
    write_atomic(out / "page.md", page(results, tables).encode())
    print("\n".join(tables))
    print(f"{claims_table(claims, name)}\n{summary(claims)}\npage: {out / 'page.md'}")


def make_glyphs(out: Path, seeds: Sequence[int], settings: StudyConfig) -> None:
    """Every seed has its own images, so that intervals over seeds speak of these too."""
    for seed in seeds:
        for test, (split, count) in enumerate(
            (("train", settings.images), ("test", settings.probed))
        ):
            path = out / "glyphs" / f"{split}-{seed}.parquet"
            if not path.is_file():
                path.parent.mkdir(parents=True, exist_ok=True)
                drawn = 2 * seed + test
                write_glyphs(path, count, drawn, size=settings.size, write=write_labelled_set)


#: What --smoke runs.
SMOKE = {"steps": 4, "batch_size": 16, "K": 32, "size": 16, "images": 100, "probed": 50}
SMOKE_ARMS = ("both", "looc")


@dataclass(frozen=True)
class Options:
    """Command line of the study."""

    out: Path
    """Folder for the images, the runs and the results."""
    settings: Annotated[StudyConfig, tyro.conf.arg(name="")]
    arms: tuple[str, ...] = tuple(arm for arm in TITLES if arm not in ON_REQUEST)
    """Which arms; also colour-longer, looc-colour and looc-rotation."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of images, networks and views."""
    workers: int = default_workers()
    """Processes side by side."""
    smoke: bool = False
    """A few steps on a few images, to see that everything runs; its numbers mean nothing."""


def main() -> int:
    return exit_status(lambda: run(parse(sys.argv[1:])))


def run(options: Options) -> None:
    check(options)
    study(options.out, options.arms, options.seeds, options.settings, options.workers)


def parse(argv: list[str]) -> Options:
    default = Options(tyro.MISSING, StudyConfig())  # type: ignore[arg-type]
    if "--smoke" in argv:
        small = StudyConfig(**SMOKE)
        default = replace(default, settings=small, arms=SMOKE_ARMS, seeds=(0,))
    flags = (tyro.conf.AvoidSubcommands,)
    return tyro.cli(Options, args=argv, default=default, config=flags, description=__doc__)


def check(options: Options) -> None:
    """Raises:
    VidclError: there is no such arm or device, or nothing to run.
    """
    check_choice("arm", options.arms, list(TITLES), options.seeds, options.workers)
    choose_device(options.settings.device)


if __name__ == "__main__":
    sys.exit(main())
