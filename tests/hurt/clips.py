"""Videos for the tests that hurt: small, of several codecs, and long enough to be stopped in."""

from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tests.tracks.clips import texture
from vidcl.video.writer import write_video

#: File name -> (encoder, pixel format): what the short fuzz mutates.
CODECS = {
    "h264.mp4": ("libx264", "yuv420p"),
    "hevc.mkv": ("libx265", "yuv420p"),
    "vp9.webm": ("libvpx-vp9", "yuv420p"),
    "av1.mp4": ("libsvtav1", "yuv420p"),
    "mpeg4.avi": ("mpeg4", "yuv420p"),
    "mjpeg.avi": ("mjpeg", "yuvj420p"),
    "gif.gif": ("gif", "rgb8"),
    "h264.ts": ("libx264", "yuv420p"),
    "mpeg2.mpg": ("mpeg2video", "yuv420p"),
    "h264.mov": ("libx264", "yuv420p"),
}


def moving_pictures(seed: int, count: int, height: int = 96, width: int = 128) -> list[np.ndarray]:
    """A textured square over a drifting textured ground: ``count`` of uint8 [H, W, 3]."""
    ground = texture(seed, 2 * height, 2 * width, grain=10)
    side = height // 3
    thing = texture(seed + 1000, side, side, grain=5)
    pictures = []
    for k in range(count):
        x, y = _to_and_fro(k // 2, width), _to_and_fro(k // 3, height)
        image = np.ascontiguousarray(ground[y : y + height, x : x + width])
        left, top = _to_and_fro(k, width - side), _to_and_fro(k // 2, height - side)
        image[top : top + side, left : left + side] = thing
        pictures.append(image)
    return pictures


def write_clips(folder: Path, count: int, *, seconds: float = 5.0, rate: int = 25) -> None:
    """``count`` good videos, and one that is cut off and one that is none."""
    for number in range(count):
        pictures = moving_pictures(number, round(seconds * rate))
        write_video(folder / f"clip{number}.mkv", pictures, rate=rate)
    data = (folder / "clip0.mkv").read_bytes()
    (folder / "half.mkv").write_bytes(data[: len(data) // 2])
    (folder / "words.mp4").write_text("these are only words\n" * 40)


def write_codecs(folder: Path, *, count: int = 30, rate: int = 10) -> None:
    """One short video of each of ``CODECS``."""
    for number, (name, (codec, pixel_format)) in enumerate(CODECS.items()):
        # MPEG-2 knows 25 pictures per second, and not 10
        pace = 25 if codec == "mpeg2video" else rate
        with av.open(str(folder / name), mode="w") as container:
            stream = cast(VideoStream, container.add_stream(codec, rate=pace))
            stream.width, stream.height, stream.pix_fmt = 96, 64, pixel_format
            stream.codec_context.gop_size = 12
            stream.codec_context.thread_count = 1
            for k, image in enumerate(moving_pictures(number, count, 64, 96)):
                picture = VideoFrame.from_ndarray(image, format="rgb24")
                picture.pts, picture.time_base = k, Fraction(1, pace)
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))


def _to_and_fro(step: int, room: int) -> int:
    """0, 1, ..., room, room - 1, ..., 0, 1, ..."""
    return room - abs(step % (2 * room) - room)
