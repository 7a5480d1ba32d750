"""Encode pictures to a video file: for the procedural world and for tests."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vidcl.errors import VidclError
from vidcl.files import atomic_path


def write_video(
    path: str | Path,
    frames: Iterable[np.ndarray],
    *,
    rate: float | Fraction,
    codec: str = "libx264",
    crf: int = 23,
    gop: int = 12,
    b_frames: int = 2,
    pixel_format: str = "yuv420p",
) -> None:
    """Encode ``frames`` to ``path``; the container follows from its extension.

    The file appears whole or not at all, and with libx264 the same pixels give the same bytes.

    Args:
        frames: uint8 [H, W, 3] RGB, all of one size; even sides for the default pixel format.
        rate: frames per second.
        crf: constant rate factor of x264, x265, VP9 and AV1 (lower is better).
        gop: largest distance between keyframes.
        b_frames: consecutive B-frames.

    Raises:
        VidclError: there is no frame, sizes differ, or the encoder refuses.
    """
    path = Path(path)
    fraction = Fraction(rate).limit_denominator(100_000)
    with atomic_path(path) as aside:
        count = 0
        with av.open(str(aside), mode="w", format=_muxer(path)) as container:
            stream: VideoStream | None = None
            for image in frames:
                if stream is None:
                    height, width = image.shape[:2]
                    options = {"crf": str(crf)}
                    if codec == "libx264":
                        # Macroblock trees made different files of the same frames from run to run;
                        # without adaptive placement, B-frames are where they were asked for.
                        options |= {"preset": "veryfast", "bf": str(b_frames)}
                        options |= {"x264-params": "mbtree=0:b-adapt=0"}
                    stream = _add_stream(container, codec, fraction, options)
                    stream.width, stream.height = width, height
                    stream.pix_fmt = pixel_format
                    stream.codec_context.gop_size = gop
                    stream.codec_context.max_b_frames = b_frames
                    stream.codec_context.thread_count = 1
                if image.shape != (height, width, 3) or image.dtype != np.uint8:
                    raise VidclError(
                        f"Frame {count} is {image.dtype} {image.shape}; all must be uint8 "
                        f"({height}, {width}, 3)."
                    )
                picture = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
                picture.pts = count
                picture.time_base = 1 / fraction
                container.mux(stream.encode(picture))
                count += 1
            if stream is None:
                raise VidclError(f"No frames to write to {path}; give at least one.")
            container.mux(stream.encode(None))


def _add_stream(
    container: OutputContainer, codec: str, rate: Fraction, options: dict[str, str]
) -> VideoStream:
    try:
        stream = container.add_stream(codec, rate=rate, options=options)
    except (ValueError, av.error.FFmpegError) as error:
        raise VidclError(f"FFmpeg has no video encoder '{codec}'; try libx264.") from error
    if not isinstance(stream, VideoStream):
        raise VidclError(f"'{codec}' does not encode pictures; try libx264.")
    return stream


def _muxer(path: Path) -> str:
    """FFmpeg's name of the container for an extension: the temporary file has another one."""
    names = {".mkv": "matroska", ".ts": "mpegts", ".mpg": "mpeg", ".m4v": "mp4"}
    suffix = path.suffix.lower()
    return names.get(suffix, suffix.lstrip(".") or "mp4")
