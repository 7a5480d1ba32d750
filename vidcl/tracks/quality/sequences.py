"""Annotated sequences: the frames of a clip with the true boxes of the objects in them.

    for sequence in read_sequences("my_clips"):
        for step in sequence.steps():
            print(sequence.name, step.index, step.frame.time, step.truth)

Layouts that are read, at any depth of a folder:

- OTB, VOT, DAVIS: ``groundtruth.txt`` or ``groundtruth_rect.txt`` (one line per frame: x, y, w, h,
  or the corners of a polygon) beside ``video.mp4``, ``img/``, ``color/`` or the pictures;
- a rendered world, or one's own clips: ``videos/NAME.mp4`` and ``boxes/NAME.json`` or ``.csv`` as
  ``vidcl.tracks.given.read_given_boxes`` reads them, any number of objects per video.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vidcl.errors import VidclError
from vidcl.tracks.given import read_given_boxes
from vidcl.tracks.quality.pictures import is_picture, read_pictures
from vidcl.tracks.quality.truth import Truth, TruthRows, TruthTimes, read_rows
from vidcl.video.frames import Frame
from vidcl.video.reader import VideoReader

#: Names of the files with one line per frame; OTB's own name says that it counts pixels from 1.
_ROWS = ("groundtruth.txt", "groundtruth_rect.txt")
_VIDEOS = (".mp4", ".mkv", ".mov", ".avi", ".webm")


@dataclass(frozen=True)
class Step:
    """One frame and what is known about it.

    Attributes:
        index: of the frame within its sequence, from 0.
        frame: the picture and its time.
        truth: float64 [K, 4], xyxy source pixels from 0, one row per object; NaN where nobody
            said, zeros where the object is known to be absent or hidden.
    """

    index: int
    frame: Frame
    truth: np.ndarray


@dataclass(frozen=True)
class AnnotatedSequence:
    """One clip with its truth.

    Attributes:
        name: unique within a folder.
        media: the video file, or the folder that holds the pictures.
        truth: the boxes, see ``vidcl.tracks.quality.truth``.
        max_frames: read no more; None reads all.
    """

    name: str
    media: Path
    truth: Truth
    max_frames: int | None = None

    def steps(self) -> Iterator[Step]:
        """All frames in order, read as they are asked for.

        Raises:
            VidclError: the media cannot be read to their end, change their size, or have fewer
                frames than the truth has lines.
        """
        size: tuple[int, ...] | None = None
        count = 0
        for frame in self._frames():
            if count == self.max_frames:
                return
            size = size or frame.image.shape
            if frame.image.shape != size:
                raise VidclError(
                    f"{self.media}: frame {count} has another size than those before it; give "
                    "frames of one size."
                )
            yield Step(count, frame, self.truth.at(count, frame.time))
            count += 1
        needed = self.truth.length
        if needed is not None and count < needed:
            raise VidclError(
                f"{self.media} has {count} frames and {needed} true boxes; remove the boxes that "
                "have no frame."
            )

    def _frames(self) -> Iterator[Frame]:
        if self.media.is_dir():
            yield from read_pictures(self.media)
            return
        with VideoReader(self.media) as reader:
            yield from reader.frames()
            if reader.result.error is not None:
                raise reader.result.error


def thin(steps: Iterable[Step], rate: float | None) -> Iterator[Step]:
    """At most ``rate`` steps per second: the first at or after each tick of a grid that begins at
    the first step, as an extraction's decoder does. None gives all."""
    start: float | None = None
    tick = 0
    for step in steps:
        if rate is None:
            yield step
            continue
        start = step.frame.time if start is None else start
        passed = (step.frame.time - start) * rate + 1e-3
        if passed >= tick:
            tick = int(passed) + 1
            yield step


def read_sequences(
    folder: str | Path, names: Iterable[str] | None = None, max_frames: int | None = None
) -> list[AnnotatedSequence]:
    """All sequences under ``folder``, sorted by name.

    Args:
        folder: see above for its layouts.
        names: take these alone, in this order.
        max_frames: frames to read of each sequence; None reads all.

    Raises:
        VidclError: there are none, a name is not among them, or a file is not of its form.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise VidclError(f"{folder} is not a folder; give one that holds annotated sequences.")
    found = [*_with_rows(folder, max_frames), *_with_given_boxes(folder, max_frames)]
    if not found:
        raise VidclError(
            f"{folder} holds no annotated sequence: it needs folders with groundtruth.txt and "
            "video.mp4 or img/, or videos/NAME.mp4 with boxes/NAME.json."
        )
    double = sorted(name for name, n in Counter(s.name for s in found).items() if n > 1)
    if double:
        raise VidclError(f"{folder} holds more than one sequence named {double[0]}; rename one.")
    by_name = {sequence.name: sequence for sequence in sorted(found, key=lambda s: s.name)}
    if names is None:
        return list(by_name.values())
    wanted = list(names)
    missing = [name for name in wanted if name not in by_name]
    if missing:
        raise VidclError(f"{folder} has no sequence {missing[0]}; it has {', '.join(by_name)}.")
    return [by_name[name] for name in wanted]


def _with_rows(folder: Path, max_frames: int | None) -> Iterator[AnnotatedSequence]:
    for name in _ROWS:
        for path in sorted(folder.rglob(name)):
            home = path.parent
            if name == _ROWS[1] and (home / _ROWS[0]).exists():
                continue
            from_one = name == _ROWS[1] or home.name.lower().startswith("otb")
            boxes = read_rows(path, first_pixel=1 if from_one else 0)
            truth = TruthRows(boxes[:max_frames])
            yield AnnotatedSequence(home.name, _media_beside(path), truth, max_frames)


def _media_beside(path: Path) -> Path:
    home = path.parent
    videos = [home / f"video{suffix}" for suffix in _VIDEOS]
    for media in [*videos, home / "img", home / "color"]:
        if media.exists():
            return media
    if any(is_picture(file) for file in home.iterdir()):
        return home
    raise VidclError(f"{path} has no frames: put video.mp4 or a folder img/ beside it.")


def _with_given_boxes(folder: Path, max_frames: int | None) -> Iterator[AnnotatedSequence]:
    paths = [*folder.rglob("boxes/*.json"), *folder.rglob("boxes/*.csv")]
    for path in sorted(paths):
        files = [path.parents[1] / "videos" / f"{path.stem}{suffix}" for suffix in _VIDEOS]
        media = next((file for file in files if file.exists()), None)
        if media is None:
            raise VidclError(f"{path} has no video: put {path.stem}.mp4 into {files[0].parent}.")
        given = read_given_boxes(path)
        if len(given.detections):
            raise VidclError(
                f"{path} has boxes that do not say which object they are; fill the column 'object'."
            )
        yield AnnotatedSequence(path.stem, media, TruthTimes(given), max_frames)
