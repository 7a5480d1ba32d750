"""Open a video file and say what is in it."""

import logging
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vidcl.video.colour import hidden_hdr, refusal
from vidcl.video.errors import VideoError
from vidcl.video.guard import (
    MAX_PIXELS,
    check_size,
    decoder_options,
    demuxer_options,
    is_playlist,
    local_url,
)
from vidcl.video.header import declared_end as declared_end
from vidcl.video.header import describe
from vidcl.video.header import is_dts_only as is_dts_only
from vidcl.video.info import VideoInfo
from vidcl.video.orientation import rotation_of as rotation_of

#: Everything PyAV raises for a file that is bad rather than for a programming error. PyAV's own
#: errors derive from the built-in ones (InvalidDataError from ValueError, and so on).
DECODE_ERRORS = (av.error.FFmpegError, UnicodeDecodeError)


#: Streams that are no films: a cover picture, the thumbnails of chapters.
_STILLS = int(Disposition.attached_pic | Disposition.timed_thumbnails)
_DEFAULT = int(Disposition.default)

#: Containers that no list of files is taken for.
_MARKED = ("mov", "matroska", "avi")


def probe(path: str | Path, *, max_pixels: int = MAX_PIXELS) -> VideoInfo:
    """Open ``path``, decode its first frame and describe it.

    Args:
        max_pixels: largest picture that is decoded, width times height.

    Raises:
        VideoError: it is missing, is not a video, has no picture stream, its picture is too
            large, its first frame cannot be decoded, or its colours cannot be honoured.
    """
    with open_stream(path, max_pixels=max_pixels) as (container, stream):
        try:
            first = next(iter(container.decode(stream)), None)
        except (*DECODE_ERRORS, MemoryError) as error:
            raise no_frame(path, error) from error
        if first is None:
            raise no_frame(path)
        check_colours(Path(path), stream, first)
        return describe(str(path), container, stream, first)


@contextmanager
def open_stream(
    path: str | Path, *, max_pixels: int = MAX_PIXELS
) -> Iterator[tuple[InputContainer, VideoStream]]:
    """``open_main``, closed afterwards."""
    container, stream = open_main(path, max_pixels)
    try:
        yield container, stream
    finally:
        container.close()


def open_main(path: str | Path, max_pixels: int = MAX_PIXELS) -> tuple[InputContainer, VideoStream]:
    """The container of a file, to be closed by the caller, and its main picture stream.

    Only this one file is opened, whatever its name or its content asks for, and a picture larger
    than ``max_pixels`` is refused by the decoder too, so that a change of size on the way cannot
    allocate it. One decode thread: frame threading was measured slower here and is known to hang
    beside other thread pools.

    Raises:
        VideoError: as ``probe``, save that nothing is decoded.
    """
    path = path if isinstance(path, Path) else Path(path)
    container = _open_container(path, max_pixels)
    try:
        stream = _main_stream(container, path)
        context = stream.codec_context
        width, height = context.width, context.height
        if not width or not height:  # FFmpeg drops a size that is beyond the limit
            width, height = _declared_size(path, stream.index)
        check_size(path, width, height, max_pixels)
        context.options = decoder_options(max_pixels)
        context.thread_type = "NONE"
        context.thread_count = 1
    except BaseException:
        container.close()
        raise
    return container, stream


def no_frame(path: str | Path, error: BaseException | None = None) -> VideoError:
    """What to raise where not one frame of a file can be decoded."""
    if isinstance(error, MemoryError):
        return no_memory(Path(path))
    why = "" if error is None else f" ({reason(error)})"
    return VideoError(f"{path}: no frame can be decoded{why}; the file is damaged.", "corrupt")


def reason(error: BaseException) -> str:
    """FFmpeg's own words for an error, without the path and the number."""
    words = getattr(error, "strerror", None) or str(error)
    return words.rstrip(".") or type(error).__name__


