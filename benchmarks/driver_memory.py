"""Does the driver's memory grow with the number of videos? Plan, run and resume made-up stores.

    OMP_NUM_THREADS=1 python -m benchmarks.driver_memory --work FOLDER [--smoke] [--names 1000000]

The driver is the real one (``run_work``); what it drives is made up. The videos are empty files,
probing answers 300 seconds for each of them, and a shard counts as extracted when an empty file and
the outcomes of its segments are written. So what is measured is listing, planning, writing the
plan, handing out jobs, counting, looking for what is missing, and ``videos.parquet``. Each run is a
process of its own. ``first`` makes the store, ``again`` finds nothing to do, ``grown`` finds one
new file. What counts is the peak resident memory, less that of the same run on the smallest store.
The folder needs two files per shard of eight segments: 1 GB of disk for 100,000 videos on a disk
with blocks of 4 KB.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from vidcl.tracks.extraction.done import ShardDone
from vidcl.tracks.extraction.job import ShardJob
from vidcl.tracks.extraction.limits import Limits
from vidcl.tracks.extraction.outcome import Outcome, outcome_path, write_outcomes
from vidcl.tracks.extraction.probe_job import ProbeJob
from vidcl.tracks.extraction.run import run_work
from vidcl.tracks.extraction.segments import Span
from vidcl.tracks.extraction.sources import VIDEO_SUFFIXES, Source, list_sources
from vidcl.tracks.extraction.spool import SpoolConfig
from vidcl.tracks.extraction.work import Work

MIB = 2**20

#: Numbers of videos; the first is what the others are compared with.
VIDEOS = (100, 10_000, 100_000)

#: Files of one folder.
_PER_FOLDER = 1000

_FACTS = {"width": 1280, "height": 720, "duration": 300.0, "codec": "h264", "backend": "none"}


def make_videos(folder: Path, count: int) -> Path:
    """Empty files with the names of videos, some hundred in a folder."""
    for number in range(count):
        path = folder / f"collection{number // _PER_FOLDER:05d}" / f"recording-{number:08d}.mp4"
        if number % _PER_FOLDER == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    return folder


def as_long(sources: tuple[Source, ...], seconds: float) -> list[Span]:
    """In place of probing: every file has this length."""
    return [(0.0, seconds) for _ in sources]


@contextmanager
def made_up() -> Iterator[Any]:
    """An engine whose shards are extracted as soon as they are asked for."""

    def run(function: Any, jobs: Iterator[ProbeJob | ShardJob]) -> Iterator[Any]:
        for job in jobs:
            yield function(job) if isinstance(job, ProbeJob) else _commit(job)

    yield run


def _commit(job: ShardJob) -> ShardDone:
    outcomes = [
        Outcome(segment.key, segment.video_id, 720, 0, 12, 240, 8.25, facts=_FACTS)
        for segment, _ in job.segments
    ]
    outcome_path(job.store, job.number).parent.mkdir(exist_ok=True)
    outcome_path(job.store, job.number).with_suffix(".arrow").touch()
    write_outcomes(job.store, job.number, outcomes)
    return ShardDone(job.number, len(outcomes), 0, 720 * len(outcomes))


def drive(task: dict[str, Any]) -> None:
    """In a process of its own: one run, and its time and peak memory as JSON."""
    # a flush of every small file would measure the disk; what is written stays the same
    os.fsync = lambda _: None
    work = Work(
        kind="video",
        suffixes=VIDEO_SUFFIXES,
        settings={},
        metadata={},
        backend="none",
        probe=partial(as_long, seconds=300.0),
        make_tracks=None,  # type: ignore[arg-type]
        segment_seconds=60.0,
        segments_per_shard=8,
        limits=Limits(),
        spool=SpoolConfig(),
    )
    before = memory("VmRSS")
    started, worked = time.perf_counter(), time.process_time()
    report = run_work(
        work, [task["videos"]], Path(task["store"]), made_up, retry_failed=False, update=False,
        progress=None,
    )  # fmt: skip
    seconds, worked = time.perf_counter() - started, time.process_time() - worked
    row = {
        "seconds": seconds,
        "cpu": worked,
        "before": before,
        "peak": memory("VmHWM"),
        "videos": report.videos,
    }
    print(json.dumps({**row, "shards_done": report.shards_done}))


def memory(name: str) -> int:
    """A line of /proc/self/status in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(name)


def measure(videos: Path, store: Path) -> dict[str, Any]:
    """One run in a new process.

    Raises:
        RuntimeError: it failed; the end of what it said.
    """
    task = json.dumps({"videos": str(videos), "store": str(store)})
    command = [sys.executable, "-m", "benchmarks.driver_memory", "--drive", task]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    if done.returncode:
        raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr[-2000:]}")
    row: dict[str, Any] = json.loads(done.stdout)
    return row


def compare(work: Path, counts: tuple[int, ...]) -> list[dict[str, Any]]:
    """Run each store three times, and print the table.

    Returns:
        What was measured, with ``run`` and ``more``: bytes beyond the smallest store's peak.
    """
    print(
        "| planned videos | run | shards done | peak, MiB | more than the first, MiB | CPU s | s |"
    )
    print("|---|---|---|---|---|---|---|")
    rows: list[dict[str, Any]] = []
    for count in counts:
        videos, store = make_videos(work / f"videos{count}", count), work / f"store{count}"
        for run in ("first", "again", "grown"):
            if run == "grown":
                (videos / "new.mp4").touch()
            row = {**measure(videos, store), "run": run}
            base = next((r["peak"] for r in rows if r["run"] == run), row["peak"])
            row["more"] = row["peak"] - base
            cells = [f"{row['videos']:,}", run, f"{row['shards_done']:,}"]
            cells += [f"{row['peak'] / MIB:.0f}", f"{row['more'] / MIB:.0f}"]
            cells += [f"{row['cpu']:.1f}", f"{row['seconds']:.1f}"]
            print(f"| {' | '.join(cells)} |", flush=True)
            rows.append(row)
    return rows


def list_names(work: Path, count: int) -> float:
    """Seconds to list a folder of so many names."""
    folder = make_videos(work / "names", count)
    started = time.perf_counter()
    found = list_sources([folder])
    seconds = time.perf_counter() - started
    peak = memory("VmHWM") / MIB
    print(f"\n{len(found):,} names listed in {seconds:.1f} s, peak memory {peak:.0f} MiB.")
    return seconds


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """What ``compare`` measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, help="a new folder for the stores")
    parser.add_argument("--smoke", action="store_true", help="small stores")
    parser.add_argument("--names", type=int, default=0, help="also list a folder of so many names")
    parser.add_argument("--drive", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.drive:
        drive(json.loads(options.drive))
        return []
    if options.work is None:
        parser.error("--work is needed")
    rows = compare(options.work, (20, 60) if options.smoke else VIDEOS)
    if options.names:
        list_names(options.work, options.names)
    return rows


if __name__ == "__main__":
    main()
