"""What an extraction costs beside decoding alone, and which stage takes how much of it.

    python benchmarks/extraction_cost.py DATA
    python benchmarks/extraction_cost.py DATA --proposers motion given_grid --tracker flow
    python benchmarks/extraction_cost.py clip.mp4 --follow max_regions=8 --out costs.json

DATA is a video, or a folder of videos at any depth. Each is decoded alone (all frames as RGB), then
extracted as `vidcl extract` does in one process: decode, scene (resize, camera, foreground), flow,
move, judge, propose, crop and JPEG; nothing is written. `given_grid` stands for 16 given boxes on a
grid, begun again when they are lost, so that about 16 regions are followed whatever is in the
picture. Processor time; decoding and extraction take turns, and the fastest of the repeats counts.
"""

import argparse
import functools
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, get_args
from unittest import mock

import cv2
import numpy as np

from vidcl.errors import VidclError
from vidcl.files import write_atomic
from vidcl.progress import show_progress
from vidcl.tracks import follow as following
from vidcl.tracks.config import FollowConfig, ProposerName, TrackerName
from vidcl.tracks.crops import CropConfig, Cropper
from vidcl.tracks.extraction.config import ExtractConfig
from vidcl.tracks.given import GivenBoxes, GivenObject
from vidcl.tracks.judgement.judge import Judge
from vidcl.tracks.motion.flow import DenseFlow
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.quality.results import provenance
from vidcl.tracks.quality.settings import follow_config
from vidcl.tracks.quality.stopwatch import Stopwatch
from vidcl.tracks.regions import Regions
from vidcl.tracks.shots import cuts
from vidcl.video.reader import VideoReader

#: What each stage is made of: (stage, class or module, function). One called within another's time
#: counts for its own stage alone.
STAGES: tuple[tuple[str, Any, str], ...] = (
    ("cuts", cuts, "thumbnail"),
    ("cuts", cuts.Shot, "ends_before"),
    ("scene", Scene, "advance"),
    ("flow", DenseFlow, "__call__"),
    ("move", Regions, "move"),
    ("move", Regions, "add"),
    ("judge", Judge, "add"),
    ("judge", Judge, "score"),
    ("judge", Regions, "ended"),
    ("propose", following._Following, "_propose"),
    ("crop + JPEG", Cropper, "__call__"),
)
#: In the order of the table; ``rest`` is what no stage claims.
NAMES = ("decode", *dict.fromkeys(stage for stage, _, _ in STAGES), "rest")
GRID = "given_grid"
_SUFFIXES = (".mp4", ".mkv", ".mov", ".avi", ".webm")


@contextmanager
def timed(watch: Stopwatch) -> Iterator[None]:
    """Every method of ``STAGES`` counts for its stage while this lasts."""
    with ExitStack() as stack:
        for stage, owner, name in STAGES:
            original = getattr(owner, name)
            stack.enter_context(mock.patch.object(owner, name, _wrap(watch, stage, original)))
        yield


