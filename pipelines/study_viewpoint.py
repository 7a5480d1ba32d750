"""Do followed regions teach viewpoint invariance? Equal pairs, one frozen world.

    python pipelines/study_viewpoint.py --out study-viewpoint
    python pipelines/study_viewpoint.py --out quick --seeds 0 --steps 400 --objects tune
    python pipelines/study_viewpoint.py --out smoke --smoke

Renders the world, extracts track stores that differ in their boxes alone (found and followed, by
the default tracker and by others; not moving, random, exact), trains every system on every seed,
embeds thirteen labelled sets of held-out objects, and writes results.json, table.md, plot.png and
report.html into --out. The same command goes on where it stopped. Tune with --objects tune; report
with --objects report.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from vidcl.config import Config, load_config
from vidcl.datasets.labelled import open_labelled_set, write_labelled_set
from vidcl.evaluation.config import EvaluationConfig
from vidcl.evaluation.embed import read_embeddings, write_embeddings
from vidcl.evaluation.evaluate import System, evaluate
from vidcl.evaluation.measure import measure
from vidcl.evaluation.results import table_text, write_results
from vidcl.evaluation.systems import control_systems, encoder_tables
from vidcl.files import write_atomic
from vidcl.jobs import Job, default_workers, run_jobs
from vidcl.models.checkpoint import load_encoder
from vidcl.presets import find_preset
from vidcl.progress import Progress, show_progress
from vidcl.report.build import build_report
from vidcl.report.study import claims, interval, markdown_table, plot_study
from vidcl.synthetic.config import WorldConfig
from vidcl.synthetic.sets import SET_NAMES, write_sets
from vidcl.synthetic.videos import render_videos
from vidcl.told import exit_status
from vidcl.tracks.extraction.config import ExtractConfig
from vidcl.tracks.extraction.run import extract
from vidcl.training.config import TrainConfig
from vidcl.training.loop import train

#: Store -> what proposes and what follows.
STORES = {
    "tracks": {},
    "static": {"tracker": "static"},
    "random": {"proposer": "random"},
    "exact": {"proposer": "given", "tracker": "given"},
    **{name: {"tracker": name} for name in ("flow", "cf", "link", "mosse", "kcf", "csrt")},
}
#: System -> its training preset, and the store it learns from.
SYSTEMS = {
    "moco": ("moco", "tracks"),
    "frame_temporal": ("frame_temporal", "tracks"),
    "region_track": ("region_track", "tracks"),
    "region_only": ("region_only", "tracks"),
    "region_gap0": ("region_gap0", "tracks"),
    "region_static": ("region_static", "static"),
    "region_random": ("region_random", "random"),
    "region_exact": ("region_exact", "exact"),
    # region_only with another tracker on the same proposals
    "region_flow": ("region_only", "flow"),
    "region_cf": ("region_only", "cf"),
    "region_link": ("region_only", "link"),
    "region_mosse": ("region_only", "mosse"),
    "region_kcf": ("region_only", "kcf"),
    "region_csrt": ("region_only", "csrt"),
    # a penalty on change along the light, or along time, instead of tracks and beside them
    "region_gap0_light": ("region_gap0_light", "tracks"),
    "region_gap0_time": ("region_gap0_time", "tracks"),
    "region_gap0_light_time": ("region_gap0_light_time", "tracks"),
    "region_only_light": ("region_only_light", "tracks"),
    "region_only_time": ("region_only_time", "tracks"),
}
#: Systems that differ in their penalty or their pairs alone: what the first has over the second.
PAIRED = (
    ("region_only", "region_gap0"),
    ("region_gap0_light", "region_gap0"),
    ("region_gap0_time", "region_gap0"),
    ("region_gap0_light_time", "region_gap0"),
    ("region_gap0_light_time", "region_gap0_time"),
    ("region_gap0_time", "region_only"),
    ("region_only_light", "region_only"),
    ("region_only_time", "region_only"),
)
#: What --smoke runs.
SMOKE = {
    "systems": ("moco", "region_gap0", "region_only", "region_exact"),
    "steps": 4,
    "batch_size": 16,
    "seeds": (0,),
    "sets": ("wild", "viewpoint"),
    "engine": "local",
}


class StudyConfig(Config):
    """What is run."""

    world: str = "world_v1"
    """Preset of the procedural world."""
    extract: str = "extract_demo"
    """Preset of the extraction; proposer and tracker differ from store to store."""
    engine: Literal["ray", "local"] = "ray"
    """What extracts: Ray, or processes without it."""
    presets: str = "laptop"
    """Folder of the training presets."""
    systems: tuple[str, ...] = tuple(SYSTEMS)
    """Which systems."""
    steps: int = 1200
    """Optimiser steps of every run."""
    batch_size: int = 128
    """Pairs per step."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Training seeds; the world and its sets stay the same."""
    sets: tuple[str, ...] = tuple(SET_NAMES)
    """Evaluation sets."""
    objects: Literal["report", "tune"] = "report"
    """Held-out objects to report on, or others to tune on."""


