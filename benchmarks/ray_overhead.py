"""What Ray costs beside the in-process executor, and what a second worker brings.

    OMP_NUM_THREADS=1 python -m benchmarks.ray_overhead DATA --work FOLDER
    OMP_NUM_THREADS=1 python -m benchmarks.ray_overhead DATA --work FOLDER --repeats 3 --out r.json

The videos in DATA are copied as often as it takes, and cut into SEGMENTS pieces of a few seconds.
Each arm extracts them all with the preset `extract`, in a process of its own: the engines local and
ray, with one worker and with two. Arms take turns, in the other order at each second repeat.
`whole` is the time of `extract()`: list, probe, plan, start the engine and its workers, extract,
write the tables, stop the engine. `running` is the same without starting Ray (its head on this
machine, which a cluster has running) and stopping it; the start of its workers remains in it. All
arms must leave the same bytes. Nothing else should run on the machine meanwhile; two workers need
two cores.
"""

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from vidcl.config import load_config
from vidcl.errors import VidclError
from vidcl.files import write_atomic
from vidcl.presets import find_preset
from vidcl.tracks.extraction import run as running
from vidcl.tracks.extraction.config import ExtractConfig
from vidcl.tracks.quality.results import provenance
from vidcl.video.probe import probe

#: Engine and workers of each arm.
ARMS = (("local", 1), ("ray", 1), ("local", 2), ("ray", 2))
_SUFFIXES = (".mp4", ".mkv", ".mov", ".avi", ".webm")


def make_videos(data: Path, folder: Path, segments: int, seconds: float) -> int:
    """Copy the videos of ``data`` that tell their length into ``folder``, in turns, until they make
    at least so many segments; the number of copies.

    Raises:
        VidclError: there is no video that tells its length.
    """
    lengths: list[tuple[Path, float]] = []
    for path in sorted(data.rglob("*")):
        if path.suffix.lower() in _SUFFIXES:
            try:
                duration = probe(path).duration
            except VidclError:
                continue  # the folder may hold files that are damaged for the sake of other tests
            if duration:
                lengths.append((path, duration))
    if not lengths:
        raise VidclError(f"{data} holds no video that tells its length: name a folder of videos.")
    folder.mkdir(parents=True)
    made, copies = 0, 0
    while made < segments:
        path, duration = lengths[copies % len(lengths)]
        shutil.copyfile(path, folder / f"{copies:04d}-{path.name}")
        made += max(1, int(duration / seconds + 0.5))
        copies += 1
    return copies


def run_arm(engine: str, workers: int, videos: Path, store: Path, seconds: float) -> Any:
    """Extract in this process.

    Returns:
        ``whole``, ``running`` and ``shards`` (the part after probing and planning) in seconds,
        ``segments``, ``frames``, ``tracks``, and ``content``: a hash of the shards.
    """
    how = {"engine": engine, "workers": workers, "ray_address": None}
    cut = {"segment_seconds": seconds, "segments_per_shard": 4}
    arm = load_config(find_preset("extract"), ExtractConfig).model_copy(update=how | cut)
    spent = {"engine": 0.0}
    planned: list[float] = []
    last: dict[str, int] = {}

    def watch(counts: Any) -> None:
        if counts.segments and not planned:
            planned.append(time.perf_counter())
        last.update(segments=counts.segments_done, frames=counts.frames)

    began = time.perf_counter()
    with mock.patch.object(running, "open_engine", _timed(running.open_engine, spent)):
        report = running.extract([videos], store, arm, watch=watch)
    whole = time.perf_counter() - began
    return {
        "whole": whole,
        "running": whole - spent["engine"],
        "shards": began + whole - planned[0],
        "tracks": report.tracks,
        "content": content(store),
        **last,
    }


def _timed(open_engine: Any, spent: dict[str, float]) -> Any:
    """``open_engine`` that adds up what it takes to start and to stop."""

    @contextmanager
    def opened(*arguments: Any) -> Iterator[Any]:
        began = time.perf_counter()
        with open_engine(*arguments) as run:
            spent["engine"] += time.perf_counter() - began
            yield run
            began = time.perf_counter()
        spent["engine"] += time.perf_counter() - began

    return opened


