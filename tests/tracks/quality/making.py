"""Small annotated sequences for the tests of quality."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from tests.tracks.clips import square_clip
from vidcl.tracks.given import GivenBoxes, GivenObject
from vidcl.tracks.quality.sequences import AnnotatedSequence
from vidcl.tracks.quality.truth import Truth, TruthRows, TruthTimes
from vidcl.video.frames import Frame
from vidcl.video.writer import write_video

RATE = 12.0


@dataclass(frozen=True)
class Made(AnnotatedSequence):
    """A sequence whose frames are in memory."""

    made: list[Frame] = field(default_factory=list)

    def _frames(self) -> Iterator[Frame]:
        yield from self.made


def made(frames: list[Frame], truth: Truth, name: str = "made") -> AnnotatedSequence:
    return Made(name, Path("nowhere"), truth, None, frames)


def square_sequence(count: int = 24, **options) -> AnnotatedSequence:
    """The moving square of ``tests.tracks.clips``, one box per frame."""
    frames, boxes = square_clip(count, **options)
    return made(frames, TruthRows(boxes))


def square_with_times(count: int = 24, **options) -> AnnotatedSequence:
    """The same with boxes at times."""
    frames, boxes = square_clip(count, **options)
    times = np.array([frame.time for frame in frames])
    thing = GivenObject("square", times, boxes, np.ones(count, bool))
    return made(frames, TruthTimes(GivenBoxes((thing,))))


def write_rows(path: Path, boxes: np.ndarray, first_pixel: int = 0) -> None:
    """x, y, w, h per line."""
    corners, sides = boxes[:, :2] + first_pixel, boxes[:, 2:] - boxes[:, :2]
    rows = np.concatenate([corners, sides], axis=1)
    path.write_text("\n".join(",".join(f"{v:g}" for v in row) for row in rows) + "\n")


def write_pictures(folder: Path, frames: list[Frame], pattern: str = "{:04d}.png") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for k, frame in enumerate(frames, 1):
        path = folder / pattern.format(k)
        assert cv2.imwrite(str(path), cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))


def write_sequence(home: Path, count: int = 12, seed: int = 0) -> None:
    """A folder with img/ and groundtruth.txt."""
    frames, boxes = square_clip(count, seed=seed)
    write_pictures(home / "img", frames)
    write_rows(home / "groundtruth.txt", boxes)


def write_world(folder: Path, count: int = 16, clips: int = 1) -> None:
    """videos/ and boxes/, as a rendered world has them."""
    (folder / "boxes").mkdir(parents=True)
    (folder / "videos").mkdir()
    for clip in range(clips):
        frames, boxes = square_clip(count, seed=clip)
        name = f"clip-{clip:05d}"
        video = folder / "videos" / f"{name}.mp4"
        write_video(video, iter(f.image for f in frames), rate=RATE, crf=18)
        thing = {"id": "square", "times": [k / RATE for k in range(count)], "boxes": boxes.tolist()}
        (folder / "boxes" / f"{name}.json").write_text(json.dumps({"objects": [thing]}))
