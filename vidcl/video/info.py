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
        mirrored: the stored picture is flipped left to right before it is turned.
        pixel_aspect: width over height of one stored pixel; 1 where the file does not say. It is
            recorded only: frames are given as stored.
        interlaced: the first frame is two fields; they are given woven together.
        color_space, color_range, transfer, primaries: FFmpeg's names of the matrix, the range
            (``tv`` limited, ``pc`` full), the transfer function and the primaries of the first
            frame; ``unknown`` where the file does not say.
        hdr: the frames are tone-mapped to BT.709 from ``smpte2084`` (PQ) or ``arib-std-b67``
            (HLG).
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
    mirrored: bool = False
    pixel_aspect: float = 1.0
    interlaced: bool = False
    color_space: str = "unknown"
    color_range: str = "unknown"
    transfer: str = "unknown"
    primaries: str = "unknown"
    hdr: bool = False
