"""The clips of the benchmark of decoding: what there is, and what is made of it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import av

from vidcl.errors import VidclError
from vidcl.video.open import open_video
from vidcl.video.probe import probe

SUFFIXES = (".mp4", ".mkv", ".mov", ".avi", ".webm", ".ts", ".mpg", ".gif")
#: Seconds between the keyframes of a clip encoded anew.
KEY_EVERY = 0.5
#: How clips are encoded anew, and into which container.
ANEW = {"keyed": ".mp4", "mjpeg": ".avi"}
#: Seconds from which on a clip is encoded anew.
LONG = 2.4


@dataclass(frozen=True)
class Clip:
    """A row of the table.

    Attributes:
        path: the file, or the one that is encoded anew.
        group: ``h264``, ``other``, or how it is encoded anew.
    """

    path: Path
    group: str


def clips_in(given: Sequence[Path], anew: bool) -> list[Clip]:
    """All clips; with ``anew`` the long ones in H.264 encoded anew as well."""
    clips = [Clip(path, group_of(path)) for path in videos(given)]
    if anew:
        long = [clip.path for clip in clips if clip.group == "h264" and is_long(clip.path)]
        clips += [Clip(path, kind) for path in long for kind in ANEW]
    return clips


def videos(given: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in given:
        inside = path.rglob("*") if path.is_dir() else [path]
        found += [one for one in inside if one.suffix in SUFFIXES and one.is_file()]
    if not found:
        raise VidclError(f"{given[0]} holds no video ({', '.join(SUFFIXES)}); give another folder.")
    return sorted(found)


def group_of(path: Path) -> str:
    with suppress(VidclError):
        return "h264" if probe(path).codec == "h264" else "other"
    return "other"


def is_long(path: Path) -> bool:
    """Long enough, and whole."""
    if (probe(path).duration or 0.0) < LONG:
        return False
    with open_video(path, short_side=16) as reader:
        for _ in reader.frames(rate=1.0):
            pass
        return reader.result.error is None


def encode(path: Path, out: Path, kind: str) -> None:
    """Write ``path`` anew: ``keyed``, H.264 with a keyframe every ``KEY_EVERY``, or ``mjpeg``."""
    with av.open(str(path)) as source, av.open(str(out), "w") as target:
        video = source.streams.best("video")
        rate = video.average_rate
        stream = target.add_stream("libx264" if kind == "keyed" else "mjpeg", rate=rate)
        stream.width, stream.height = video.width, video.height
        stream.pix_fmt = "yuv420p" if kind == "keyed" else "yuvj420p"
        stream.codec_context.thread_count = 1
        if kind == "keyed":
            keep = max(1, round(KEY_EVERY * float(rate)))
            stream.options = {"preset": "veryfast", "crf": "23"}
            stream.options["x264-params"] = f"keyint={keep}:min-keyint={keep}:scenecut=0"
        else:
            stream.options = {"q:v": "5"}
        for number, frame in enumerate(source.decode(video)):
            frame = frame.reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base, frame.pict_type = number, 1 / rate, 0
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


def skippable(path: Path, frames: int) -> float:
    """Share of the ``frames`` that no other refers to, as FFmpeg's NONREF leaves them out."""
    with av.open(str(path)) as container:
        stream = container.streams.best("video")
        stream.codec_context.skip_frame = "NONREF"
        stream.codec_context.thread_count = 1
        count = 0
        with suppress(av.error.FFmpegError):
            for _ in container.decode(stream):
                count += 1
    return max(0.0, 1 - count / max(1, frames))
