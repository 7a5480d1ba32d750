"""What the InfoMin study learns from and is tested on: clips, their tracks, held-out objects."""

from pathlib import Path

from studies.infomin.axes import StudyConfig
from vidcl.config import load_config
from vidcl.datasets.labelled import write_labelled_set
from vidcl.errors import VidclError
from vidcl.presets import find_preset
from vidcl.progress import show_progress
from vidcl.synthetic.config import WorldConfig
from vidcl.synthetic.sets import write_sets
from vidcl.synthetic.videos import render_videos
from vidcl.tracks.extraction.config import ExtractConfig
from vidcl.tracks.extraction.run import extract

#: Held-out objects: with everything varied, and with the viewpoint alone.
SETS = ("wild", "viewpoint")
#: Fewer clips are made sooner in this process than another one starts.
_WORTH_A_PROCESS = 32
#: Side of the crops of either kind in the store; a patch of a frame is a small part of it.
CANVAS = {"region": 64, "frame": 128}


def make_data(
    out: Path, settings: StudyConfig, world: WorldConfig, source: Path | None, workers: int
) -> None:
    """Whatever is missing of ``out/world``, ``out/stores`` and ``out/sets-...``.

    Args:
        source: a folder with ``videos`` and ``boxes`` of that world to use instead of rendering.

    Raises:
        VidclError: ``source`` is no such folder.
    """
    if settings.clips < _WORTH_A_PROCESS:
        workers = 1
    if source is None:
        source = out / "world"
        with show_progress("render", unit="videos") as progress:
            render_videos(world, source, workers=workers, progress=progress)
    else:
        _check_world(source, world)
    with show_progress("sets", unit="sets") as progress:
        folder = set_folder(out, settings)
        write = write_labelled_set
        write_sets(world, folder, SETS, settings.objects, write=write, progress=progress)
    for kind in CANVAS:
        _extract(out, kind, source, settings.clips, workers)


def world_of(settings: StudyConfig) -> WorldConfig:
    """The preset's world with as many clips as are wanted."""
    return _with_clips(load_config(find_preset(settings.preset), WorldConfig), settings.clips)


def tiny_world(world: WorldConfig) -> WorldConfig:
    """The same with short clips, one held-out object of each class and few views of it."""
    objects = world.objects.model_copy(update={"report_per_class": 1, "tune_per_class": 1})
    videos = world.videos.model_copy(update={"frames": 32})
    sets = world.sets.model_copy(update={"views": 4, "backgrounds": 2})
    return world.model_copy(update={"objects": objects, "videos": videos, "sets": sets})


def store_path(out: Path, kind: str) -> Path:
    return out / "stores" / kind


def set_folder(out: Path, settings: StudyConfig) -> Path:
    return out / f"sets-{settings.objects}"


def _check_world(source: Path, world: WorldConfig) -> None:
    """Raises:
    VidclError: there is no world, another one, or too few clips of it.
    """
    file = source / "world.yaml"
    if not file.is_file():
        raise VidclError(f"{source} holds no world: give a folder that 'vidcl world' made.")
    there = load_config(file, WorldConfig)
    count = min(there.videos.count, world.videos.count)
    if _with_clips(there, count) != world:
        raise VidclError(
            f"{source} holds another world than this study's, or too few of its clips."
        )


def _with_clips(world: WorldConfig, count: int) -> WorldConfig:
    return world.model_copy(update={"videos": world.videos.model_copy(update={"count": count})})


def _extract(out: Path, kind: str, source: Path, clips: int, workers: int) -> None:
    """Tracks of the objects' true boxes, or whole frames, of the first clips."""
    videos = sorted((source / "videos").glob("*.mp4"))[:clips]
    config = load_config(find_preset("extract_demo"), ExtractConfig)
    given = kind == "region"
    follow = {"proposer": "given", "tracker": "given"} if given else {"proposer": "frame"}
    config = config.model_copy(
        update={
            "follow": config.follow.model_copy(update=follow),
            "crop": config.crop.model_copy(update={"canvas": CANVAS[kind]}),
            "given_dir": source / "boxes" if given else None,
            "whole_frames": not given,
            "engine": "local",
            "workers": workers,
        }
    )
    with show_progress(f"extract {kind}", unit="shards") as progress:
        extract(videos, store_path(out, kind), config, progress=progress)
