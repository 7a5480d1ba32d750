"""What an extraction of many videos costs, from what a small one cost: core-hours, bytes, files.

    python benchmarks/scaling.py SAMPLE_STORE [--videos 1000000 --minutes 5 --cores 1000]

SAMPLE_STORE is a store extracted from videos like those to come, with the settings to come. Its
rates (core-seconds, crops and bytes per minute of video) are multiplied out, each line with its
arithmetic. Every rate can be given instead (`--core-seconds 9.1`), also without a store.
"""

import argparse
import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from vidcl.errors import VidclError
from vidcl.tracks.extraction.videos import read_videos
from vidcl.tracks.store import open_store


@dataclass(frozen=True)
class Rates:
    """What the arithmetic rests on.

    Attributes:
        videos: files to extract; minutes: length of each.
        mbit: bit rate of the files in Mbit/s.
        cores: that work at the same time.
        core_seconds: of work per minute of video.
        probe_seconds: of a core to open a file and ask for its length.
        tracks, crops: kept per minute of video.
        crop_bytes: of the store per crop, boxes and scores included.
        segment_seconds, segments_per_shard: the extraction's settings.
        plan_bytes: of plan.parquet per segment.
        outcome_bytes: of a shard's JSON per segment.
        video_bytes: of videos.parquet per file.
        target_mib: of `vidcl compact`.
        open_ms: to open one shard.
    """

    videos: float = 1e6
    minutes: float = 5.0
    mbit: float = 2.5
    cores: float = 1000.0
    core_seconds: float = 0.0
    probe_seconds: float = 0.0
    tracks: float = 0.0
    crops: float = 0.0
    crop_bytes: float = 0.0
    segment_seconds: float = 60.0
    segments_per_shard: float = 8.0
    plan_bytes: float = 0.0
    outcome_bytes: float = 0.0
    video_bytes: float = 0.0
    target_mib: float = 512.0
    open_ms: float = 1.0


def rates_of(store: Path) -> dict[str, float]:
    """The rates of a store, by field of ``Rates``.

    Raises:
        VidclError: there is no store, or its files do not tell their durations.
    """
    opened = open_store(store)
    table = read_videos(store)
    rows = [row for row in table.to_pylist() if row["duration"]]
    minutes = sum(row["duration"] for row in rows) / 60
    if minutes == 0:
        raise VidclError(f"No file of {store} tells its duration: give the rates by hand.")
    crops = sum(row["crops"] for row in rows)
    outcomes = sorted((store / "shards").glob("shard-*.json"))
    size = sum(path.stat().st_size for path in (store / "shards").glob("shard-*.arrow"))
    segments = sum(path.read_text().count('"key"') for path in outcomes)
    plan = store / "plan.parquet"
    return {
        "core_seconds": sum(row["seconds"] for row in rows) / minutes,
        "mbit": sum(row["size"] for row in rows) * 8 / 1e6 / (60 * minutes),
        "tracks": sum(row["tracks"] for row in rows) / minutes,
        "crops": crops / minutes,
        "crop_bytes": size / max(1, int(opened.lengths.sum())),
        "plan_bytes": plan.stat().st_size / segments,
        "outcome_bytes": sum(path.stat().st_size for path in outcomes) / segments,
        "video_bytes": (store / "videos.parquet").stat().st_size / table.num_rows,
    }


@dataclass(frozen=True)
class Line:
    """A line of the table: what, the arithmetic in words, the result with its unit."""

    what: str
    how: str
    result: str


