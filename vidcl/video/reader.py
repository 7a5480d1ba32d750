"""Read a video as frames with presentation times, and know why reading stopped."""

import itertools
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from vidcl.video.convert import Converter
from vidcl.video.errors import VideoError
from vidcl.video.frames import DecodeEnd, Frame
from vidcl.video.opened import Opened
from vidcl.video.output import Delivery
from vidcl.video.passes import Request, pass_over
from vidcl.video.request import RateRequest, TimesRequest


class VideoReader:
    """Frames of one file, pulled one by one: nothing is decoded ahead of the caller.

    Frames and times are those of decoding the whole file, but pictures that are not needed are
    left undecoded where the stream allows it.

    Args:
        path: the file.
        max_side: longer side of the frames in pixels at most; the resize happens in the
            conversion to RGB. None keeps the size.
        short_side: shorter side of the frames in pixels at most; not together with ``max_side``.

    Raises:
        VideoError: the file cannot be opened or not one frame of it decodes.
    """

    def __init__(
        self, path: str | Path, *, max_side: int | None = None, short_side: int | None = None
    ) -> None:
        self._running: Generator[Delivery, None, None] | None = None
        self._path = path if isinstance(path, Path) else Path(path)
        self._opened: Opened | None = Opened(self._path)  # for the first pass
        try:
            self.info = self._opened.info()
        except VideoError:
            self.close()
            raise
        self.result = DecodeEnd()
        self._max_side, self._short_side = max_side, short_side

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
            running.close()
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def frames(
        self,
        *,
        rate: float | None = None,
        start: float | None = None,
        end: float | None = None,
        tolerance: float = 0.0,
    ) -> Iterator[Frame]:
        """Frames with ``start <= time < end``, in order of time.

        Args:
            rate: at most so many per second: the first frame at or after each tick of a grid of
                step 1/rate that begins at ``info.start``. The grid does not depend on ``start``,
                so a video read in pieces gives the same frames as read whole. None gives all.
            tolerance: seconds. Above 0, a frame may stand for that first one which is at most so
                far from it and cheaper to decode; it comes with its own time, never twice, and
                times increase. ``start`` and ``end`` then bound the time of the frame it stands
                for.
        """
        request = RateRequest(rate, self.info.start, start, end)
        yield from self._convert(request, tolerance)

    def at(self, times: Sequence[float], tolerance: float = 0.0) -> Iterator[Frame]:
        """The frame on screen at each of ``times`` (seconds, not decreasing).

        A time before the first frame gives the first, one after the last gives the last; after
        an error nothing more is given, and ``result`` says why.

        Args:
            tolerance: seconds. Above 0, a frame may stand for the one on screen which is at most
                so far from it and cheaper to decode.

        Raises:
            ValueError: the times decrease.
        """
        if any(later < earlier for earlier, later in itertools.pairwise(times)):
            raise ValueError("times must not decrease; sort them")
        if len(times):
            yield from self._convert(TimesRequest(times), tolerance)

    def _convert(self, request: Request, tolerance: float) -> Iterator[Frame]:
        opened, self._opened = self._opened, None
        self.close()
        self.result = DecodeEnd()
        if opened is None:
            opened = Opened(self._path)
        pictures = pass_over(opened, request, tolerance, self.info.start, self.result)
        self._running = pictures
        size = self.info.width, self.info.height
        convert = Converter(self._max_side, self._short_side, first=size)
        for picture in pictures:
            try:
                image = convert(picture.frame)
            except VideoError as error:
                self.close()
                self.result.reason = "error"
                self.result.error = VideoError(f"{self._path}: {error}", error.kind)
                return
            frame = Frame(image, picture.time, picture.corrupt)
            for _ in range(picture.repeats):
                yield frame
