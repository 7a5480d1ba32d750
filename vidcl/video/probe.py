"""Open a video file and say what is in it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vidcl.video.errors import VideoError
from vidcl.video.info import VideoInfo

#: Everything PyAV raises for a file that is bad rather than for a programming error. PyAV's own
#: errors derive from the built-in ones (InvalidDataError from ValueError, and so on).
DECODE_ERRORS = (av.error.FFmpegError, UnicodeDecodeError)


def probe(path: str | Path) -> VideoInfo:
    """Open ``path``, decode its first frame and describe it.

    Raises:
        VideoError: it is missing, is not a video, has no picture stream, or its first frame
            cannot be decoded.
    """
    with open_stream(path) as (container, stream):
        try:
            first = next(iter(container.decode(stream)), None)
        except DECODE_ERRORS as error:
            raise VideoError(
                f"{path}: no frame can be decoded ({reason(error)}); the file is damaged.",
                "corrupt",
            ) from error
        if first is None:
            raise VideoError(f"{path}: no frame can be decoded; the file is damaged.", "corrupt")
        return _describe(str(path), container, stream, first)


@contextmanager
def open_stream(path: str | Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container of a file and its main picture stream, closed afterwards.

    One decode thread: frame threading was measured slower here and is known to hang beside other
    thread pools.

    Raises:
        VideoError: as ``probe``, save that nothing is decoded.
    """
    container = _open_container(Path(path))
    try:
        stream = _main_stream(container, Path(path))
        context = stream.codec_context
        context.thread_type = "NONE"
        context.thread_count = 1
        yield container, stream
    finally:
        container.close()


def reason(error: BaseException) -> str:
    """FFmpeg's own words for an error, without the path and the number."""
    words = getattr(error, "strerror", None) or str(error)
    return words.rstrip(".") or type(error).__name__


def rotation_of(frame: VideoFrame) -> int:
    """Degrees counter-clockwise the picture is to be turned by: 0, 90, 180 or 270."""
    return (round((frame.rotation or 0) / 90) * 90) % 360


def _open_container(path: Path) -> InputContainer:
    if path.is_dir():
        raise VideoError(f"{path} is a folder; give a video file.", "not_video")
    if not path.exists():
        raise VideoError(f"{path} does not exist; check the path.", "missing")
    if path.stat().st_size == 0:
        raise VideoError(f"{path} is empty; copy or download it again.", "not_video")
    logging.getLogger("libav").setLevel(logging.CRITICAL)
    try:
        return av.open(str(path), mode="r")
    except PermissionError as error:
        raise VideoError(f"{path} may not be read; check its permissions.", "missing") from error
    except (*DECODE_ERRORS, OSError) as error:
        raise VideoError(
            f"{path} is not a video that FFmpeg can open ({reason(error)}); "
            "it is another kind of file, or incomplete.",
            "not_video",
        ) from error


def _main_stream(container: InputContainer, path: Path) -> VideoStream:
    """The default video stream, else the first, never a cover picture."""
    streams = [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic
    ]
    if not streams:
        raise VideoError(f"{path} has no picture stream; leave it out.", "no_video_stream")
    default = [stream for stream in streams if stream.disposition & Disposition.default]
    stream = (default or streams)[0]
    if stream.codec_context is None:
        raise VideoError(
            f"{path}: this build of FFmpeg has no decoder for it; convert it to H.264.",
            "unsupported",
        )
    if not stream.codec_context.width or not stream.codec_context.height:
        raise VideoError(
            f"{path}: its header gives no picture size; it is incomplete.", "not_video"
        )
    return stream


def _describe(
    path: str, container: InputContainer, stream: VideoStream, first: VideoFrame
) -> VideoInfo:
    rotation = rotation_of(first)
    turned = rotation in (90, 270)
    rate = stream.average_rate or stream.guessed_rate
    start = _first_time(container, first)
    end = declared_end(container, stream)
    if end is None and container.duration is not None:
        end = ((container.start_time or 0) + container.duration) / av.time_base
        if "matroska" in container.format.name:  # there the duration counts from time zero
            end = container.duration / av.time_base
    return VideoInfo(
        path=path,
        width=first.height if turned else first.width,
        height=first.width if turned else first.height,
        duration=max(end - start, 0.0) if end is not None else None,
        start=start,
        rate=float(rate) if rate else None,
        codec=stream.codec_context.name,
        pixel_format=first.format.name,
        rotation=rotation,
        declared_frames=stream.frames or None,
        backend="pyav",
        backend_version=av.__version__,
    )


def _first_time(container: InputContainer, frame: VideoFrame) -> float:
    stamp = frame.dts if is_dts_only(container) else frame.pts
    if stamp is None:
        stamp = frame.pts if frame.pts is not None else frame.dts
    if stamp is None or frame.time_base is None:
        return 0.0
    return float(stamp * frame.time_base)


def declared_end(container: InputContainer, stream: VideoStream) -> float | None:
    """The time in seconds at which the header says this stream ends, or None.

    A container's own duration may be that of its sound, so it counts only without sound.
    """
    if stream.duration is not None and stream.time_base is not None:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base)
    tag = stream.metadata.get("DURATION", "").split(":")
    if len(tag) == 3:  # Matroska: hours:minutes:seconds
        try:
            return int(tag[0]) * 3600.0 + int(tag[1]) * 60.0 + float(tag[2])
        except ValueError:
            return None
    if "matroska" in container.format.name and not container.streams.audio:
        return container.duration / av.time_base if container.duration is not None else None
    return None


def is_dts_only(container: InputContainer) -> bool:
    """AVI stores no presentation times: what FFmpeg reports as such is out of order there."""
    return container.format.name == "avi"
