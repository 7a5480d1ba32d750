"""``vidcl extract``: videos or still images in, a track store out."""

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
from vidcl.tracks.extraction.report import ExtractReport


@dataclass(frozen=True)
class Options:
    """Decode videos, find and follow regions, and write a track store.

    The same command run again does only what is missing, and tries again what failed for a reason
    outside the file (a worker was killed, a file was away). Exit status 0 when every file was read
    or its fault is listed in STORE/videos.parquet, 1 for a problem you can solve (one sentence says
    how; not one track came out, a shard was not finished, ...), 3 when vidcl itself failed on a
    file, 130 after Ctrl-C.

    Examples:
      vidcl extract my-videos/ --out store
      vidcl extract clips.txt more/*.mp4 --out store --engine local --workers 2
      vidcl extract s3://bucket/videos/ --out store --spool-dir /scratch
      vidcl extract my-videos/ --out store --ray-address 10.0.0.1:6379
      vidcl extract my-videos/ --out store --retry-failed --video-timeout 3600
      vidcl extract my-videos/ --out store --update
      vidcl extract --images photos/ --out store
    """

    sources: tyro.conf.Positional[tuple[str, ...]]
    """Video files, folders (searched deeply), glob patterns, remote addresses (s3://bucket/folder/,
    https://host/file.mp4), or .txt lists of paths and addresses."""
    out: Path
    """The store: a folder, made if absent."""
    settings: Annotated[ExtractConfig, tyro.conf.arg(name="")]
    config: str = "extract"
    """A YAML file or preset; every setting of it can be given here too."""
    images: Path | None = None
    """Pack the still images of this folder instead: tracks of length one, label = sub-folder."""
    retry_failed: bool = False
    """Extract again the segments that met a fault before, whatever it was."""
    update: bool = False
    """Extract again the videos whose file has changed since."""
    link_encoder: Path | None = None
    """A run folder or a checkpoint file whose features '--follow.tracker link' compares; without it
    a hand-made descriptor. Every machine that extracts must see it."""


def run(argv: list[str]) -> int:
    name = option_value(argv, "config") or "extract"
    defaults = load_config(find_preset(name), ExtractConfig)
    options = parse(
        Options,
        argv,
        prog="extract",
        default=Options(
            sources=(),
            out=tyro.MISSING,
            settings=defaults,
            config=name,  # type: ignore[arg-type]
        ),
    )
    if options.images is not None:
        if options.sources:
            raise VidclError("Give either videos or --images DIR, not both.")
        if options.link_encoder is not None:
            raise VidclError(
                "--link-encoder follows regions of videos; leave it out with --images."
            )
        return _pack_images(options)
    if not options.sources:
        raise VidclError("Name the videos to extract: files, folders, or a .txt list of paths.")
    return _extract(options)


def _extract(options: Options) -> int:
    from vidcl.tracks.extraction.run import extract
    from vidcl.tracks.extraction.show import show_counts

    encoder = None
    if options.link_encoder is not None:
        from vidcl.models.regions import RegionEncoder

        encoder = RegionEncoder(options.link_encoder)
    try:
        with show_counts("extract") as watch:
            report = extract(
                options.sources,
                options.out,
                options.settings,
                embed_regions=encoder,
                retry_failed=options.retry_failed,
                update=options.update,
                watch=watch,
            )
    except KeyboardInterrupt as interrupt:
        notes = getattr(interrupt, "__notes__", [])
        said = ["stopped; finished shards are kept, and the same command goes on.", *notes]
        raise KeyboardInterrupt(" ".join(said)) from None
    return _tell(report, options.out, f"vidcl inspect {options.out} --sheet tracks.png")


def _pack_images(options: Options) -> int:
    assert options.images is not None
    from vidcl.tracks.images import ImagesConfig, pack_images

    with show_progress("pack", unit="shards") as progress:
        report = pack_images(
            options.images,
            options.out,
            ImagesConfig(workers=options.settings.workers),
            retry_failed=options.retry_failed,
            update=options.update,
            progress=progress,
        )
    return _tell(report, options.out, f"vidcl train moco --data {options.out} --out runs/moco")


def _tell(report: ExtractReport, store: Path, following: str) -> int:
    """Say what the store holds and what to do next; the exit status."""
    from vidcl.tracks.inspect import summarize

    print(summarize(store))
    for note in report.notes:
        print(f"note: {note}")
    print(f"{report.ending(store)}\nnext:  {following}")
    return 3 if report.internal else 0
