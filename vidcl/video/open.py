"""Open a video with the decoder of one's choice."""

from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self, get_args

from vidcl.errors import VidclError
from vidcl.video.frames import DecodeEnd, Frame
from vidcl.video.info import VideoInfo

#: Decoders by name. PyAV is the reference; another gives the reference's frames or refuses a file.
BackendName = Literal["pyav", "decord", "torchcodec"]

#: The distribution that holds each decoder.
_DISTRIBUTIONS: dict[BackendName, str] = {
    "pyav": "av",
    "decord": "decord",
    "torchcodec": "torchcodec",
}


class Reader(Protocol):
    """Frames of one file, pulled one by one, whatever decodes them.

    Attributes:
        info: what the file holds and what decodes it.
        result: why the last iteration stopped; complete once it has ended.
    """

    info: VideoInfo
    result: DecodeEnd

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def close(self) -> None:
        """Close the file; an iteration under way ends."""

    def frames(
        self,
        *,
        rate: float | None = None,
        start: float | None = None,
        end: float | None = None,
        tolerance: float = 0.0,
    ) -> Iterator[Frame]:
        """Frames with ``start <= time < end`` in order of time, at most ``rate`` per second: the
        first at or after each tick of a grid from ``info.start``, or one at most ``tolerance``
        seconds away from it."""

    def at(self, times: Sequence[float], tolerance: float = 0.0) -> Iterator[Frame]:
        """The frame on screen at each of ``times`` (seconds, not decreasing)."""


def open_video(
    path: str | Path,
    *,
    backend: BackendName = "pyav",
    max_side: int | None = None,
    short_side: int | None = None,
) -> Reader:
    """A reader of the frames of ``path``; close it, or use it in a ``with`` statement.

    Args:
        path: the file.
        backend: what decodes.
        max_side: longer side of the frames in pixels at most. None keeps the size.
        short_side: shorter side of the frames in pixels at most; not together with ``max_side``.

    Raises:
        VideoError: the file cannot be opened, not one frame of it decodes, or ``backend`` cannot
            be trusted with it (kind ``refused``).
        VidclError: what ``backend`` needs is not installed.
        ValueError: no decoder has this name, or both sides are given.
    """
    if backend == "pyav":
        from vidcl.video.reader import VideoReader

        return VideoReader(path, max_side=max_side, short_side=short_side)
    if backend == "decord":
        from vidcl.video.backends.decord_reader import open_decord

        return open_decord(path, max_side=max_side, short_side=short_side)
    if backend == "torchcodec":
        from vidcl.video.backends.torchcodec_reader import open_torchcodec

        return open_torchcodec(path, max_side=max_side, short_side=short_side)
    raise ValueError(f"no decoder is named '{backend}'; there are {_names()}")


def backend_version(name: BackendName) -> str:
    """Name and version of a decoder, such as ``decord 0.6.0``, without importing it.

    Raises:
        VidclError: it is not installed.
        ValueError: no decoder has this name.
    """
    if name not in _DISTRIBUTIONS:
        raise ValueError(f"no decoder is named '{name}'; there are {_names()}")
    try:
        return f"{name} {metadata.version(_DISTRIBUTIONS[name])}"
    except metadata.PackageNotFoundError as error:
        install = "av" if name == "pyav" else f"vidcl[{name}]"
        raise VidclError(f"{name} is not installed: run pip install '{install}'.") from error


def _names() -> str:
    return ", ".join(f"'{name}'" for name in get_args(BackendName))
