"""The stages of the demo; each is a plain call of what the verbs of the command line call."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vidcl.config import load_config
from vidcl.datasets.labelled import LabelledSet, open_labelled_set, write_labelled_set
from vidcl.demo.config import DemoConfig
from vidcl.errors import VidclError
from vidcl.evaluation.evaluate import System
from vidcl.evaluation.systems import control_systems, encoder_tables
from vidcl.evaluation.table import write_embeddings
from vidcl.evaluation.tracks import track_set
from vidcl.jobs import Job, run_jobs
from vidcl.models.checkpoint import load_encoder
from vidcl.presets import find_preset
from vidcl.progress import Progress
from vidcl.synthetic.config import WorldConfig
from vidcl.synthetic.sets import write_sets
from vidcl.synthetic.videos import render_videos
from vidcl.tracks.extraction.config import ExtractConfig
from vidcl.tracks.extraction.report import ExtractReport
from vidcl.tracks.extraction.run import extract
from vidcl.tracks.store import TrackStore, open_store
from vidcl.training.config import TrainConfig
from vidcl.training.loop import train

#: Held-out tracks that are asked for in a user's own videos, at most.
MOST_TRACKS = 400


def render(config: DemoConfig, out: Path, *, workers: int, progress: Progress) -> Path:
    """The world's videos, in ``out/videos``."""
    world = load_config(find_preset(config.world), WorldConfig)
    render_videos(world, out, workers=workers, progress=progress)
    return out / "videos"


def render_sets(config: DemoConfig, out: Path, *, progress: Progress) -> dict[str, LabelledSet]:
    """The world's labelled sets of held-out objects."""
    world = load_config(find_preset(config.world), WorldConfig)
    write_sets(world, out, config.sets, write=write_labelled_set, progress=progress)
    return {name: open_labelled_set(out / f"{name}.parquet") for name in config.sets}


def extract_tracks(
    sources: list[str], preset: str, out: Path, *, workers: int, progress: Progress
) -> ExtractReport:
    """Videos to a track store."""
    settings = load_config(find_preset(preset), ExtractConfig)
    settings = settings.model_copy(update={"workers": workers})
    return extract(sources, out, settings, progress=progress)


def train_one(preset: str, demo: DemoConfig, store: Path, out: Path, progress: Progress) -> None:
    """One system: a training preset with the demo's budget, resumed where it stopped."""
    config = load_config(find_preset(preset), TrainConfig)
    budget = {"steps": demo.steps, "batch_size": demo.batch_size}
    training = config.training.model_copy(update=budget)
    config = config.model_copy(update={"training": training, "seed": demo.seed})
    train(config, store, out, resume="auto", progress=progress, say=_quiet)


def _quiet(_: str) -> None:
    """Trainings side by side would talk at once; their lines are in metrics.jsonl."""


def train_systems(
    config: DemoConfig, store: Path, out: Path, *, workers: int, progress: Progress
) -> dict[str, float]:
    """Every system of the demo, side by side; seconds of each."""
    jobs = [
        Job(
            name,
            train_one,
            {
                "preset": f"{config.presets}/{name}",
                "demo": config,
                "store": store,
                "out": out / name,
            },
        )
        for name in config.systems
    ]
    # All at once: with three on two cores, the third would otherwise end alone on one of them.
    return run_jobs(jobs, workers=max(workers, len(jobs)), progress=progress)


def embed_systems(
    config: DemoConfig, sets: Mapping[str, LabelledSet], out: Path, *, progress: Progress
) -> list[System]:
    """The features of every trained system on every set, and the control rows."""
    systems = []
    for done, name in enumerate(config.systems):
        progress(done, len(config.systems) + 1)
        tables = encoder_tables(load_encoder(out / "runs" / name), sets)
        for set_name, table in tables.items():
            write_embeddings(table, out / "runs" / name / "embeddings" / f"{set_name}.parquet")
        systems.append(System(name, [tables], "trained", f"runs/{name}"))
    like = load_encoder(out / "runs" / config.systems[0])
    systems += control_systems(sets, like, (config.seed,))
    progress(len(config.systems) + 1, len(config.systems) + 1)
    return systems


def held_out_tracks(store_path: Path, seed: int) -> LabelledSet | None:
    """The store's held-out region tracks as a set to search, or None where there are too few."""
    store = open_store(store_path)
    rows = store.select(kind="region", split="test", min_length=2)
    if len(rows) > MOST_TRACKS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MOST_TRACKS, replace=False))
    if len(rows) < 2:
        return None
    try:
        return _as_set(store, rows)
    except VidclError:
        # Every track is a moment long: there is nothing to ask, which the caller says.
        return None


def _as_set(store: TrackStore, rows: np.ndarray) -> LabelledSet:
    return track_set(
        [store.track_id(row) for row in rows],
        [str(store.video_id[row]) for row in rows],
        [store.times(row) for row in rows],
        lambda track, step: store.crop(int(rows[track]), step),
    )
