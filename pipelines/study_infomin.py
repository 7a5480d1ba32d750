"""How much should two views share? I_NCE against what the features are good for, on six axes.

    python pipelines/study_infomin.py --out study-infomin
    python pipelines/study_infomin.py --out quick --seeds 0 --axes jitter gap
    python pipelines/study_infomin.py --out tune --seeds 10 11 --objects tune
    python pipelines/study_infomin.py --out smoke --smoke

Renders clips of the procedural world (--world DIR takes them from there), cuts crops of its objects
and whole frames, trains SimCLR on views that differ in one thing at a time (crop area, colour
jitter, distance of patches, colour spaces, frequencies, time between the views of a track),
estimates what the two views share (Tian et al. 2020), and asks the frozen features about objects in
no clip. Writes results.json, plot.png and page.md into --out. The same command goes on where it
stopped. Tune on seeds from 10 on and on --objects tune; report on 0, 1, 2.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro

from studies.infomin.axes import AXES, CONTROLS, StudyConfig
from studies.infomin.data import make_data, tiny_world, world_of
from studies.infomin.judge import held_by_axis
from studies.infomin.measure import measure
from studies.infomin.page import page
from studies.infomin.plot import plot
from studies.section import check_choice
from vidcl.arms import run_arms
from vidcl.files import write_atomic
from vidcl.jobs import default_workers
from vidcl.progress import show_progress
from vidcl.told import exit_status
from vidcl.training.processes import choose_device

#: What --smoke runs.
SMOKE = {"clips": 4, "steps": 4, "batch_size": 16, "pairs": 32, "backbone": "conv_tiny"}
SMOKE_AXES = ("distance",)


@dataclass(frozen=True)
class Options:
    """Command line of the study."""

    out: Path
    """Folder for the data, the runs and the results."""
    settings: Annotated[StudyConfig, tyro.conf.arg(name="")]
    axes: tuple[str, ...] = tuple(AXES)
    """Which axes."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of networks and views; the world stays the same."""
    world: Path | None = None
    """Folder of 'vidcl world' with videos and boxes of the same world, instead of rendering."""
    workers: int = default_workers()
    """Processes side by side."""
    smoke: bool = False
    """A tiny world and a few steps, to see that everything runs; its numbers mean nothing."""


def main() -> int:
    return exit_status(lambda: run(parse(sys.argv[1:])))


def parse(argv: list[str]) -> Options:
    default = Options(tyro.MISSING, StudyConfig())  # type: ignore[arg-type]
    if "--smoke" in argv:
        default = replace(default, settings=StudyConfig(**SMOKE), axes=SMOKE_AXES, seeds=(0,))
    flags = (tyro.conf.AvoidSubcommands,)
    return tyro.cli(Options, args=argv, default=default, config=flags, description=__doc__)


def run(options: Options) -> None:
    """Raises:
    VidclError: there is no such axis, device or world, or nothing to run.
    """
    check_choice("axis", options.axes, list(AXES), options.seeds, options.workers)
    choose_device(options.settings.device)
    study(options)


def study(options: Options) -> None:
    out, settings = options.out, options.settings
    world = world_of(settings)
    if options.smoke:
        world = tiny_world(world)
    make_data(out, settings, world, options.world, options.workers)
    axes = {name: AXES[name] for name in options.axes}
    arms = arms_of(options.axes)
    with show_progress("train", unit="steps", every=60) as progress:
        measured = run_arms(
            out,
            measure,
            arms,
            options.seeds,
            settings,
            workers=options.workers,
            progress=progress,
        )
    answers = held_by_axis(axes, measured)
    results = {
        "settings": settings.model_dump(mode="json"),
        "seeds": list(options.seeds),
        "axes": {
            name: {"task": axis.task, "best": axis.best, **asdict(answers[name])}
            for name, axis in axes.items()
        },
        "arms": measured,
    }
    write_atomic(out / "results.json", (json.dumps(results, indent=1) + "\n").encode())
    write_atomic(out / "plot.png", plot(axes, measured))
    text = page(axes, measured, answers, settings, options.seeds)
    write_atomic(out / "page.md", text.encode())
    print(text)
    print(f"page: {out / 'page.md'}")


def arms_of(axes: Sequence[str]) -> list[str]:
    """Every setting of these axes once, and the controls."""
    return list(dict.fromkeys([*(arm for name in axes for arm in AXES[name].settings), *CONTROLS]))


if __name__ == "__main__":
    sys.exit(main())
