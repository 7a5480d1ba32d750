"""Decode every picture of a file, from its beginning or from a jump on."""

from collections.abc import Generator

from av.video.frame import VideoFrame

from vidcl.video.clock import Clock
from vidcl.video.errors import VideoError
from vidcl.video.frames import DecodeEnd
from vidcl.video.opened import Opened
from vidcl.video.probe import DECODE_ERRORS, declared_end, no_memory, reason

#: A decoded frame not yet converted, its time in seconds, and whether it is damaged.
Picture = tuple[VideoFrame, float, bool]


def decode_from(
    opened: Opened, start: float | None, first_time: float, result: DecodeEnd
) -> Generator[Picture, None, None]:
    """Decode so that a frame before ``start`` comes first, where there is one.

    Which frames a rate selects depends on the frame before, so the jump goes a little before
    ``start``, and where the first frame found lies after it, the file is read from its beginning.

    Args:
        opened: a file at its beginning; it is left open.
        result: is kept up to date.
    """
    base = opened.stream.time_base
    if start is not None and start > first_time + 1.0 and opened.seekable() and base is not None:
        try:
            opened.jump(int((start - 0.5) / base))
            pictures = _decode(opened, first_time, result)
            first = next(pictures, None)
        except DECODE_ERRORS:
            first = None
        if first is not None and first[1] < start:
            yield first
            yield from pictures
            return
        result.reason, result.error = "limit", None
        again = Opened(opened.path)
        try:
            yield from _decode(again, first_time, result)
        finally:
            again.close()
        return
    yield from _decode(opened, first_time, result)


def ended(opened: Opened, first_time: float, last: float | None) -> VideoError | None:
    """What is wrong with a stream shown from ``first_time`` to ``last`` seconds, or None."""
    expected = declared_end(opened.container, opened.stream)
    if expected is None or last is None:
        return None
    missing = expected - last
    if missing <= max(0.5, 0.1 * (expected - first_time)):
        return None
    return VideoError(
        f"{opened.path}: it ends {missing:.1f} s before the time its header gives; "
        "the rest of the file is missing.",
        "truncated",
    )


def _stopped(opened: Opened, frames: int, error: BaseException) -> VideoError:
    if isinstance(error, MemoryError):  # FFmpeg's is one too
        return no_memory(opened.path)
    return VideoError(
        f"{opened.path}: decoding stopped after {frames} frames ({reason(error)}); the rest of "
        "the file is damaged or missing.",
        "corrupt",
    )


def _decode(opened: Opened, first_time: float, result: DecodeEnd) -> Generator[Picture, None, None]:
    clock = Clock(opened.stream, opened.by_dts)
    damaged = False
    try:
        for frames in opened.decode():
            for frame in frames:
                result.frames_decoded += 1
                if damaged or frame.is_corrupt:
                    damaged = frame.is_corrupt or not frame.key_frame
                    result.corrupt_frames += damaged
                yield frame, clock(frame), damaged
    except (*DECODE_ERRORS, MemoryError) as error:
        result.reason, result.error = "error", _stopped(opened, result.frames_decoded, error)
        return
    result.error = ended(opened, first_time, clock.last)
    result.reason = "end" if result.error is None else "error"