def _open_container(path: Path, max_pixels: int) -> InputContainer:
    _check_is_file(path)
    log = logging.getLogger("libav")
    if log.level != logging.CRITICAL:
        log.setLevel(logging.CRITICAL)
    try:
        container = av.open(
            local_url(path),
            mode="r",
            container_options=demuxer_options(),
            options=decoder_options(max_pixels),
        )
        # What FFmpeg takes a text for is not foreseeable; these begin with bytes of their own.
        if not container.format.name.startswith(_MARKED) and is_playlist(path):
            container.close()
            raise _a_playlist(path)
        return container
    except MemoryError as error:
        raise no_memory(path) from error
    except PermissionError as error:
        raise VideoError(f"{path} may not be read; check its permissions.", "missing") from error
    except (*DECODE_ERRORS, OSError) as error:
        if is_playlist(path):
            raise _a_playlist(path) from error
        raise VideoError(
            f"{path} is not a video that is read here ({reason(error)}); it is another kind of "
            "file, or incomplete.",
            "not_video",
        ) from error


def _check_is_file(path: Path) -> None:
    try:
        found = path.stat()
    except PermissionError as error:
        raise VideoError(f"{path} may not be read; check its permissions.", "missing") from error
    except (OSError, ValueError) as error:
        raise VideoError(f"{path} does not exist; check the path.", "missing") from error
    if stat.S_ISDIR(found.st_mode):
        raise VideoError(f"{path} is a folder; give a video file.", "not_video")
    if not stat.S_ISREG(found.st_mode):
        raise VideoError(f"{path} is a device or a pipe; give a video file.", "not_video")
    if found.st_size == 0:
        raise VideoError(f"{path} is empty; copy or download it again.", "not_video")


def _a_playlist(path: Path) -> VideoError:
    return VideoError(
        f"{path} is a playlist, which names other files; give the video files themselves.",
        "not_video",
    )


def no_memory(path: Path) -> VideoError:
    """FFmpeg was refused memory: its error is a MemoryError as well."""
    return VideoError(
        f"{path}: its pictures need more memory than a worker may take; allow more, or leave it "
        "out.",
        "memory",
    )


def _main_stream(container: InputContainer, path: Path) -> VideoStream:
    """The largest of the default video streams, else of all; the first of equals.

    Never a cover picture or the thumbnails of chapters.
    """
    streams = container.streams.video
    if len(streams) == 1 and not int(streams[0].disposition) & _STILLS:
        stream = streams[0]
    else:
        candidates = [one for one in streams if not int(one.disposition) & _STILLS]
        if not candidates:
            raise VideoError(f"{path} has no picture stream; leave it out.", "no_video_stream")
        default = [one for one in candidates if int(one.disposition) & _DEFAULT]
        stream = max(default or candidates, key=_area)
    if stream.codec_context is None:
        raise VideoError(
            f"{path}: this build of FFmpeg has no decoder for it; convert it to H.264.",
            "unsupported",
        )
    return stream


def _declared_size(path: Path, index: int) -> tuple[int, int]:
    """The picture size in the header of a stream, read without any decoder.

    Raises:
        VideoError: there is none.
    """
    options = demuxer_options() | {"codec_whitelist": "none"}
    with av.open(local_url(path), mode="r", container_options=options) as container:
        context = container.streams[index].codec_context
        size = (0, 0)
        if isinstance(context, VideoCodecContext):
            size = context.width, context.height
    if 0 in size:
        raise VideoError(
            f"{path}: its header gives no picture size; it is incomplete.", "not_video"
        )
    return size


def _area(stream: VideoStream) -> int:
    context = stream.codec_context
    return 0 if context is None else context.width * context.height


def check_colours(path: Path, stream: VideoStream, first: VideoFrame) -> None:
    refused = refusal(first)
    if refused is None:
        hidden = hidden_hdr(first, stream.codec_context.codec_tag)
        refused = None if hidden is None else ("hdr", hidden)
    if refused is not None:
        kind, words = refused
        raise VideoError(
            f"{path}: {words}; convert it to BT.709 with another program, or leave it out.", kind
        )
