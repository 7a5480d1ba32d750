"""The clips that every decoder must read as they are, or refuse by name."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from PIL import Image

from tests.video.encode import bar_frames, encode, find_box, remux, set_first_edit, set_matrix

#: Frames of each clip, and how many per second where the times are even.
COUNT, RATE = 40, 20
#: Uneven times in milliseconds.
UNEVEN = [50 * k + (20 if k % 3 == 1 else 0) for k in range(COUNT)]

Make = Callable[[Path], Path]


def make(suffix: str, **options: object) -> Make:
    def write(folder: Path) -> Path:
        return encode(folder / f"a.{suffix}", bar_frames(COUNT), **{"rate": RATE, **options})

    return write


def turned(a: float, b: float, c: float, d: float) -> Make:
    """Stored 80 pixels high, so that none becomes narrower than decord can do."""

    def write(folder: Path) -> Path:
        path = encode(folder / "a.mp4", bar_frames(COUNT, 80, 64), rate=RATE)
        set_matrix(path, a, b, c, d)
        return path

    return write


def odd_size(folder: Path) -> Path:
    frames = bar_frames(COUNT, 47, 63)
    return encode(folder / "a.webm", frames, rate=RATE, codec="libvpx-vp9")


def narrow(folder: Path) -> Path:
    """48 pixels wide, of which decord makes a fourth channel."""
    return encode(folder / "a.mp4", bar_frames(COUNT, 64, 48), rate=RATE)


def two_streams(folder: Path) -> Path:
    """The second one is larger, and neither is the default."""
    small = encode(folder / "small.mkv", bar_frames(COUNT, 32, 64), rate=RATE)
    large = encode(folder / "large.mkv", bar_frames(COUNT), rate=RATE)
    return remux([small, large], folder / "a.mkv", dispositions=("", ""))


def size_changes(folder: Path) -> Path:
    """Larger from the middle on."""
    halves = []
    for name, size in (("small", (48, 64)), ("large", (96, 128))):
        frames = bar_frames(COUNT // 2, *size)
        halves.append(encode(folder / f"{name}.mkv", frames, rate=RATE, codec="mjpeg", **FULL))
    with av.open(str(halves[0])) as first, av.open(str(folder / "a.mkv"), "w") as file:
        stream = file.add_stream_from_template(first.streams[0])
        number = 0
        for half in halves:
            with av.open(str(half)) as source:
                for packet in source.demux(source.streams[0]):
                    if packet.dts is not None:
                        packet.pts = packet.dts = number * 1000 // RATE
                        packet.time_base, packet.stream = Fraction(1, 1000), stream
                        file.mux(packet)
                        number += 1
    return folder / "a.mkv"


def palette(folder: Path) -> Path:
    picture = Image.fromarray(bar_frames(1)[0]).quantize(8)
    picture.save(folder / "a.png")
    return remux([folder / "a.png"], folder / "a.mov")


def transparent(folder: Path) -> Path:
    """Hidden colours on the left, which the reference shows black."""
    layers = np.full((48, 64, 4), (200, 100, 50, 255), np.uint8)
    layers[:, :32, 3] = 0
    picture = VideoFrame.from_ndarray(layers, format="rgba")
    return encode(folder / "a.mov", [picture] * COUNT, rate=RATE, codec="png", pixel_format="rgba")


def damaged_packet(folder: Path) -> Path:
    """The last picture is cut short, too little for the duration to tell."""
    options = {"movflags": "faststart"}
    path = encode(folder / "a.mp4", bar_frames(COUNT), rate=RATE, container_options=options)
    path.write_bytes(path.read_bytes()[:-5])
    return path


def without_duration(folder: Path) -> Path:
    """What a live stream leaves: no duration and no index."""
    options = {"live": "1"}
    return encode(folder / "a.mkv", bar_frames(COUNT), rate=RATE, container_options=options)


def truncated(folder: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 255, (COUNT, 48, 64, 3), dtype=np.uint8)
    options = {"movflags": "faststart"}
    path = encode(folder / "a.mp4", list(noise), rate=RATE, container_options=options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def overreported(folder: Path) -> Path:
    """AVI states its frames twice; both are made too many."""
    path = encode(folder / "a.avi", bar_frames(COUNT), rate=RATE, codec="mjpeg", **FULL)
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"avih") + 8 + 16, COUNT + 20)
    struct.pack_into("<I", data, data.index(b"strh") + 8 + 32, COUNT + 20)
    path.write_bytes(data)
    return path


def overreported_mp4(folder: Path) -> Path:
    """More entries in the tables of an MP4 than pictures: the last ones lie beyond the file."""
    path = encode(folder / "a.mp4", bar_frames(COUNT), rate=RATE)
    data = bytearray(path.read_bytes())
    place = find_box(data, b"stsz") + 8  # version, one size for all
    count = struct.unpack_from(">I", data, place)[0]
    assert count == COUNT
    # One size for all samples needs no table, so more samples than the file holds can be claimed.
    struct.pack_into(">II", data, place - 4, 20, COUNT + 20)
    path.write_bytes(data)
    return path


def edited(folder: Path) -> Path:
    """An edit list that leaves out the first ten frames."""
    path = encode(folder / "a.mp4", bar_frames(COUNT), rate=RATE, gop=12)
    with av.open(str(path)) as file:
        base = file.streams.video[0].time_base or Fraction(1)
    set_first_edit(path, round(Fraction(10, RATE) / base))
    data = bytearray(path.read_bytes())
    for name, offset in ((b"tkhd", 20), (b"mdhd", 16), (b"elst", 8)):
        place = find_box(data, name) + offset
        whole = struct.unpack_from(">I", data, place)[0]
        struct.pack_into(">I", data, place, whole * (COUNT - 10) // COUNT)
    path.write_bytes(data)
    return path


def damaged(folder: Path) -> Path:
    """Bits flipped in the middle of the pictures, which the decoder conceals."""
    noise = np.random.default_rng(0).integers(0, 255, (COUNT, 48, 64, 3), dtype=np.uint8)
    path = encode(folder / "a.mp4", list(noise), rate=RATE)
    data = bytearray(path.read_bytes())
    for place in range(len(data) // 3, len(data) // 2, 997):
        data[place] ^= 0x10
    path.write_bytes(data)
    return path


#: Full range, which Motion JPEG is in.
FULL: dict[str, object] = {"pixel_format": "yuvj420p"}
OPEN = {"x264-params": "open-gop=1:scenecut=0:b-adapt=0:bframes=3"}

#: Clips of ``bar_frames``, whole.
CLIPS: dict[str, Make] = {
    "h264_baseline.mp4": make("mp4", options={"profile": "baseline"}),
    "h264_b_frames.mp4": make("mp4", b_frames=3),
    "h264_long_gop.mkv": make("mkv", gop=1000, b_frames=2),
    "h264_open_gop.mkv": make("mkv", gop=8, b_frames=3, options=OPEN),
    "h264.ts": make("ts", b_frames=2),
    "h264.avi": make("avi"),
    "h264_uneven.mp4": make("mp4", times=UNEVEN, b_frames=2),
    "h264_late.mkv": make("mkv", times=[5000 + 50 * k for k in range(COUNT)]),
    "h264_edited.mp4": edited,
    "h264_444.mp4": make("mp4", pixel_format="yuv444p"),
    "h264_10_bit.mkv": make("mkv", pixel_format="yuv420p10le"),
    "h264_709.mp4": make(
        "mp4",
        tags={"colorspace": 1, "color_trc": 1, "color_primaries": 1, "color_range": 1},
    ),
    "h264_full_range.mp4": make("mp4", **FULL),
    "h264_pq.mkv": make(
        "mkv",
        pixel_format="yuv420p10le",
        tags={"colorspace": 9, "color_trc": 16, "color_primaries": 9, "color_range": 1},
    ),
    "h264_wide_gamut.mp4": make(
        "mp4",
        tags={"colorspace": 9, "color_trc": 14, "color_primaries": 9, "color_range": 1},
    ),
    "rotated_90.mp4": turned(0, -1, 1, 0),
    "rotated_180.mp4": turned(-1, 0, 0, -1),
    "rotated_270.mp4": turned(0, 1, -1, 0),
    "mirrored.mp4": turned(-1, 0, 0, 1),
    "hevc.mp4": make("mp4", codec="libx265", options={"x265-params": "log-level=none"}),
    "hevc_b_frames.mkv": make(
        "mkv",
        codec="libx265",
        gop=8,
        b_frames=3,
        options={"x265-params": "log-level=none:open-gop=0:scenecut=0"},
    ),
    "vp8.webm": make("webm", codec="libvpx", options={"auto-alt-ref": "1", "lag-in-frames": "16"}),
    "vp9.webm": make("webm", codec="libvpx-vp9", options={"lag-in-frames": "16"}),
    "vp9_odd.webm": odd_size,
    "av1.mkv": make("mkv", codec="libsvtav1", options={"preset": "12", "svtav1-params": "lp=1"}),
    "mpeg2.mpg": make("mpg", codec="mpeg2video", rate=25, b_frames=2),
    "mpeg2.mkv": make("mkv", codec="mpeg2video", rate=25, b_frames=2),
    "mpeg4.avi": make("avi", codec="mpeg4"),
    "mpeg4_b_frames.avi": make("avi", codec="mpeg4", b_frames=2),
    "mpeg4_b_frames.mp4": make("mp4", codec="mpeg4", b_frames=2),
    "mjpeg.avi": make("avi", codec="mjpeg", **FULL),
    "animation.gif": make("gif", codec="gif", pixel_format="rgb8"),
    "palette.mov": palette,
    "transparent.mov": transparent,
    "narrow.mp4": narrow,
    "two_streams.mkv": two_streams,
    "size_changes.mkv": size_changes,
    "interlaced.mkv": make("mkv", options={"x264-params": "tff=1"}),
    "wide_pixels.mp4": make("mp4", pixel_aspect=Fraction(4, 3)),
    "fragments.mp4": make("mp4", container_options={"movflags": "frag_keyframe+empty_moov"}),
    "negative_times.mkv": make("mkv", times=[50 * k - 200 for k in range(COUNT)]),
    "without_duration.mkv": without_duration,
}

#: Clips that nobody can read whole, or that lie about themselves.
BROKEN: dict[str, Make] = {
    "truncated.mp4": truncated,
    "damaged_packet.mp4": damaged_packet,
    "overreported.avi": overreported,
    "overreported.mp4": overreported_mp4,
}
