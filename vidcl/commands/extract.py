"""``vidcl extract``: videos or still images in, a track store out."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from vidcl.commands.options import option_value, parse
from vidcl.config import load_config
from vidcl.errors import VidclError
from vidcl.presets import find_preset
from vidcl.progress import show_progress
from vidcl.tracks.extraction.config import ExtractConfig


@dataclass(frozen=True)
class Options:
    """Decode videos, find and follow regions, and write a track store.

    The same command run again does only what is missing. Exit status 1 when no video gave a track.

    Examples:
      vidcl extract my-videos/ --out store
      vidcl extract my-videos/ --out store --retry-failed
      vidcl extract clips.txt more/*.mp4 --out store --engine local --workers 2
      vidcl extract --images photos/ --out store
    """

    sources: tyro.conf.Positional[tuple[Path, ...]]
    """Video files, folders (searched deeply), glob patterns, or .txt lists of paths."""
    out: Path
    """The store: a folder, made if absent."""
    settings: Annotated[ExtractConfig, tyro.conf.arg(name="")]
    config: str = "extract"
    """A YAML file or preset; every setting of it can be given here too."""
    images: Path | None = None
    """Pack the still images of this folder instead: tracks of length one, label = sub-folder."""
    retry_failed: bool = False
    """Extract again the videos that failed before."""
    update: bool = False
    """Extract again the videos whose file has changed since."""


def run(argv: list[str]) -> int:
    path = find_preset(option_value(argv, "config") or "extract")
    defaults = load_config(path, ExtractConfig)
    options = parse(
        Options,
        argv,
        prog="extract",
        default=Options(
            sources=(), out=tyro.MISSING, settings=defaults, config=str(path)  # type: ignore[arg-type]
        ),
    )
    if options.images is not None:
        if options.sources:
            raise VidclError("Give either videos or --images DIR, not both.")
        return _pack_images(options.images, options.out)
    if not options.sources:
        raise VidclError("Name the videos to extract: files, folders, or a .txt list of paths.")
    return _extract(options)


def _extract(options: Options) -> int:
    from vidcl.tracks.extraction.run import extract

    with show_progress("extract", unit="shards") as progress:
        report = extract(
            options.sources,
            options.out,
            options.settings,
            retry_failed=options.retry_failed,
            update=options.update,
            progress=progress,
        )
    print(report)
    if report.tracks == 0:
        print(
            f"vidcl: no video gave a track; {options.out / 'videos.parquet'} says why.",
            file=sys.stderr,
        )
        return 1
    print(f"store: {options.out}\nnext:  vidcl inspect {options.out} --sheet tracks.png")
    return 0


def _pack_images(folder: Path, out: Path) -> int:
    from vidcl.tracks.images import pack_images

    with show_progress("pack", unit="images") as progress:
        report = pack_images(folder, out, progress=progress)
    print(report)
    print(f"store: {out}\nnext:  vidcl train moco --data {out} --out runs/moco")
    return 0
