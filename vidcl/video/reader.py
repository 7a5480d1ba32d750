"""Read a video as frames with presentation times, and know why reading stopped."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vidcl.video.clock import Clock
from vidcl.video.convert import Converter
from vidcl.video.errors import VideoError
from vidcl.video.frames import DecodeEnd, Frame
from vidcl.video.probe import (
    DECODE_ERRORS,
    declared_end,
    is_dts_only,
    open_stream,
    probe,
    reason,
)

#: Containers whose index takes one to the keyframe at or before a time. The others are read from
#: their beginning, which is slower and never wrong.
_SEEKABLE = ("mov", "matroska")


class VideoReader:
    """Frames of one file, pulled one by one: nothing is decoded ahead of the caller.

    Args:
        path: the file.
        max_side: longer side of the frames in pixels at most; the resize happens in the
            conversion to RGB. None keeps the size.

    Raises:
        VideoError: the file cannot be opened or not one frame of it decodes.
    """

    def __init__(self, path: str | Path, *, max_side: int | None = None) -> None:
        self.info = probe(path)
        self.result = DecodeEnd()
        self._path = Path(path)
        self._max_side = max_side
        self._running: Iterator[_Picture] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; an iteration under way ends."""
        running, self._running = self._running, None
        if running is not None:
            running.close()  # type: ignore[attr-defined]

    def frames(
        self,
        *,
        rate: float | None = None,
        start: float | None = None,
        end: float | None = None,
    ) -> Iterator[Frame]:
        """Frames with ``start <= time < end``, in order of time.

        Args:
            rate: at most so many per second: the first frame at or after each tick of a grid of
                step 1/rate that begins at ``info.start``. The grid does not depend on ``start``,
                so a video read in pieces gives the same frames as read whole. None gives all.
        """
        pictures = self._pictures(start)
        convert = Converter(self._max_side)
        next_tick = 0
        for picture in pictures:
            wanted = True
            if rate is not None:
                wanted = picture.time + picture.tolerance >= self.info.start + next_tick / rate
                if wanted:
                    passed = (picture.time + picture.tolerance - self.info.start) * rate
                    next_tick = math.floor(passed + 1e-9) + 1
            if end is not None and picture.time >= end:
                self.close()
                return
            if wanted and (start is None or picture.time >= start):
                yield Frame(convert(picture.frame), picture.time, picture.corrupt)

    def at(self, times: Sequence[float]) -> Iterator[Frame]:
        """The frame on screen at each of ``times`` (seconds, not decreasing).

        A time before the first frame gives the first, one after the last gives the last; after
        an error nothing more is given, and ``result`` says why.

        Raises:
            ValueError: the times decrease.
        """
        if any(later < earlier for earlier, later in itertools.pairwise(times)):
            raise ValueError("times must not decrease; sort them")
        if len(times) == 0:
            return
        convert = Converter(self._max_side)
        pending = list(reversed(times))
        shown: _Picture | None = None
        for picture in self._pictures(times[0]):
            if shown is not None and picture.time - picture.tolerance > pending[-1]:
                frame = Frame(convert(shown.frame), shown.time, shown.corrupt)
                while pending and picture.time - picture.tolerance > pending[-1]:
                    pending.pop()
                    yield frame
                if not pending:
                    self.close()
                    return
            shown = picture
        if shown is not None and self.result.reason == "end":
            frame = Frame(convert(shown.frame), shown.time, shown.corrupt)
            for _ in pending:
                yield frame

    def _pictures(self, start: float | None) -> Iterator["_Picture"]:
        self.close()
        self.result = DecodeEnd()
        self._running = _decode_from(self._path, start, self.info.start, self.result)
        return self._running


@dataclass(frozen=True)
class _Picture:
    """A decoded frame not yet converted; ``tolerance`` is the grain of its clock in seconds."""

    frame: VideoFrame
    time: float
    corrupt: bool
    tolerance: float


def _decode_from(
    path: Path, start: float | None, first_time: float, result: DecodeEnd
) -> Iterator[_Picture]:
    """Decode so that a frame before ``start`` comes first, where there is one.

    Which frames a rate selects depends on the frame before, so the jump goes a little before
    ``start``, and where the first frame found lies after it, the file is read from its beginning.
    """
    if start is not None and start > first_time + 1.0:
        with open_stream(path) as (container, stream):
            if container.format.name.startswith(_SEEKABLE) and _seek(container, stream, start):
                pictures = _decode(container, stream, path, result)
                first = next(pictures, None)
                if first is not None and first.time < start:
                    yield first
                    yield from pictures
                    return
        result.reason, result.error = "limit", None
        result.frames_decoded = result.corrupt_frames = 0
    with open_stream(path) as (container, stream):
        yield from _decode(container, stream, path, result)


def _seek(container: InputContainer, stream: VideoStream, start: float) -> bool:
    if stream.time_base is None:
        return False
    try:
        # The first packet of an x264 stream names the encoder's version, and FFmpeg works around
        # the faults of old versions only when it has seen it.
        next(iter(container.decode(stream)), None)
        container.seek(int((start - 0.5) / stream.time_base), stream=stream)
    except DECODE_ERRORS:
        return False
    return True


def _decode(
    container: InputContainer, stream: VideoStream, path: Path, result: DecodeEnd
) -> Iterator[_Picture]:
    clock = Clock(stream, is_dts_only(container))
    damaged = False
    frames = container.decode(stream)
    while True:
        try:
            frame = next(frames, None)
        except DECODE_ERRORS as error:
            result.reason = "error"
            result.error = VideoError(
                f"{path}: decoding stopped after {result.frames_decoded} frames "
                f"({reason(error)}); the rest of the file is damaged or missing.",
                "corrupt",
            )
            return
        if frame is None:
            result.reason = "end"
            expected = declared_end(container, stream)
            if expected is not None and clock.last is not None:
                missing = expected - clock.last
                if missing > max(0.5, 0.1 * expected):
                    result.reason = "error"
                    result.error = VideoError(
                        f"{path}: it ends {missing:.1f} s before the time its header gives; "
                        "the rest of the file is missing.",
                        "truncated",
                    )
            return
        damaged = frame.is_corrupt or (damaged and not frame.key_frame)
        result.frames_decoded += 1
        result.corrupt_frames += damaged
        yield _Picture(frame, clock(frame), damaged, clock.tolerance)
