"""One decoded picture, and why an iteration over them stopped: the same whatever decodes."""

from dataclasses import dataclass

import numpy as np

from vidcl.video.errors import VideoError


@dataclass(frozen=True)
class Frame:
    """One decoded picture.

    Attributes:
        image: uint8 [H, W, 3] RGB, rotation applied; rows may lie apart in memory.
        time: presentation time in seconds.
        corrupt: FFmpeg flagged it as damaged, or it lies between such a frame and the next
            keyframe and may show its damage.
    """

    image: np.ndarray
    time: float
    corrupt: bool = False


@dataclass
class DecodeEnd:
    """Why an iteration stopped.

    Attributes:
        reason: ``end`` (no more frames), ``limit`` (the requested end time, or the caller
            stopped asking) or ``error``.
        error: what was wrong, when ``reason`` is ``error``.
        frames_decoded: frames decoded, whether or not they were asked for.
        corrupt_frames: how many of them were corrupt.
        plan: what was left undecoded: ``forward`` (nothing), or ``skip``.
        fallback: why a plan was given up on the way, or None.
    """

    reason: str = "limit"
    error: VideoError | None = None
    frames_decoded: int = 0
    corrupt_frames: int = 0
    plan: str = "forward"
    fallback: str | None = None
