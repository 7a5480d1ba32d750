"""Does a worker's memory grow with the length of a video? `vidcl extract` on 10 s and on an hour.

    OMP_NUM_THREADS=1 python benchmarks/worker_memory.py --work FOLDER
    python benchmarks/worker_memory.py --work FOLDER --seconds 10 600 --follow proposer=frame
    python benchmarks/worker_memory.py --work FOLDER --segments-per-shard 8 64

A minute of moving shapes at 1280x720 is encoded as H.264, and its packets are repeated with later
times until the video is as long as it should be, so an hour costs seconds to make, and is decoded
and followed as any other. Five frames per second (`--rate`) keep the hour short; what a worker
holds, frames of that size, regions, and crops at 4/s, does not depend on it.

Each video is extracted by a process of its own with one worker. What counts is the sum over all its
processes (command, supervisor, decoding child) of the proportional set size: pages that they share
count once. It is sampled; beside it the sum of the processes' own peaks (`VmHWM`), which misses no
moment but counts shared pages in each. Mapped files are in both.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from vidcl.errors import VidclError
from vidcl.files import atomic_path, write_atomic
from vidcl.tracks.quality.results import provenance
from vidcl.tracks.store import open_store
from vidcl.video.writer import write_video

#: Of the piece that is repeated.
PIECE_SECONDS = 60.0
WIDTH, HEIGHT = 1280, 720

MIB = 2**20

#: What must hold.
MOST_MIB = 700
MOST_GROWTH = 1.10


@dataclass(frozen=True)
class Peak:
    """What a process tree took.

    Attributes:
        pss: largest sampled sum of proportional set sizes, in bytes.
        peaks: sum over processes of the largest resident set each ever had, in bytes.
        early, late: largest ``pss`` in the first and in the last third of the run's samples.
        processes: most at a time.
        seconds: the run took.
    """

    pss: int
    peaks: int
    early: int
    late: int
    processes: int
    seconds: float


def moving_shapes(count: int, width: int, height: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Textured squares that wander over a drifting ground: uint8 [H, W, 3], ``count`` of them."""
    rng = np.random.default_rng(seed)

    def texture(side_x: int, side_y: int, grain: int) -> np.ndarray:
        coarse = rng.integers(20, 255, (side_y // grain + 2, side_x // grain + 2, 3), np.uint8)
        return cv2.resize(coarse, (side_x, side_y), interpolation=cv2.INTER_CUBIC)

    ground = texture(width * 2, height + height // 4, max(2, height // 20))
    things = [texture(height // 4, height // 4, max(2, height // 60)) for _ in range(8)]
    phases = rng.uniform(0, 2 * np.pi, (8, 2))
    speeds = rng.uniform(0.02, 0.06, (8, 2))
    for k in range(count):
        shift = (1 + np.sin(2 * np.pi * k / count)) / 2  # ends where it began
        x, y = int(shift * width * 0.9), int(shift * height * 0.2)
        image = ground[y : y + height, x : x + width].copy()
        for thing, phase, speed in zip(things, phases, speeds, strict=True):
            turns = np.maximum(1, np.round(speed * count / (2 * np.pi)))
            place = (1 + np.sin(phase + 2 * np.pi * turns * k / count)) / 2
            side = len(thing)
            left, top = (place * [width - side, height - side]).astype(int)
            image[top : top + side, left : left + side] = thing
        yield image


def make_piece(path: Path, rate: float, width: int, height: int, seconds: float) -> None:
    """Encode the piece; not again where it is there."""
    if not path.exists():
        write_video(path, moving_shapes(round(seconds * rate), width, height), rate=rate)


def repeat_packets(piece: Path, path: Path, times: int) -> None:
    """Write the packets of ``piece`` so many times, one after the other, as a video."""
    with atomic_path(path) as aside, av.open(str(aside), "w", format="matroska") as out:
        stream = None
        for number in range(times):
            with av.open(str(piece)) as source:
                video = source.streams.video[0]
                if stream is None:
                    stream = out.add_stream_from_template(video)
                packets = [packet for packet in source.demux(video) if packet.dts is not None]
                if video.average_rate is None or video.time_base is None:
                    raise VidclError(f"{piece} does not tell its frame rate: delete it.")
                # not the sum of the packets' durations, which a file need not tell
                length = round(len(packets) / video.average_rate / video.time_base)
            for packet in packets:
                packet.pts += number * length
                packet.dts += number * length
                packet.stream = stream
                out.mux(packet)


def watch(process: subprocess.Popen[bytes], every: float = 0.05) -> Peak:
    """Sample the process and all below it until it ends."""
    began = time.monotonic()
    sums: list[int] = []
    highest: dict[int, int] = {}
    most = 0
    while process.poll() is None:
        tree = {pid: memory for pid in family(process.pid) if (memory := memory_of(pid))}
        sums.append(sum(pss for pss, _ in tree.values()))
        for pid, (_, peak) in tree.items():
            highest[pid] = max(highest.get(pid, 0), peak)
        most = max(most, len(tree))
        time.sleep(every)
    third = max(1, len(sums) // 3)
    return Peak(
        pss=max(sums, default=0),
        peaks=sum(highest.values()),
        early=max(sums[:third], default=0),
        late=max(sums[-third:], default=0),
        processes=most,
        seconds=time.monotonic() - began,
    )


def family(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue  # it has ended
        for child in children:
            found += family(int(child))
    return found


def memory_of(pid: int) -> tuple[int, int] | None:
    """Proportional set size and highest resident set of a process in bytes; None once it ended."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        status = Path(f"/proc/{pid}/status").read_text()
        return _kib(rollup, "Pss:"), _kib(status, "VmHWM:")
    except (OSError, ValueError):
        return None


def _kib(text: str, name: str) -> int:
    for line in text.splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise ValueError(name)


def measure(video: Path, store: Path, options: argparse.Namespace, per_shard: int) -> Peak:
    """Extract a video in a process of its own and watch it.

    Raises:
        VidclError: the extraction failed.
    """
    words = [sys.executable, "-m", "vidcl.cli", "extract", str(video), "--out", str(store)]
    words += ["--engine", "local", "--workers", "1", "--segments-per-shard", str(per_shard)]
    for setting in options.follow:
        name, _, value = setting.partition("=")
        words += [f"--follow.{name.replace('_', '-')}", value]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    log = store.with_suffix(".log")
    with open(log, "wb") as sink:
        process = subprocess.Popen(words, stdout=sink, stderr=sink, env=environment)
        try:
            peak = watch(process)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if process.returncode != 0:
        raise VidclError(f"The extraction of {video} ended with {process.returncode}: see {log}.")
    return peak


def run(options: argparse.Namespace) -> None:
    """Make the videos, extract them, and print the table."""
    cv2.setNumThreads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    size = (options.width, options.height)
    piece_seconds = min(PIECE_SECONDS, min(options.seconds))
    piece = options.work / f"piece-{size[0]}x{size[1]}-{options.rate:g}-{piece_seconds:g}.mp4"
    make_piece(piece, options.rate, *size, piece_seconds)
    rows: list[dict[str, Any]] = []
    for per_shard in options.segments_per_shard:
        for seconds in options.seconds:
            video = options.work / f"{size[0]}x{size[1]}-{seconds:g}.mkv"
            repeat_packets(piece, video, max(1, round(seconds / piece_seconds)))
            store = options.work / f"store-{seconds:g}-{per_shard}-{time.time_ns()}"
            peak = measure(video, store, options, per_shard)
            tracks = open_store(store)
            kept = {"tracks": len(tracks), "crops": int(tracks.lengths.sum())}
            bytes_ = sum(path.stat().st_size for path in store.glob("shards/*.arrow"))
            rows.append(
                {"seconds": seconds, "per_shard": per_shard, **kept, "bytes": bytes_}
                | {"peak": asdict(peak)}
            )
            print(line(rows[-1]) if len(rows) > 1 else f"{HEAD}\n{line(rows[-1])}", flush=True)
    told = verdict(rows)
    print(f"\n{told}")
    if options.out:
        content = {"made": provenance(), "rate": options.rate, "size": size, "rows": rows}
        write_atomic(options.out, (json.dumps(content, indent=1) + "\n").encode())


_NAMES = (
    "video",
    "segments per shard",
    "tracks, crops",
    "MiB written",
    "peak PSS, MiB",
    "first third, last third",
    "sum of VmHWM, MiB",
    "processes",
    "wall clock, s",
)

HEAD = f"| {' | '.join(_NAMES)} |\n{'|---' * len(_NAMES)}|"


def line(row: dict[str, Any]) -> str:
    """A row of the table."""
    peak = row["peak"]
    cells = [
        f"{row['seconds']:g} s",
        f"{row['per_shard']}",
        f"{row['tracks']:,}, {row['crops']:,}",
        f"{row['bytes'] / MIB:.1f}",
        f"{peak['pss'] / MIB:.0f}",
        f"{peak['early'] / MIB:.0f}, {peak['late'] / MIB:.0f}",
        f"{peak['peaks'] / MIB:.0f}",
        f"{peak['processes']}",
        f"{peak['seconds']:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def verdict(rows: list[dict[str, Any]]) -> str:
    """Whether the longest video takes at most a tenth more than the shortest, and all fit."""
    short, long = (pick(rows, key=lambda row: row["seconds"]) for pick in (min, max))
    ratio = long["peak"]["pss"] / short["peak"]["pss"]
    most = max(row["peak"]["pss"] for row in rows) / MIB
    held = "holds" if ratio <= MOST_GROWTH and most <= MOST_MIB else "DOES NOT HOLD"
    return (
        f"{long['seconds']:g} s against {short['seconds']:g} s: {ratio:.2f}x; largest {most:.0f} "
        f"MiB. At most {MOST_GROWTH:.2f}x and {MOST_MIB} MiB: {held}."
    )


def main(argv: list[str] | None = None) -> int:
    """Measure and print; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="folder for videos and stores")
    parser.add_argument("--seconds", type=float, nargs="+", default=[10.0, 3600.0])
    parser.add_argument("--rate", type=float, default=5.0, help="frames per second of the videos")
    parser.add_argument("--width", type=int, default=WIDTH)
    parser.add_argument("--height", type=int, default=HEIGHT)
    parser.add_argument("--segments-per-shard", type=int, nargs="+", default=[8])
    parser.add_argument("--follow", nargs="+", default=[], metavar="KEY=VALUE")
    parser.add_argument("--out", type=Path, help="a JSON file for the numbers")
    try:
        run(parser.parse_args(argv))
    except VidclError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
