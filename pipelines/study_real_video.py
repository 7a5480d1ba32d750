"""What do followed regions of ordinary clips teach? Equal pairs, things from other sides.

    python pipelines/study_real_video.py --videos CLIPS --tests eth80:ETH80 coil20:COIL20 --out rv
    python pipelines/study_real_video.py --videos CLIPS MORE --tests set:views.parquet --out rv
    python pipelines/study_real_video.py --videos CLIPS --tests eth80:ETH80 --out tune --seeds 10 \\
        --hold-out True
    python pipelines/study_real_video.py --out smoke --smoke

Takes every video under --videos and every folder of frames (encoded to H.264 in --out), extracts
three track stores (found and followed, not moving, random), trains every system on every seed, and
searches each test set for the same thing seen from another side, in colour and in grey, among all
images and among those of the query's class. Controls: an untrained network, i.i.d. features, a
colour histogram, raw pixels. Files that do not decode are counted, not fatal. Writes results.json,
table.md, plot.png and page.md into --out. The same command goes on where it stopped. Tune with
--hold-out True on seeds from 10 on, never on the test sets; report on 0, 1, 2.
"""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import tyro

from studies.real_video.clips import clips_of
from studies.real_video.config import CONTROLS, SMOKE, SMOKE_SYSTEMS, SYSTEMS
from studies.real_video.findings import findings, judged_gap
from studies.real_video.measure import MeasureConfig, measure
from studies.real_video.page import page, tables
from studies.real_video.plot import plot
from studies.real_video.results import labels_of, results_of
from studies.real_video.sets import open_tests
from studies.real_video.smoke import smoke_data
from studies.real_video.stores import make_store
from studies.section import check_choice
from vidcl.arms import run_arms
from vidcl.errors import VidclError
from vidcl.files import write_atomic
from vidcl.jobs import default_workers
from vidcl.progress import show_progress
from vidcl.told import exit_status
from vidcl.training.processes import choose_device


@dataclass(frozen=True)
class Options:
    """Command line of the study."""

    out: Path
    """Folder for the clips, the stores, the runs and the results."""
    settings: Annotated[MeasureConfig, tyro.conf.arg(name="")]
    videos: tuple[Path, ...] = ()
    """Folders of clips: video files, and folders of frames."""
    systems: tuple[str, ...] = tuple(SYSTEMS)
    """Which systems."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of networks, pairs and views."""
    workers: int = default_workers()
    """Processes side by side."""
    smoke: bool = False
    """A few rendered clips and steps, to see that everything runs; its numbers mean nothing."""


def main() -> int:
    return exit_status(lambda: study(parse(sys.argv[1:])))


def parse(argv: list[str]) -> Options:
    default = Options(tyro.MISSING, MeasureConfig())  # type: ignore[arg-type]
    if "--smoke" in argv:
        smoke = MeasureConfig(**SMOKE)
        default = replace(default, settings=smoke, systems=SMOKE_SYSTEMS, seeds=(0,))
    flags = (tyro.conf.AvoidSubcommands,)
    return tyro.cli(Options, args=argv, default=default, config=flags, description=__doc__)


def study(options: Options) -> None:
    """Raises:
    VidclError: there is no such system, device, folder or set, or nothing to run.
    """
    out, settings = options.out, options.settings
    check_choice("system", options.systems, list(SYSTEMS), options.seeds, options.workers)
    choose_device(settings.device)
    videos = list(options.videos)
    if options.smoke and not videos:
        rendered, words = smoke_data(out)
        videos, settings = [rendered], settings.model_copy(update={"tests": words})
    if not videos:
        raise VidclError("Give the clips to learn from: --videos FOLDER...")
    tests = open_tests(settings.tests)  # whatever is wrong with them is told before the work
    clips = clips_of(videos, out / "clips")
    stores = {
        name: make_store(out, name, clips, settings, options.workers)
        for name in dict.fromkeys(SYSTEMS[system][1] for system in options.systems)
    }
    arms = [*options.systems, *CONTROLS]
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
    labels = labels_of(tests)
    answers = findings(
        measured, labels, judged_gap(settings.gaps), options.systems, options.seeds, out
    )
    results: dict[str, Any] = results_of(measured, tests, settings, options.seeds, stores, answers)
    write_atomic(out / "results.json", (json.dumps(results, indent=1) + "\n").encode())
    write_atomic(out / "table.md", tables(measured, labels, settings.gaps).encode())
    write_atomic(out / "plot.png", plot(measured, labels, settings.gaps))
    text = page(measured, labels, settings, options.seeds, stores, answers)
    write_atomic(out / "page.md", text.encode())
    print(f"{text}\npage: {out / 'page.md'}")


if __name__ == "__main__":
    sys.exit(main())