def content(store: Path) -> str:
    """A hash of the names and bytes of all shards."""
    digest = hashlib.sha256()
    for path in sorted(store.glob("shards/*.arrow")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Every arm as often as the options of ``main`` want.

    Returns:
        ``arms``: "engine workers" -> the answers of ``run_arm``, one per repeat.

    Raises:
        VidclError: an arm fails, or two arms differ in what they leave.
    """
    work = options.work
    work.mkdir(parents=True, exist_ok=True)
    videos = work / "videos"
    copies = make_videos(options.data, videos, options.segments, options.seconds)
    arms = [arm for arm in ARMS if arm[1] in options.workers]
    found: dict[str, list[Any]] = {f"{engine} {count}": [] for engine, count in arms}
    for repeat in range(options.repeats):
        for engine, count in arms if repeat % 2 == 0 else arms[::-1]:
            store = work / f"{engine}-{count}-{repeat}"
            answer = _in_process(engine, count, videos, store, options.seconds)
            found[f"{engine} {count}"].append(answer)
            print(f"{engine}, {count} workers: {answer['whole']:.1f} s", file=sys.stderr)
            shutil.rmtree(store)
    left = {answer["content"] for answers in found.values() for answer in answers}
    if len(left) != 1:
        raise VidclError(f"The arms left {len(left)} different stores: see {work}.")
    shutil.rmtree(videos)
    return {"copies": copies, "arms": found}


def _in_process(engine: str, workers: int, videos: Path, store: Path, seconds: float) -> Any:
    arguments = [engine, str(workers), str(videos), str(store), str(seconds)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.ray_overhead", "--arm", *arguments],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise VidclError(f"The arm {engine} with {workers} workers failed; its words are above.")
    return json.loads(done.stdout.splitlines()[-1])


def table(found: dict[str, Any]) -> str:
    """Markdown: medians over the repeats, and the ratios that are wanted."""
    arms = found["arms"]
    lines = [
        "| engine | workers | whole, s | running, s | segments/s running | frames/s running |",
        "|---|---|---|---|---|---|",
    ]
    for name, answers in arms.items():
        engine, workers = name.split()
        whole, only = _median(answers, "whole"), _median(answers, "running")
        lines.append(
            f"| {engine} | {workers} | {whole:.1f} | {only:.1f} | "
            f"{answers[0]['segments'] / only:.2f} | {answers[0]['frames'] / only:.0f} |"
        )
    lines += ["", "| ratio | whole | running | wanted |", "|---|---|---|---|"]
    for text, slow, fast, wanted in (
        ("speed of Ray beside local, one worker", "local 1", "ray 1", 0.95),
        ("speed of Ray beside local, two workers", "local 2", "ray 2", None),
        ("local, two workers beside one", "local 1", "local 2", 1.8),
        ("Ray, two workers beside one", "ray 1", "ray 2", 1.8),
    ):
        if slow in arms and fast in arms:
            cells = [_ratio(arms[slow], arms[fast], key) for key in ("whole", "running")]
            aim = "" if wanted is None else f"{wanted:g}"
            lines.append(f"| {text} | {cells[0]} | {cells[1]} | {aim} |")
    first = next(iter(arms.values()))[0]
    lines += [
        "",
        f"{first['segments']} segments of {found['copies']} files, {first['frames']} frames, "
        f"{first['tracks']} tracks; {len(next(iter(arms.values())))} repeats, median (smallest to "
        f"largest ratio); all arms left the same bytes. {found['machine']['cpu']}, "
        f"{found['machine']['cores']} cores.",
    ]
    return "\n".join(lines)


def _median(answers: list[Any], key: str) -> float:
    return statistics.median(answer[key] for answer in answers)


def _ratio(slow: list[Any], fast: list[Any], key: str) -> str:
    """Of the times of each repeat."""
    each = [a[key] / b[key] for a, b in zip(slow, fast, strict=True)]
    text = f"{statistics.median(each):.2f}"
    return text if len(each) == 1 else f"{text} ({min(each):.2f} to {max(each):.2f})"


def main(argv: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == ["--arm"]:
        engine, workers, videos, store, seconds = arguments[1:]
        arm = run_arm(engine, int(workers), Path(videos), Path(store), float(seconds))
        print(json.dumps(arm))
        return 0
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of real videos, searched deeply")
    parser.add_argument("--work", type=Path, required=True, help="folder for copies and stores")
    parser.add_argument("--segments", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each segment, about")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], choices=[1, 2])
    parser.add_argument("--out", type=Path, help="a JSON file for the numbers")
    options = parser.parse_args(arguments)
    try:
        found = measure(options)
    except VidclError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    found["machine"] = {**provenance(), "cores": len(os.sched_getaffinity(0))}
    print(table(found))
    if options.out:
        write_atomic(options.out, json.dumps(found, indent=1).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
