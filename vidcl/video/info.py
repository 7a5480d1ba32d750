"""What a video file says it holds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class VideoInfo:
    """What a video file holds, before it is decoded.

    Attributes:
        width, height: pixels, after rotation.
        duration: seconds, or None where the file does not say.
        start: presentation time of the first frame in seconds.
        rate: average frames per second, or None.
        codec, pixel_format: FFmpeg's names.
        rotation: degrees counter-clockwise that the stored picture is turned by for display:
            0, 90, 180 or 270.
        declared_frames: what the header claims; it may lie, and None is "does not say".
        backend, backend_version: what decoded it.
    """

    path: str
    width: int
    height: int
    duration: float | None
    start: float
    rate: float | None
    codec: str
    pixel_format: str
    rotation: int
    declared_frames: int | None
    backend: str
    backend_version: str
