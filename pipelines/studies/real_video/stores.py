"""The track stores of the study: the same clips, with other boxes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from studies.real_video.config import STORES, StudyConfig
from vidcl.config import load_config
from vidcl.presets import find_preset
from vidcl.progress import show_progress
from vidcl.tracks.extraction.config import ExtractConfig
from vidcl.tracks.extraction.run import extract
from vidcl.tracks.store import open_store


def store_path(out: Path, store: str) -> Path:
    return out / "stores" / store


def make_store(
    out: Path, store: str, clips: Sequence[Path], settings: StudyConfig, workers: int
) -> dict[str, Any]:
    """Extract what is missing of one store.

    Returns:
        What it holds: ``videos``, ``failed`` (files without a track), ``partial`` (a fault and
        tracks nevertheless), ``tracks``, ``crops``, ``regions`` (tracks of regions by split),
        ``faults`` ({file: what was wrong}).

    Raises:
        VidclError: the folder holds a store of other settings, or no clip gave a track.
    """
    config = load_config(find_preset(settings.extract), ExtractConfig)
    config = config.model_copy(
        update={
            "follow": config.follow.model_copy(update=STORES[store]),
            "crop": config.crop.model_copy(update={"canvas": settings.canvas}),
            "segments_per_shard": 1,
            "engine": "local",
            "workers": workers,
        }
    )
    path = store_path(out, store)
    with show_progress(f"extract {store}", unit="shards") as progress:
        report = extract(clips, path, config, progress=progress)
    rows = pq.read_table(path / "videos.parquet").to_pylist()
    opened = open_store(path)
    splits = ("train", "test")
    return {
        "videos": report.videos,
        "failed": report.failed,
        "partial": report.partial,
        "tracks": report.tracks,
        "crops": report.crops,
        "regions": {name: len(opened.select(kind=("region",), split=(name,))) for name in splits},
        "faults": {
            Path(row["path"]).name: row["message"].splitlines()[0] for row in rows if row["error"]
        },
    }
