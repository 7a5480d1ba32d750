"""Several pictures in one file, covers, flips, odd codings, sizes that change on the way."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tests.video.encode import bar_frames, bar_number, encode, remux, set_matrix, tone
from vidcl.video.errors import VideoError
from vidcl.video.probe import probe
from vidcl.video.reader import VideoReader

#: Turned and flipped displays: x' = a x + c y, y' = b x + d y, and what they make of a picture.
DISPLAYS = {
    "as it is": ((1, 0, 0, 1), lambda p: p),
    "clockwise": ((0, 1, -1, 0), lambda p: np.rot90(p, 3)),
    "half a turn": ((-1, 0, 0, -1), lambda p: np.rot90(p, 2)),
    "counter-clockwise": ((0, -1, 1, 0), lambda p: np.rot90(p, 1)),
    "left to right": ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
    "top to bottom": ((1, 0, 0, -1), lambda p: p[::-1]),
    "about the diagonal": ((0, 1, 1, 0), lambda p: p.transpose(1, 0, 2)),
    "about the other diagonal": ((0, -1, -1, 0), lambda p: np.rot90(p, 2).transpose(1, 0, 2)),
    "slightly turned": ((0.98, 0.2, -0.2, 0.98), lambda p: p),
}


@pytest.mark.parametrize("display", DISPLAYS)
def test_the_display_matrix_is_undone(tmp_path: Path, display: str) -> None:
    matrix, expected = DISPLAYS[display]
    picture = (
        np.random.default_rng(0).integers(0, 255, (6, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    )
    path = encode(tmp_path / "a.mp4", [picture] * 3, options={"crf": "5"})
    with VideoReader(path) as reader:
        stored = next(iter(reader.frames())).image
    set_matrix(path, *matrix)
    with VideoReader(path) as reader:
        shown = next(iter(reader.frames())).image
        assert (reader.info.height, reader.info.width) == shown.shape[:2]
    assert np.array_equal(shown, expected(stored))
    with VideoReader(path, max_side=32) as reader:
        small = next(iter(reader.frames())).image
    assert max(small.shape) == 32
    assert small.shape[:2] == (shown.shape[0] // 2, shown.shape[1] // 2)


def test_the_largest_default_stream_is_the_video(tmp_path: Path) -> None:
    small = encode(tmp_path / "small.mkv", bar_frames(10, 32, 48))
    large = encode(tmp_path / "large.mkv", bar_frames(10, 64, 96))
    for dispositions, expected in (
        (("default", "default"), (96, 64)),
        (("default", ""), (48, 32)),
        (("", ""), (96, 64)),
    ):
        path = remux([small, large], tmp_path / "both.mkv", dispositions=dispositions)
        with av.open(str(path)) as file:
            named = tuple(stream.disposition.name or "" for stream in file.streams)
        assert named == dispositions
        info = probe(path)
        assert (info.width, info.height) == expected, dispositions


def cover(path: Path) -> Path:
    """One frame of 200 x 200: larger than any film here."""
    return encode(
        path, [np.full((200, 200, 3), 99, np.uint8)], codec="mjpeg", pixel_format="yuvj420p"
    )


def test_a_cover_is_not_the_video(tmp_path: Path) -> None:
    picture = cover(tmp_path / "cover.mov")
    film = encode(tmp_path / "film.mp4", bar_frames(10))
    for name in ("a.mp4", "a.mov"):
        path = remux([picture, film], tmp_path / name, dispositions=("attached_pic", "default"))
        with VideoReader(path) as reader:
            assert [bar_number(f.image) for f in reader.frames()] == list(range(10)), name


def test_an_attached_picture_of_matroska_is_not_the_video(tmp_path: Path) -> None:
    jpeg = io.BytesIO()
    Image.new("RGB", (200, 200)).save(jpeg, "JPEG")
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as file:
        file.add_attachment("cover.jpg", "image/jpeg", jpeg.getvalue())
        stream = file.add_stream("libx264", rate=20)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number, image in enumerate(bar_frames(10)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    with av.open(str(path)) as file:
        assert len(file.streams.video) == 2
    with VideoReader(path) as reader:
        assert [bar_number(frame.image) for frame in reader.frames()] == list(range(10))


def test_a_song_with_a_cover_has_no_pictures(tmp_path: Path) -> None:
    picture = cover(tmp_path / "cover.mov")
    song = tone(tmp_path / "tone.m4a", 1.0)
    mp4 = remux(
        [song, picture],
        tmp_path / "song.m4a",
        dispositions=("", "attached_pic"),
        container="mp4",
    )
    tune = tone(tmp_path / "tune.mp3", 1.0, "libmp3lame", "s16p")
    mp3 = remux([tune, picture], tmp_path / "song.mp3", dispositions=("", "attached_pic"))
    for path, streams in ((mp4, 2), (mp3, 2), (song, 1), (tune, 1)):
        with av.open(str(path)) as file:
            assert len(file.streams) == streams
        with pytest.raises(VideoError, match="no picture stream") as caught:
            probe(path)
        assert caught.value.kind == "no_video_stream"


#: Container, encoder, stored pixels, sides.
CODINGS = [
    ("a.mpg", "mpeg2video", "yuv420p", (48, 64)),
    ("a.vob", "mpeg2video", "yuv422p", (48, 64)),
    ("a.ts", "mpeg2video", "yuv420p", (48, 64)),
    ("a.mpg", "mpeg1video", "yuv420p", (48, 64)),
    ("a.avi", "mjpeg", "yuvj422p", (47, 63)),
    ("a.avi", "msmpeg4", "yuv420p", (48, 64)),
    ("a.avi", "huffyuv", "yuv422p", (48, 64)),
    ("a.avi", "rawvideo", "yuyv422", (48, 64)),
    ("a.3gp", "h263", "yuv420p", (144, 176)),
    ("a.wmv", "wmv2", "yuv420p", (48, 64)),
    ("a.flv", "flv", "yuv420p", (48, 64)),
    ("a.flv", "libx264", "yuv420p", (48, 64)),
    ("a.webm", "libvpx", "yuv420p", (47, 63)),
    ("a.webm", "libvpx-vp9", "yuv420p", (47, 63)),
    ("a.webm", "libvpx-vp9", "yuv444p", (48, 64)),
    ("a.mp4", "libsvtav1", "yuv420p", (64, 66)),
    ("a.mkv", "libsvtav1", "yuv420p10le", (64, 64)),
    ("a.mp4", "libx265", "yuv420p", (48, 64)),
    ("a.mp4", "libx265", "yuv422p12le", (48, 64)),
    ("a.mkv", "libx265", "gray", (48, 64)),
    ("a.mkv", "libx264", "yuv422p10le", (48, 64)),
    ("a.mkv", "libx264", "yuvj420p", (48, 64)),
    ("a.mkv", "libx264rgb", "rgb24", (47, 63)),
    ("a.mkv", "ffv1", "yuv420p16le", (47, 63)),
    ("a.mkv", "ffv1", "gray16le", (47, 63)),
    ("a.mkv", "ffv1", "bgra", (47, 63)),
    ("a.mov", "prores_ks", "yuva444p10le", (48, 64)),
    ("a.mov", "qtrle", "argb", (47, 63)),
    ("a.mov", "png", "rgba", (47, 63)),
    ("a.mov", "png", "gray", (47, 63)),
    ("a.mov", "png", "monob", (48, 64)),
    ("a.avi", "magicyuv", "gbrp", (48, 64)),
    ("a.apng", "apng", "rgb24", (47, 63)),
    ("a.gif", "gif", "rgb8", (47, 63)),
]


@pytest.mark.parametrize(("name", "codec", "pixels", "size"), CODINGS)
def test_every_coding_is_ordinary(
    tmp_path: Path, name: str, codec: str, pixels: str, size: tuple[int, int]
) -> None:
    rate = 25 if codec.startswith("mpeg") else 20
    options = {"preset": "12"} if codec == "libsvtav1" else {"b": "2M"}
    if codec == "libx265":
        options = {"preset": "ultrafast", "x265-params": "log-level=none"}
    frames = bar_frames(12, *size)
    path = encode(
        tmp_path / name, frames, codec=codec, pixel_format=pixels, rate=rate, options=options
    )
    with VideoReader(path) as reader:
        read = list(reader.frames())
        assert reader.result.reason == "end"
        assert (reader.info.width, reader.info.height) == size[::-1]
    assert [frame.image.shape for frame in read] == [(*size, 3)] * 12
    assert np.allclose(np.diff([frame.time for frame in read]), 1 / rate, atol=0.011)
    assert [bar_number(frame.image) for frame in read] == list(range(12))


def test_a_size_that_changes_on_the_way_does_not_change_the_output(tmp_path: Path) -> None:
    """A meeting that is recorded, a mobile link that adapts: H.264 of two sizes in one stream."""
    large = encode(tmp_path / "large.h264", bar_frames(10, 96, 128), rate=25)
    small = encode(tmp_path / "small.h264", bar_frames(10, 48, 64), rate=25)
    both = tmp_path / "both.h264"
    both.write_bytes(large.read_bytes() + small.read_bytes() + large.read_bytes())
    for side, shape in ((None, (96, 128, 3)), (64, (48, 64, 3))):
        with VideoReader(both, max_side=side) as reader:
            frames = list(reader.frames())
            assert reader.result.reason == "end"
        assert [frame.image.shape for frame in frames] == [shape] * 30
        numbers = [bar_number(frame.image) for frame in frames[:10]]
        scale = shape[1] / 128
        assert numbers == pytest.approx([k * scale + (scale - 1) * 2.5 for k in range(10)], abs=1)
        middle = [bar_number(frame.image) for frame in frames[10:20]]
        factor = shape[1] / 64
        assert middle == pytest.approx([k * factor + (factor - 1) * 2.5 for k in range(10)], abs=1)


def test_pixels_that_are_not_square_are_recorded_and_left(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", bar_frames(3), pixel_aspect=Fraction(4, 3))
    info = probe(path)
    assert info.pixel_aspect == pytest.approx(4 / 3)
    assert (info.width, info.height) == (64, 48)


def test_interlaced_frames_are_given_woven_and_noted(tmp_path: Path) -> None:
    frames = bar_frames(6)
    path = encode(tmp_path / "a.mkv", frames, options={"x264-params": "tff=1"})
    assert probe(path).interlaced
    with VideoReader(path) as reader:
        assert [bar_number(frame.image) for frame in reader.frames()] == list(range(6))
    assert not probe(encode(tmp_path / "b.mkv", frames)).interlaced


def test_transparency_shows_black(tmp_path: Path) -> None:
    """Also where hidden colours lie beside the edge and the picture is shrunk."""
    layer = np.zeros((48, 64, 4), np.uint8)
    layer[...] = (255, 255, 255, 0)  # hidden white
    layer[:, 32:] = (200, 100, 50, 255)
    layer[:24, 32:, 3] = 128
    picture = av.VideoFrame.from_ndarray(layer, format="rgba")
    path = encode(tmp_path / "a.mov", [picture] * 2, codec="png", pixel_format="rgba")
    with VideoReader(path) as reader:
        image = next(iter(reader.frames())).image
    assert (image[:, :32] == 0).all()
    assert np.abs(image[24:, 32:].astype(int) - (200, 100, 50)).max() == 0
    assert np.abs(image[:24, 32:].astype(int) - (100, 50, 25)).max() <= 1
    with VideoReader(path, max_side=16) as reader:
        small = next(iter(reader.frames())).image
    assert (small <= (201, 101, 51)).all()


def test_palettes_with_and_without_transparency(tmp_path: Path) -> None:
    picture = Image.fromarray(bar_frames(3)[2]).quantize(8)
    picture.save(tmp_path / "plain.png")
    picture.save(tmp_path / "clear.png", transparency=picture.getpixel((0, 0)))
    for name, ground in (("plain", 40), ("clear", 0)):
        path = remux([tmp_path / f"{name}.png"], tmp_path / f"{name}.mov")
        with VideoReader(path) as reader:
            image = next(iter(reader.frames())).image
            assert reader.info.pixel_format == "pal8"
        assert (image[0, 0] == ground).all()
        assert image[5, 4].tolist() == [230, 60, 60]
