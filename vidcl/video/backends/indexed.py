"""A reader on top of a decoder that gives frames by their number."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from vidcl.video.backends.packets import PacketScan
from vidcl.video.backends.trust import refused
from vidcl.video.errors import VideoError
from vidcl.video.frames import DecodeEnd, Frame
from vidcl.video.info import VideoInfo
from vidcl.video.sampling import RateSampler, Sampler, TimesSampler

#: Frames fetched at a time: so many at most, and so many bytes of pixels.
_BATCH = 16
_BATCH_BYTES = 64 << 20


class FrameSource(Protocol):
    """An open file of a decoder that counts frames."""

    def fetch(self, indices: np.ndarray) -> np.ndarray:
        """uint8 [M, H, W, 3] RGB of the frames of these increasing numbers, as they are shown.

        Raises:
            RuntimeError: the decoder fails, or gives other frames.
        """

    def close(self) -> None:
        """Let go of the file."""


class IndexedReader:
    """Frames by time from a decoder that knows them by number; the interface is ``Reader``.

    The times are those of the packets, read beforehand; the decoder is asked for the frames that
    the request means and for no others, a few at a time, so exactly: ``tolerance`` is not used.
    Damage that the decoder conceals is not seen: ``Frame.corrupt`` is always False.

    Args:
        path: the file.
        info: what it holds, with the name and version of this decoder.
        scan: its packets.
        open_source: opens the decoder; called again for an iteration after ``close``.

    Raises:
        VideoError: the decoder does not open the file (kind ``refused``).
    """

    def __init__(
        self,
        path: str | Path,
        info: VideoInfo,
        scan: PacketScan,
        open_source: Callable[[], FrameSource],
    ) -> None:
        self.info = info
        self.result = DecodeEnd()
        self._path = Path(path)
        self._times = scan.times
        self._grain = scan.grain
        self._open_source = open_source
        self._running: Iterator[Frame] | None = None
        self._source: FrameSource | None = open_source()

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
        self._stop()
        source, self._source = self._source, None
        if source is not None:
            source.close()

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
                step 1/rate that begins at ``info.start``. None gives all.
            start, end: seconds.
            tolerance: not used, see the class.
        """
        whole = end is None or self._times[-1] < end
        sampler: RateSampler[int] = RateSampler(rate, self.info.start, self._grain, start, end)
        return self._begin(sampler, "end" if whole else "limit")

    def at(self, times: Sequence[float], tolerance: float = 0.0) -> Iterator[Frame]:
        """The frame on screen at each of ``times`` (seconds, not decreasing).

        A time before the first frame gives the first, one after the last gives the last; after
        an error nothing more is given, and ``result`` says why.

        Raises:
            ValueError: the times decrease.
        """
        sampler: TimesSampler[int] = TimesSampler(times, self._grain)
        passed = not len(times) or times[-1] < self._times[-1] - self._grain
        return self._begin(sampler, "limit" if passed else "end")

    def _begin(self, sampler: Sampler[int], reason: str) -> Iterator[Frame]:
        self._stop()
        self.result = DecodeEnd()
        self._running = self._give(_chosen(sampler, self._times), reason, self.result)
        return self._running

    def _stop(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.close()  # type: ignore[attr-defined]

    def _give(
        self, chosen: list[tuple[int, int]], reason: str, result: DecodeEnd
    ) -> Iterator[Frame]:
        """Yield frames given as numbers and how often each is wanted."""
        size = max(1, min(_BATCH, _BATCH_BYTES // (self.info.width * self.info.height * 3)))
        for first in range(0, len(chosen), size):
            part = chosen[first : first + size]
            indices = np.array([index for index, _ in part])
            try:
                images = self._fetch(indices)
            except RuntimeError as error:
                result.reason = "error"
                result.error = _stopped(self._path, self.info.backend, result, error)
                return
            result.frames_decoded += len(part)
            for row, (index, count) in enumerate(part):
                # A frame kept by the caller must not keep the others of its batch.
                frame = Frame(images[row].copy(), float(self._times[index]))
                for _ in range(count):
                    yield frame
        result.reason = reason

    def _fetch(self, part: np.ndarray) -> np.ndarray:
        if self._source is None:
            self._source = self._open_source()
        images = self._source.fetch(part)
        if len(images) != len(part):
            raise RuntimeError(f"{len(images)} frames came for {len(part)} asked for")
        return images


def _chosen(sampler: Sampler[int], times: np.ndarray) -> list[tuple[int, int]]:
    """Numbers of the frames that the reference's sampler selects, and how often."""
    settled = []
    for index, time in enumerate(times.tolist()):
        if sampler.done:
            break
        settled.append(sampler.push(index, time))
    if not sampler.done:
        settled.append(sampler.finish())
    return [found for found in settled if found is not None and found[1]]


def with_backend(info: VideoInfo, name_and_version: str) -> VideoInfo:
    """``info`` as read by another decoder, given as ``decord 0.6.0``."""
    name, version = name_and_version.split(" ", 1)
    return dataclasses.replace(info, backend=name, backend_version=version)


def check_first(path: str | Path, info: VideoInfo, scan: PacketScan) -> None:
    """Refuse a file whose first frame is not that of its first packet.

    Raises:
        VideoError: kind ``refused``.
    """
    if abs(scan.times[0] - info.start) > max(scan.grain, 1e-6):
        raise refused(
            path,
            info.backend,
            f"its first packet is shown at {scan.times[0]:.3f} s and its first frame at "
            f"{info.start:.3f} s",
        )


def _stopped(path: Path, backend: str, result: DecodeEnd, error: Exception) -> VideoError:
    """Native errors run over many lines; the first one names the fault."""
    words = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return refused(path, backend, f"it stopped after {result.frames_decoded} frames: {words}")
