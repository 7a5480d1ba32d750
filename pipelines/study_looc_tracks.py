"""Does LooC on tracks let a user choose whether viewpoint is kept? Spaces of one network compared.

    python pipelines/study_viewpoint.py --out study-viewpoint --systems region_only --seeds 0
    python pipelines/study_looc_tracks.py --world study-viewpoint --out study-looc-tracks
    python pipelines/study_looc_tracks.py --world smoke-viewpoint --out smoke --smoke

The first command makes the procedural world, its track store and its labelled sets; any later study
reads them. Every arm is trained on every seed on the same store at the same number of pairs, and
its feature and each of its spaces are asked two things of objects that appear in no clip: which way
an object faces, and whether another view of it is found among all images. Writes results.json,
plot.png and page.md into --out. The same command goes on where it stopped.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from vidcl.arms import Measured, run_arms
from vidcl.config import Config, load_config
from vidcl.datasets.labelled import LabelledSet, open_labelled_set
from vidcl.errors import VidclError
from vidcl.evaluation.config import EvaluationConfig
from vidcl.evaluation.embed import embed
from vidcl.evaluation.measure import measure
from vidcl.evaluation.probes.azimuth import gap_r2, nearest_angle
from vidcl.files import write_atomic
from vidcl.jobs import default_workers
from vidcl.models.checkpoint import load_encoder, random_encoder
from vidcl.models.encoder import Encoder
from vidcl.presets import find_preset
from vidcl.progress import Progress, show_progress
from vidcl.report.arms import Column, arms_plot, arms_table
from vidcl.report.study import interval
from vidcl.told import exit_status
from vidcl.training.config import TrainConfig
from vidcl.training.loop import train

#: Arm -> its training preset, and the settings of its method that differ from the preset's.
ARMS: dict[str, tuple[str, dict[str, Any]]] = {
    "moco, one moment": ("laptop/region_only", {"shares": ["time"]}),
    "moco, two moments": ("laptop/region_only", {}),
    "looc": ("laptop/looc", {"factors": ["time"]}),
    "looc++": ("laptop/looc", {"factors": ["time"], "plus_plus": True}),
}
#: What a network of LooC is read as: its whole feature, or one space's projection.
SPACES = {"looc": 2, "looc++": 2}
#: The control, measured beside the arm that every run has.
RANDOM, RANDOM_BESIDE = "random network", "moco, two moments"
COLUMNS = (
    Column("viewpoint/nearest", "angle to the nearest view of the object, °", chance=90.0),
    Column("viewpoint/gap_r2", "R² of the angle between two views", digits=2, chance=0.0),
    Column("viewpoint/recall@1", "viewpoint R@1, %", 100.0),
    Column("wild/nearest", "wild: angle to the nearest view, °", chance=90.0),
    Column("wild/recall@1", "wild R@1, %", 100.0),
)


class StudyConfig(Config):
    """What is run."""

    store: str = "tracks"
    """Which track store of the world."""
    sets: tuple[str, ...] = ("viewpoint", "wild")
    """Labelled sets; viewpoint varies that factor alone, wild all of them."""
    objects: str = "report"
    """Held-out objects to report on, or (tune) others to tune on."""
    gap: tuple[float, float] = (0.4, 1.4)
    """Seconds between the two moments of a pair; short ones hardly differ in viewpoint."""
    steps: int = 1200
    """Optimiser steps of every arm."""
    batch_size: int = 128
    """Pairs per step."""
    device: str = "cpu"
    """Where to train."""


@dataclass(frozen=True)
class Options:
    """Command line of the study."""

    world: Path
    """The folder of a viewpoint study: its world, stores and sets are read."""
    out: Path
    """Folder for the runs and the results."""
    settings: Annotated[StudyConfig, tyro.conf.arg(name="")]
    seeds: tuple[int, ...] = (0, 1, 2)
    """Training seeds."""
    arms: tuple[str, ...] = tuple(ARMS)
    """Which arms."""
    workers: int = default_workers()
    """Processes side by side."""
    smoke: bool = False
    """A few steps of two arms on one seed, to see that all runs; its numbers mean nothing."""


class Settings(StudyConfig):
    """What decides the numbers of an arm on a seed."""

    world: str


def main() -> int:
    return exit_status(lambda: study(parse(sys.argv[1:])))


def parse(argv: list[str]) -> Options:
    default = Options(tyro.MISSING, tyro.MISSING, StudyConfig())  # type: ignore[arg-type]
    flags = (tyro.conf.AvoidSubcommands,)
    return tyro.cli(Options, args=argv, default=default, config=flags, description=__doc__)


def study(options: Options) -> None:
    config, arms, seeds = options.settings, options.arms, options.seeds
    if options.smoke:
        config = config.model_copy(update={"steps": 3, "batch_size": 16})
        arms, seeds = ("moco, two moments", "looc++"), (0,)
    unknown = [arm for arm in arms if arm not in ARMS]
    if unknown:
        raise VidclError(f"There is no arm {unknown[0]!r}: choose from {', '.join(ARMS)}.")
    for part in (store_path(options.world, config), set_path(options.world, config, "")):
        if not part.parent.exists():
            raise VidclError(f"{options.world} has no {part.parent.name}: give a viewpoint study.")
    settings = Settings(**config.model_dump(), world=str(options.world.resolve()))
    with show_progress("train", unit="steps", every=60) as progress:
        runs = run_arms(
            options.out,
            train_and_measure,
            arms,
            seeds,
            settings,
            workers=options.workers,
            progress=progress,
        )
    measured = rows(runs)
    table, verdicts = arms_table(measured, COLUMNS), answer(measured)
    write_atomic(
        options.out / "results.json",
        (
            json.dumps({"settings": settings.model_dump(), "rows": measured}, indent=1) + "\n"
        ).encode(),
    )
    write_atomic(options.out / "plot.png", arms_plot(measured, COLUMNS, {RANDOM}))
    page = f"# LooC on tracks\n\n{table}\n" + "".join(f"- {line}\n" for line in verdicts)
    write_atomic(options.out / "page.md", page.encode())
    print(f"\n{page}\npage: {options.out / 'page.md'}")


def train_and_measure(
    arm: str, seed: int, settings: Settings, folder: Path, progress: Progress
) -> dict[str, float]:
    """Numbers of one arm on one seed, as ``space/set/metric``."""
    preset, changes = ARMS[arm]
    config = load_config(find_preset(preset), TrainConfig).model_dump(mode="json")
    config["method"].update(changes)
    config["training"].update(
        steps=settings.steps,
        batch_size=settings.batch_size,
        device=settings.device,
        tensorboard=False,
    )
    for stream in config["pairs"]["streams"]:
        stream["gap"] = settings.gap
    config["seed"] = seed
    world = Path(settings.world)
    train(
        TrainConfig.model_validate(config),
        store_path(world, settings),
        folder,
        resume="auto",
        progress=progress,
        say=lambda line: None,
    )
    encoders: dict[str, Encoder] = {arm: load_encoder(folder)}
    for space in range(SPACES.get(arm, 0)):
        name = "time kept" if space else "invariant"
        encoders[f"{arm}: {name}"] = load_encoder(folder, space=space)
    if arm == RANDOM_BESIDE:
        encoders[RANDOM] = random_encoder(encoders[arm], seed)
    numbers: dict[str, float] = {}
    for set_name in settings.sets:
        data = open_labelled_set(set_path(world, settings, set_name))
        for name, encoder in encoders.items():
            values = ask(set_name, encoder, data)
            numbers |= {f"{name}/{set_name}/{key}": value for key, value in values.items()}
    return numbers


def ask(set_name: str, encoder: Encoder, data: LabelledSet) -> dict[str, float]:
    """How well a feature tells the viewpoint, and how well it finds the object from another."""
    table = embed(encoder, data, device="cpu")
    features = np.stack(table["feature"].to_numpy(zero_copy_only=False))
    azimuth, instance = data.labels["azimuth"], data.labels["instance"]
    return {
        "nearest": nearest_angle(features, azimuth, instance),
        "gap_r2": gap_r2(features, azimuth, instance),
        "recall@1": measure(set_name, table, EvaluationConfig(bootstrap=0))["recall@1"],
    }


def rows(runs: Measured) -> Measured:
    """From arms to what they are read as: a row per feature and per space."""
    found: Measured = {}
    for numbers in runs.values():
        for name, values in numbers.items():
            row, metric = name.split("/", 1)
            found.setdefault(row, {})[metric] = values
    return dict(sorted(found.items(), key=lambda item: item[0] == RANDOM))


def answer(measured: Measured) -> list[str]:
    """Paired differences between the two spaces, with their 95 % intervals over seeds."""
    lines = []
    for arm in SPACES:
        kept, invariant = measured.get(f"{arm}: time kept"), measured.get(f"{arm}: invariant")
        if kept is None or invariant is None:
            continue
        for column in COLUMNS:
            difference = column.scale * (
                np.asarray(kept[column.metric]) - np.asarray(invariant[column.metric])
            )
            mean, half = interval(difference.tolist())
            spread = "one seed" if np.isnan(half) else f"± {half:.2f}, 95 %"
            lines.append(f"{arm}, time kept minus invariant, {column.title}: {mean:.2f} ({spread})")
    return lines


def store_path(world: Path, config: StudyConfig) -> Path:
    return world / "stores" / config.store


def set_path(world: Path, config: StudyConfig, name: str) -> Path:
    return world / "world" / f"sets-{config.objects}" / f"{name}.parquet"


if __name__ == "__main__":
    sys.exit(main())
