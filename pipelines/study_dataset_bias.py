"""Does it matter whether pictures show scenes or objects? One method on either, asked of both.

    python pipelines/study_dataset_bias.py --out study-dataset-bias
    python pipelines/study_dataset_bias.py --out quick --seeds 0 --arms scenes-0.2 objects-0.2
    python pipelines/study_dataset_bias.py --out smoke --smoke
    python pipelines/study_dataset_bias.py --out other --world study-viewpoint/world/world.yaml

Draws clips with one to three objects, trains the same method on their whole frames and on the
objects in the same frames, with views that show much or little of a picture, and asks what each
network knows of scenes and of single objects. Writes results.json, plot.png and page.md into --out.
The same command goes on where it stopped. Tune on other seeds than those reported.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro

from studies.bias.arms import CONTROLS, SMOKE, SMOKE_ARMS, TITLES, StudyConfig
from studies.bias.data import make_data
from studies.bias.measure import measure
from studies.bias.page import CLAIMS, columns_of, name, page, with_costs
from studies.section import check_choice
from vidcl.arms import run_arms
from vidcl.files import write_atomic
from vidcl.jobs import default_workers
from vidcl.progress import show_progress
from vidcl.report.arms import arms_plot, arms_table
from vidcl.report.claims import claims_table, judge, summary
from vidcl.told import exit_status
from vidcl.training.processes import choose_device


def study(
    out: Path, arms: Sequence[str], seeds: Sequence[int], settings: StudyConfig, workers: int
) -> None:
    with show_progress("render", unit="parts") as progress:
        make_data(out / "data", settings, progress)
    with show_progress("train", unit="steps", every=60) as progress:
        measured = run_arms(out, measure, arms, seeds, settings, workers=workers, progress=progress)
    columns, chance = columns_of(measured)
    shown = {TITLES[arm]: numbers for arm, numbers in measured.items()}
    table = arms_table(shown | {"chance": chance}, columns)
    claims = judge(CLAIMS, with_costs(measured))
    results = {
        "settings": settings.model_dump(mode="json"),
        "seeds": list(seeds),
        "arms": measured,
        "claims": claims,
    }
    write_atomic(out / "results.json", (json.dumps(results, indent=1) + "\n").encode())
    grey = [TITLES[arm] for arm in CONTROLS]
    write_atomic(out / "plot.png", arms_plot(shown, columns, grey))
    write_atomic(out / "page.md", page(results, table, seeds).encode())
    print(table)
    print(f"{claims_table(claims, name)}\n{summary(claims)}\npage: {out / 'page.md'}")


@dataclass(frozen=True)
class Options:
    """Command line of the study."""

    out: Path
    """Folder for the clips, the runs and the results."""
    settings: Annotated[StudyConfig, tyro.conf.arg(name="")]
    arms: tuple[str, ...] = tuple(TITLES)
    """Which arms."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of networks and views; the clips stay the same."""
    workers: int = default_workers()
    """Processes side by side."""
    smoke: bool = False
    """A few steps on a few clips, to see that everything runs; its numbers mean nothing."""


def main() -> int:
    return exit_status(lambda: run(parse(sys.argv[1:])))


def run(options: Options) -> None:
    check(options)
    study(options.out, options.arms, options.seeds, options.settings, options.workers)


def parse(argv: list[str]) -> Options:
    default = Options(tyro.MISSING, StudyConfig())  # type: ignore[arg-type]
    if "--smoke" in argv:
        default = replace(default, settings=StudyConfig(**SMOKE), arms=SMOKE_ARMS, seeds=(0,))
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
