"""Small video files made on the spot: chosen times, tags and containers, and edited headers."""

import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

from vidcl.video.reader import VideoReader

#: Ticks of a second of the times that the tests choose.
TICKS = 1000


def bar_frames(count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Frame ``k`` has the left edge of a bright bar at column ``k``: a frame tells its number."""
    frames = []
    for k in range(count):
        image = np.full((height, width, 3), 40, np.uint8)
        image[:, k : k + 6] = (230, 60, 60)
        frames.append(image)
    return frames


def bar_number(image: np.ndarray) -> int:
    """Which frame of ``bar_frames`` it is."""
    weight = np.clip(image[:, :, 0].astype(float).mean(0) - 100, 0, None)
    return round(float((weight * np.arange(len(weight))).sum() / weight.sum()) - 2.5)


def encode(
    path: Path,
    pictures: Iterable[np.ndarray | VideoFrame],
    *,
    times: Sequence[int] | None = None,
    rate: int = 20,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    container: str | None = None,
    container_options: dict[str, str] | None = None,
    tags: dict[str, int] | None = None,
    pixel_aspect: Fraction | None = None,
    gop: int = 12,
    b_frames: int = 0,
) -> Path:
    """Encode RGB arrays, or frames as they are.

    Args:
        times: presentation times in ticks of 1/1000 s; None is a steady ``rate``.
        tags: colour tags of the frames and the stream: colorspace, color_range, color_trc and
            color_primaries by their numbers in H.273.
    """
    tags = tags or {}
    with av.open(
        str(path), "w", format=container, container_options=container_options or {}
    ) as file:
        stream = None
        for number, picture in enumerate(pictures):
            if isinstance(picture, np.ndarray):
                picture = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            if stream is None:
                stream = file.add_stream(codec, rate=rate, options=options or {})
                stream.width, stream.height = picture.width, picture.height
                stream.pix_fmt = pixel_format
                stream.codec_context.thread_count = 1
                stream.codec_context.gop_size = gop
                stream.codec_context.max_b_frames = b_frames
                if times is not None:
                    stream.time_base = stream.codec_context.time_base = Fraction(1, TICKS)
                if pixel_aspect is not None:
                    stream.codec_context.sample_aspect_ratio = pixel_aspect
                for name, value in tags.items():
                    setattr(stream.codec_context, name, value)
            if picture.format.name == "rgb24" and pixel_format not in ("rgb24", "rgb8"):
                picture = picture.reformat(
                    format=pixel_format, dst_colorspace=tags.get("colorspace")
                )
            for name, value in tags.items():
                setattr(picture, name, value)
            picture.pts = number if times is None else times[number]
            picture.time_base = Fraction(1, rate if times is None else TICKS)
            file.mux(stream.encode(picture))
        assert stream is not None
        file.mux(stream.encode(None))
    return path


def remux(
    sources: Sequence[Path],
    path: Path,
    *,
    dispositions: Sequence[str] = (),
    container: str | None = None,
) -> Path:
    """The first stream of each source side by side in one file, packets as they are."""
    inputs = [av.open(str(source)) for source in sources]
    with av.open(str(path), "w", format=container) as file:
        streams = [file.add_stream_from_template(source.streams[0]) for source in inputs]
        for stream, disposition in zip(streams, dispositions, strict=False):
            stream.disposition = av.stream.Disposition[disposition] if disposition else 0
        for source, stream in zip(inputs, streams, strict=True):
            for packet in source.demux(source.streams[0]):
                if packet.dts is not None:
                    packet.stream = stream
                    file.mux(packet)
    for source in inputs:
        source.close()
    return path


def find_box(data: bytes | bytearray, name: bytes, start: int = 0) -> int:
    """Where the content of the first MP4 box of a name begins."""
    place = data.index(name, start)
    return place + 4


def set_matrix(path: Path, a: float, b: float, c: float, d: float) -> None:
    """Write the display matrix of the first track of an MP4 (x' = a x + c y, y' = b x + d y)."""
    data = bytearray(path.read_bytes())
    box = find_box(data, b"tkhd")
    place = box + 40  # version, times, track, duration, reserved, layer, group, volume
    fixed = [int(value * 65536) for value in (a, b)]
    other = [int(value * 65536) for value in (c, d)]
    struct.pack_into(">9i", data, place, *fixed, 0, *other, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def set_first_edit(path: Path, media_time: int) -> None:
    """Let the first entry of an MP4's edit list begin at another time of the track's clock."""
    data = bytearray(path.read_bytes())
    box = find_box(data, b"elst")
    assert data[box] == 0, "a version-0 list"
    struct.pack_into(">i", data, box + 12, media_time)
    path.write_bytes(data)


def tone(path: Path, seconds: float, codec: str = "aac", samples: str = "fltp") -> Path:
    """A track of silence and nothing else."""
    kind = np.float32 if samples == "fltp" else np.int16
    with av.open(str(path), "w", format="mp4" if codec == "aac" else None) as file:
        stream = file.add_stream(codec, rate=16000, layout="mono")
        for k in range(round(seconds * 16000 / 1024)):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), kind), samples, "mono")
            frame.sample_rate, frame.pts = 16000, k * 1024
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def read(path: Path) -> tuple[list[int], list[float], VideoReader]:
    """Numbers of the frames, their times in seconds, and the reader when it has finished."""
    with VideoReader(path) as reader:
        frames = list(reader.frames())
    return [bar_number(f.image) for f in frames], [f.time for f in frames], reader