def _wrap(watch: Stopwatch, stage: str, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def method(first: Any, *arguments: Any, **named: Any) -> Any:
        if isinstance(first, Regions) and original.__name__ == "move":
            watch.counts.append(len(first.members))
        with watch.stage(stage):
            return original(first, *arguments, **named)

    return method


def decode_seconds(path: Path, rate: float | None) -> tuple[int, float]:
    """Frames given and processor seconds of reading a file, as RGB and no larger than an
    extraction reads it."""
    count, started = 0, time.process_time()
    with VideoReader(path, max_side=ExtractConfig().max_video_side) as reader:
        for _ in reader.frames(rate=rate):
            count += 1
    return count, time.process_time() - started


def extract(path: Path, config: FollowConfig) -> Stopwatch:
    """Extract one file under the watch; its times per stage."""
    watch = Stopwatch()
    with VideoReader(path, max_side=ExtractConfig().max_video_side) as reader, timed(watch):
        frames = reader.frames(rate=config.follow_rate)
        given = grid_boxes(reader) if config.proposer == "given" else None

        def decoded() -> Iterator[Any]:
            while True:
                with watch.stage("decode"):
                    frame = next(frames, None)
                if frame is None:
                    return
                yield frame

        with watch.stage("rest"):
            for _ in following.follow(decoded(), config, Cropper(CropConfig()), given=given):
                pass
    return watch


def grid_boxes(reader: VideoReader) -> GivenBoxes:
    """Four by four boxes, each a fifth of the picture wide and high, at all times."""
    width, height = reader.info.width, reader.info.height
    limit = ExtractConfig().max_video_side
    share = 1.0 if limit is None else min(1.0, limit / max(width, height))
    sides = np.array([width, height]) * share / 5
    times = np.array([reader.info.start - 1, reader.info.start + 1e6])
    objects = []
    for k in range(16):
        corner = np.array([k % 4, k // 4]) * sides * 1.25 + sides * 0.125
        box = np.concatenate([corner, corner + sides])
        objects.append(GivenObject(str(k), times, np.stack([box, box]), np.ones(2, bool)))
    return GivenBoxes(tuple(objects))


def measure(paths: list[Path], config: FollowConfig, repeats: int) -> dict[str, Any]:
    """Seconds over all files: of decoding alone, of extraction and its stages."""
    totals: defaultdict[str, float] = defaultdict(float)
    followed: list[int] = []
    with show_progress(config.proposer, unit="videos") as progress:
        for done, path in enumerate(paths, 1):
            alone, sampled, watches = [], [], []
            for _ in range(repeats):
                frames, seconds = decode_seconds(path, None)
                alone.append(seconds)
                sampled.append(decode_seconds(path, config.follow_rate)[1])
                watches.append(extract(path, config))
            best = min(watches, key=lambda watch: watch.total)
            found = {"frames": frames, "alone": min(alone), "sampled": min(sampled)}
            for key, value in {**found, "extraction": best.total, **best.spent}.items():
                totals[key] += value
            followed += best.counts
            progress(done, len(paths))
    return {**totals, "regions": float(np.mean(followed)) if followed else 0.0}


def table(rows: dict[str, dict[str, Any]]) -> str:
    """Markdown: cost against decoding alone, then the stages' shares of the extraction."""
    heads = ["proposer", "regions", "decode alone, ms/frame", "extraction / decode alone"]
    lines = [f"| {' | '.join([*heads, *NAMES])} |", "|---" * (len(heads) + len(NAMES)) + "|"]
    for name, row in rows.items():
        shares = [f"{100 * row.get(stage, 0.0) / row['extraction']:.0f} %" for stage in NAMES]
        cells = [f"{row['regions']:.1f}", f"{1e3 * row['alone'] / row['frames']:.2f}"]
        cells.append(f"{row['extraction'] / row['alone']:.2f}x")
        lines.append(f"| `{name}` | {' | '.join([*cells, *shares])} |")
    sampled = next(iter(rows.values()))
    share = sampled["sampled"] / sampled["alone"]
    return "\n".join(lines) + (
        f"\n\nDecoding at the follow rate alone, where frames between are decoded and not turned "
        f"into RGB, takes {share:.2f} of the time of decoding all.\n"
    )


def find_videos(path: Path) -> list[Path]:
    """A file, or all videos of a folder at any depth."""
    if path.is_file():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in _SUFFIXES)
    if not found:
        raise VidclError(f"{path} holds no video; give a video or a folder of videos.")
    return found


def run(options: argparse.Namespace) -> None:
    """Measure every proposer and print the table."""
    cv2.setNumThreads(1)
    if options.repeats < 1:
        raise VidclError(f"--repeats is {options.repeats}; give at least 1.")
    paths = find_videos(options.data)
    rows = {}
    for proposer in options.proposers:
        name = "given" if proposer == GRID else proposer
        config = follow_config(
            options.follow, max_regions=16, tracker=options.tracker, proposer=name
        )
        rows[proposer] = measure(paths, config, options.repeats)
    print(table(rows))
    if options.out:
        content = {"made": provenance(), "follow": config.model_dump(mode="json"), "rows": rows}
        write_atomic(options.out, (json.dumps(content, indent=1) + "\n").encode())


def main(argv: list[str] | None = None) -> int:
    """Measure and print; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    proposers = [GRID, *(name for name in get_args(ProposerName) if name != "given")]
    parser.add_argument("data", type=Path, help="a video, or a folder of videos")
    default = FollowConfig()
    parser.add_argument(
        "--proposers", nargs="+", choices=proposers, default=[default.proposer, GRID]
    )
    parser.add_argument("--tracker", choices=get_args(TrackerName), default=default.tracker)
    parser.add_argument("--follow", nargs="+", default=[], metavar="KEY=VALUE")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, help="a JSON file for the seconds")
    try:
        run(parser.parse_args(argv))
    except VidclError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