@dataclass(frozen=True)
class Options:
    """Command line of the study."""

    out: Path
    """Folder for the world, the stores, the runs and the results."""
    settings: Annotated[StudyConfig, tyro.conf.arg(name="")]
    config: str = "study_viewpoint"
    """YAML file or preset."""
    workers: int = default_workers()
    """Processes side by side."""
    smoke: bool = False
    """A tiny world and a few steps, to see that everything runs; its numbers mean nothing."""


def main() -> int:
    options = parse(sys.argv[1:])
    return exit_status(
        lambda: study(options.out, options.settings, options.workers, smoke=options.smoke)
    )


def parse(argv: list[str]) -> Options:
    settings = load_config(find_preset("study_viewpoint"), StudyConfig)
    if "--smoke" in argv:
        settings = settings.model_copy(update=SMOKE)
    default = Options(tyro.MISSING, settings)  # type: ignore[arg-type]
    flags = (tyro.conf.AvoidSubcommands,)
    return tyro.cli(Options, args=argv, default=default, config=flags, description=__doc__)


def study(out: Path, config: StudyConfig, workers: int, *, smoke: bool) -> None:
    world = load_config(find_preset(config.world), WorldConfig)
    if smoke:
        world = smoke_world(world)
    with show_progress("render", unit="videos") as progress:
        render_videos(world, out / "world", workers=workers, progress=progress)
    set_folder = out / "world" / f"sets-{config.objects}"
    with show_progress("sets", unit="sets") as progress:
        write_sets(
            world,
            set_folder,
            config.sets,
            config.objects,
            write=write_labelled_set,
            progress=progress,
        )
    for store in sorted({SYSTEMS[name][1] for name in config.systems}):
        make_store(out, store, config, workers)

    # Seed by seed, so that a study stopped half way has every system on the seeds it finished.
    runs = [(name, seed) for seed in config.seeds for name in config.systems]
    jobs = [
        Job(
            f"{name}-{seed}",
            train_and_embed,
            {"out": out, "name": name, "seed": seed, "config": config, "sets": set_folder},
        )
        for name, seed in runs
        if not all(table_path(out, name, seed, config, s).is_file() for s in config.sets)
    ]
    with show_progress("train", unit="steps", every=60) as progress:
        run_jobs(jobs, workers=workers, progress=progress)

    sets = {name: open_labelled_set(set_folder / f"{name}.parquet") for name in config.sets}
    like = load_encoder(run_path(out, config.systems[0], config.seeds[0], config))
    systems = [trained_system(out, name, config) for name in config.systems]
    with show_progress("measure", unit="tables", every=60) as progress:
        systems += control_systems(sets, like, config.seeds)
        results = evaluate(
            systems,
            title="Do followed regions teach viewpoint invariance?",
            settings={"study": config.model_dump(mode="json")},
            progress=progress,
        )
    write_results(results, out / "results.json")
    write_atomic(out / "table.md", markdown_table(results).encode())
    write_atomic(out / "plot.png", plot_study(results))
    page = build_report(out)
    for name in ("wild", "viewpoint"):
        if name in config.sets:
            print(f"\n{table_text(results, name)}")
    answers = answer(systems) if "wild" in config.sets else []
    answers += differences(systems, config.sets)
    write_atomic(out / "claims.txt", ("\n".join(answers) + "\n").encode())
    print("\n" + "\n".join(answers) + f"\npage: {page}")


