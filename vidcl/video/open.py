"""Open a video with the decoder of one's choice."""

from pathlib import Path
from typing import Literal

from vidcl.video.reader import VideoReader

#: Decoders by name. PyAV is the reference; another gives the reference's frames or refuses a file.
BackendName = Literal["pyav"]


def open_video(
    path: str | Path, *, backend: BackendName = "pyav", max_side: int | None = None
) -> VideoReader:
    """A reader of the frames of ``path``; close it, or use it in a ``with`` statement.

    Args:
        path: the file.
        backend: what decodes.
        max_side: longer side of the frames in pixels at most. None keeps the size.

    Raises:
        VideoError: the file cannot be opened or not one frame of it decodes.
    """
    if backend != "pyav":
        raise ValueError(f"no decoder is named '{backend}'; there is 'pyav'")
    return VideoReader(path, max_side=max_side)