def lines(r: Rates) -> list[Line]:
    """The arithmetic, line by line."""
    video_minutes = r.videos * r.minutes
    core_hours = video_minutes * r.core_seconds / 3600
    crops = video_minutes * r.crops
    store = crops * r.crop_bytes
    per_video = max(1, int(60 * r.minutes / r.segment_seconds + 0.5))
    segments = r.videos * per_video
    shards = segments / r.segments_per_shard
    after = store / (r.target_mib * 2**20)
    source = video_minutes * 60 * r.mbit * 1e6 / 8
    fetches = 1 + (per_video - 1) / r.segments_per_shard
    hours = core_hours / r.cores
    many = f"{r.videos:,.0f} videos"
    return [
        Line("Video", f"{many} x {r.minutes:g} min / 60", f"{video_minutes / 60:,.0f} hours"),
        Line(
            "Work",
            f"{video_minutes:,.0f} min x {r.core_seconds:.3g} core-s/min / 3600",
            f"{core_hours:,.0f} core-hours",
        ),
        Line(
            "Wall clock",
            f"{core_hours:,.0f} core-hours / {r.cores:,.0f} cores",
            f"{hours:,.1f} hours",
        ),
        Line(
            "Probing (in workers)",
            f"{many} x {r.probe_seconds:.3g} s / 3600",
            f"{r.videos * r.probe_seconds / 3600:,.1f} core-hours",
        ),
        Line(
            "Tracks",
            f"{video_minutes:,.0f} min x {r.tracks:.1f}",
            f"{video_minutes * r.tracks:.3g}",
        ),
        Line("Crops", f"{video_minutes:,.0f} min x {r.crops:.0f}", f"{crops:.3g}"),
        Line("Store", f"{crops:.3g} crops x {r.crop_bytes:,.0f} B", _bytes(store)),
        Line(
            "Segments",
            f"{many} x {r.minutes * 60:g} s / {r.segment_seconds:g} s",
            f"{segments:,.0f}",
        ),
        Line("Shards", f"{segments:,.0f} / {r.segments_per_shard:g}", f"{shards:,.0f}"),
        Line("Mean shard", f"{_bytes(store)} / {shards:,.0f}", _bytes(store / shards)),
        Line("Files in shards/", "2 per shard (rows, outcomes)", f"{2 * shards:,.0f}"),
        Line(
            "Shards after compact",
            f"{_bytes(store)} / {r.target_mib:g} MiB",
            f"{max(1, after):,.0f}",
        ),
        Line(
            "Opening the store",
            f"{shards:,.0f} shards x {r.open_ms:g} ms, after compact {max(1, after):,.0f}",
            f"{shards * r.open_ms / 1e3:,.0f} s, {max(1, after) * r.open_ms / 1e3:,.0f} s",
        ),
        Line(
            "plan.parquet",
            f"{segments:,.0f} segments x {r.plan_bytes:.0f} B",
            _bytes(segments * r.plan_bytes),
        ),
        Line(
            "Outcomes",
            f"{segments:,.0f} segments x {r.outcome_bytes:.0f} B",
            _bytes(segments * r.outcome_bytes),
        ),
        Line("videos.parquet", f"{many} x {r.video_bytes:.0f} B", _bytes(r.videos * r.video_bytes)),
        Line(
            "Sources", f"{video_minutes:,.0f} min x 60 s x {r.mbit:.3g} Mbit/s / 8", _bytes(source)
        ),
        Line(
            "Fetched, if remote",
            f"x (1 + ({per_video} - 1) / {r.segments_per_shard:g}): a video in two shards is "
            "fetched for each",
            _bytes(source * fetches),
        ),
        Line(
            "Network, if remote",
            f"{_bytes(source * fetches)} x 8 / ({hours:,.1f} h x 3600)",
            f"{source * fetches * 8 / (hours * 3600) / 1e9:.2f} Gbit/s" if hours else "-",
        ),
        Line(
            "Written",
            f"{_bytes(store)} / ({hours:,.1f} h x 3600)",
            f"{store / (hours * 3600) / 2**20:,.0f} MiB/s" if hours else "-",
        ),
    ]


def table(rates: Rates) -> str:
    """The lines as Markdown."""
    head = ["| | arithmetic | |", "|---|---|---|"]
    return "\n".join(head + [f"| {x.what} | {x.how} | {x.result} |" for x in lines(rates)])


def _bytes(count: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"


def run(options: argparse.Namespace) -> None:
    """Print the table."""
    rates = Rates()
    if options.store is not None:
        rates = replace(rates, **rates_of(options.store))
    given: dict[str, Any] = {
        field.name: getattr(options, field.name)
        for field in fields(Rates)
        if getattr(options, field.name) is not None
    }
    rates = replace(rates, **given)
    for name in ("videos", "minutes", "cores", "core_seconds", "crop_bytes", "segment_seconds"):
        if getattr(rates, name) <= 0:
            raise VidclError(
                f"{name} is {getattr(rates, name):g}: give a sample store, or "
                f"--{name.replace('_', '-')} above 0."
            )
    print(table(rates))


def main(argv: list[str] | None = None) -> int:
    """Print the table; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path, nargs="?", help="a store extracted from a sample")
    for field in fields(Rates):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=float)
    try:
        run(parser.parse_args(argv))
    except VidclError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