def answer(systems: list[System]) -> list[str]:
    """The questions of the study, answered with intervals over seeds; empty where systems lack."""
    by_name = {system.name: system for system in systems}
    if not {"region_gap0", "region_only", "region_exact", "colour histogram"} <= set(by_name):
        return []
    plain = EvaluationConfig(bootstrap=0)
    recall = {
        name: [measure("wild", tables["wild"], plain)["recall@1"] for tables in system.runs]
        for name, system in by_name.items()
    }
    return claims(recall, recall["colour histogram"][0])


def differences(systems: list[System], sets: Sequence[str]) -> list[str]:
    """Recall@1 and mAP of systems over their twins in points, paired over seeds."""
    runs, plain = {system.name: system.runs for system in systems}, EvaluationConfig(bootstrap=0)
    lines = []
    for name, twin in PAIRED:
        for set_name in sets if {name, twin} <= set(runs) else ():
            for metric in ("recall@1", "map"):
                more, less = (
                    [100 * measure(set_name, run[set_name], plain)[metric] for run in runs[which]]
                    for which in (name, twin)
                )
                mean, half = interval([a - b for a, b in zip(more, less, strict=True)])
                spread = "" if math.isnan(half) else f" ± {half:.1f} (95 %, {len(more)} seeds)"
                lines.append(f"{name} - {twin}, {set_name}, {metric}: {mean:+.1f}{spread}")
    return lines


def smoke_world(world: WorldConfig) -> WorldConfig:
    """The same world with ten short clips and one held-out object per class."""
    objects = world.objects.model_copy(update={"report_per_class": 1, "tune_per_class": 1})
    videos = world.videos.model_copy(update={"count": 10, "frames": 14})
    sets = world.sets.model_copy(update={"views": 4, "backgrounds": 2})
    return world.model_copy(update={"objects": objects, "videos": videos, "sets": sets})


def make_store(out: Path, store: str, config: StudyConfig, workers: int) -> None:
    settings = load_config(find_preset(config.extract), ExtractConfig)
    settings = settings.model_copy(
        update={
            "follow": settings.follow.model_copy(update=STORES[store]),
            "given_dir": out / "world" / "boxes" if store == "exact" else None,
            "whole_frames": store == "tracks",
            "workers": workers,
            "engine": config.engine,
        }
    )
    with show_progress(f"extract {store}", unit="shards") as progress:
        report = extract(
            [out / "world" / "videos"], out / "stores" / store, settings, progress=progress
        )
    print(f"  {report.tracks} tracks, {report.crops} crops, {report.seconds:.0f} s")


def train_and_embed(
    out: Path, name: str, seed: int, config: StudyConfig, sets: Path, progress: Progress
) -> None:
    """One run, from pairs to a table of features per set."""
    preset, store = SYSTEMS[name]
    settings = load_config(find_preset(f"{config.presets}/{preset}"), TrainConfig)
    budget = {"steps": config.steps, "batch_size": config.batch_size}
    training = settings.training.model_copy(update=budget)
    # Nothing is searched among the clips themselves, so all of them are for training.
    pairs = settings.pairs.model_copy(update={"splits": ("train", "test")})
    settings = settings.model_copy(update={"training": training, "pairs": pairs, "seed": seed})
    run = run_path(out, name, seed, config)
    # Runs side by side would talk at once; their lines are in metrics.jsonl.
    train(
        settings,
        out / "stores" / store,
        run,
        resume="auto",
        progress=progress,
        say=lambda line: None,
    )
    data = {set_name: open_labelled_set(sets / f"{set_name}.parquet") for set_name in config.sets}
    for set_name, table in encoder_tables(load_encoder(run), data).items():
        write_embeddings(table, table_path(out, name, seed, config, set_name))


def trained_system(out: Path, name: str, config: StudyConfig) -> System:
    tables = [
        {s: read_embeddings(table_path(out, name, seed, config, s)) for s in config.sets}
        for seed in config.seeds
    ]
    run = run_path(out, name, config.seeds[0], config)
    return System(name, tables, "trained", str(run.relative_to(out)))


def run_path(out: Path, name: str, seed: int, config: StudyConfig) -> Path:
    return out / "runs" / f"{name}-{config.steps}" / f"seed-{seed}"


def table_path(out: Path, name: str, seed: int, config: StudyConfig, set_name: str) -> Path:
    folder = run_path(out, name, seed, config) / f"embeddings-{config.objects}"
    return folder / f"{set_name}.parquet"


if __name__ == "__main__":
    sys.exit(main())
