"""``vidcl export-tracks``: a track store as tables for other tools."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from vidcl.commands.options import parse


@dataclass(frozen=True)
class Options:
    """Write the tracks of a store as Parquet or CSV, for pandas, DuckDB, Spark, ...

    One row per track, with lists of times and boxes; or, with --per step, one row per track and
    time. The columns have the same names in both. docs/track_store.md lists them.

    Examples:
      vidcl export-tracks store --out tracks.parquet
      vidcl export-tracks store --out steps.parquet --per step --kind region --split train
      vidcl export-tracks store --out crops/ --per step --crops --rows-per-file 100000
      vidcl export-tracks store --format csv --out steps.csv
    """

    store: tyro.conf.Positional[Path]
    """A folder written by vidcl extract."""
    out: Path
    """The file; with --rows-per-file a folder."""
    format: Literal["parquet", "csv"] = "parquet"
    """CSV has one row per step and no crops."""
    per: Literal["track", "step"] | None = None
    """What a row is (default: track, for CSV step)."""
    crops: bool = False
    """Also the JPEG bytes, in a column 'crop'."""
    kind: Literal["frame", "region", "image"] | None = None
    """Only tracks of this kind."""
    split: Literal["train", "test"] | None = None
    """Only tracks of this split."""
    rows_per_file: int | None = None
    """Write a folder of files with at most so many rows each; no track is cut."""
    overwrite: bool = False
    """Replace --out where it is there."""


def run(argv: list[str]) -> int:
    options = parse(Options, argv, prog="export-tracks")
    from vidcl.tracks.export import export_tracks

    per = options.per or ("step" if options.format == "csv" else "track")
    done = export_tracks(
        options.store,
        options.out,
        format=options.format,
        per=per,
        crops=options.crops,
        kind=options.kind,
        split=options.split,
        rows_per_file=options.rows_per_file,
        overwrite=options.overwrite,
    )
    files = f"{done.files} files" if done.files > 1 else "1 file"
    print(
        f"{options.out}: {done.tracks} tracks with {done.steps} steps in {files}, "
        f"{done.bytes / 2**20:.1f} MiB"
    )
    return 0
