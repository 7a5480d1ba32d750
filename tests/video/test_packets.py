"""What is read from coded pictures, against what FFmpeg's decoders make of them."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.video.clips import encode
from tests.video.test_plan import x264, x265
from vidcl.video.bits import BitReader
from vidcl.video.h264 import H264Look
from vidcl.video.hevc import HEVCLook
from vidcl.video.keyed import AV1Look, IntraLook, VP8Look, VP9Look
from vidcl.video.looks import CLEAN, CLOSED, NONREF, Irregular
from vidcl.video.mpeg import MPEG2Look, MPEG4Look
from vidcl.video.nal import units
from vidcl.video.packets import Coded, PacketReader, look_for
from vidcl.video.probe import open_stream


def read(path: Path) -> list[Coded]:
    """The pictures of a file in its order."""
    with open_stream(path) as (container, stream):
        look = look_for(stream, False)
        assert look is not None
        reader = PacketReader(stream, look, False)
        return [reader(packet) for packet in container.demux(stream) if packet.size]


def shown(path: Path, skip: str) -> set[int]:
    """Times of the pictures that a decoder told to skip some gives."""
    with open_stream(path) as (container, stream):
        stream.codec_context.skip_frame = skip
        return {frame.pts for frame in container.decode(stream)}


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("flat.mp4", x264(12, 2, 0, 0)),
        ("pyramid.mkv", x264(15, 5, 2, 1)),
        ("pyramid.ts", x264(15, 5, 2, 1)),
        ("no_b.mp4", x264(15, 0, 0, 0)),
        ("hevc.mp4", x265(15, 4, 1, 1)),
        ("hevc.ts", x265(15, 4, 0, 0)),
        ("mpeg2.mkv", {"codec": "mpeg2video", "rate": 25}),
        ("mpeg4.mp4", {"codec": "mpeg4"}),
        ("jpeg.mkv", {"codec": "mjpeg", "b_frames": 0}),
    ],
)
def test_the_decoder_agrees_on_what_nobody_refers_to(
    tmp_path: Path, name: str, setting: dict[str, Any]
) -> None:
    path = encode(tmp_path / name, **setting)
    pictures = read(path)
    nonref = {one.pts for one in pictures if one.nonref}
    if "jpeg" not in name:
        assert shown(path, "NONREF") == {one.pts for one in pictures} - nonref
    assert nonref or "no_b" in name
    assert {one.pts for one in pictures if one.clean} >= shown(path, "NONKEY")


@pytest.mark.parametrize("open_gop", [0, 1])
def test_leading_pictures_are_told(tmp_path: Path, open_gop: int) -> None:
    for name, setting in [("a.mp4", x264(12, 3, 2, open_gop)), ("b.mkv", x265(12, 3, 1, open_gop))]:
        pictures = read(encode(tmp_path / name, **setting))
        key, leading = pictures[0].pts, []
        for one in pictures:
            if one.clean:
                key = one.pts
            leading.append(one.pts < key)
        assert [one.leading for one in pictures] == leading
        assert any(leading) == bool(open_gop)


def test_temporal_sub_layers_below_the_highest_are_kept(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mkv", **x265(15, 4, 1, 1, ":temporal-layers=3"))
    layers = set()
    with open_stream(path) as (container, stream):
        look = HEVCLook(bytes(stream.codec_context.extradata))
        for packet in container.demux(stream):
            data = bytes(packet)
            for begin, _ in units(data, 4) if data else ():
                if data[begin] >> 1 < 32:
                    layers.add(data[begin + 1] & 7)
                    assert not look(data, False) & NONREF or data[begin + 1] & 7 == look._top + 1
    assert len(layers) > 1


def test_h264_that_lies_about_its_references_is_told(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", **x264(30, 0, 0, 0))
    with open_stream(path) as (container, stream):
        look = H264Look(bytes(stream.codec_context.extradata))
        packets = [bytes(packet) for packet in container.demux(stream) if packet.size]
    for count, data in enumerate(packets):
        begin = next(a for a, _ in units(data, 4) if data[a] & 31 in (1, 5))
        if count == 6:
            data = data[:begin] + bytes([data[begin] & 0x1F]) + data[begin + 1 :]
        if count == 7:
            with pytest.raises(Irregular, match="no references"):
                look(data, False)
            return
        assert bool(look(data, count == 0) & NONREF) == (count == 6)


def test_changing_parameter_sets_are_told(tmp_path: Path) -> None:
    looks = []
    for name, size in (("a.ts", (48, 64)), ("b.ts", (64, 96))):
        with open_stream(encode(tmp_path / name, 5, size=size)) as (container, stream):
            look = H264Look(bytes(stream.codec_context.extradata))
            data = next(bytes(packet) for packet in container.demux(stream))
        assert look(data, True) == CLEAN | CLOSED
        looks.append((look, data))
    with pytest.raises(Irregular, match="parameter sets"):
        looks[0][0](looks[1][1], True)


def test_pictures_stored_for_reference_only_are_hidden(tmp_path: Path) -> None:
    options = {"auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "good", "cpu-used": "5"}
    for codec in ("libvpx", "libvpx-vp9"):
        path = encode(tmp_path / f"{codec}.webm", codec=codec, gop=60, options=options)
        pictures = read(path)
        assert sum(not one.hidden for one in pictures) == 60
        assert pictures[0].clean


def test_pictures_that_an_edit_list_cuts_off_are_hidden(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", **x264(12, 2, 0, 0))
    with av.open(str(path)) as source, av.open(str(tmp_path / "b.mp4"), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.pts -= 5 * 512  # five pictures before time zero
                packet.dts -= 5 * 512
                packet.stream = copy
                target.mux(packet)
    pictures = read(tmp_path / "b.mp4")
    assert any(one.hidden for one in pictures)
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert sum(not one.hidden for one in pictures) == len(list(container.decode(video=0)))


def test_bits_are_read_without_emulation_prevention() -> None:
    reader = BitReader(b"\x00\x00\x03\x01\xa6")
    assert reader.bits(24) == 1
    assert [reader.ue(), reader.se(), reader.ue()] == [0, 1, 2]
    with pytest.raises(EOFError):
        reader.bits(2)


def test_units_that_reach_beyond_a_packet_are_refused() -> None:
    assert list(units(b"\x00\x00\x00\x02ab", 4)) == [(4, 6)]
    assert list(units(b"\x00\x00\x00\x01ab\x00\x00\x01c", 0)) == [(4, 6), (9, 10)]
    with pytest.raises(EOFError):
        list(units(b"\x00\x00\x00\x09ab", 4))
    with pytest.raises(EOFError):
        list(units(b"nothing here", 0))


def test_any_bytes_are_read_or_refused() -> None:
    generator = np.random.default_rng(0)
    starts = [b"", b"\x00\x00\x01", b"\x00\x00\x00\x09", b"\x01\x64\x00\x1f\xff\xe1\x00\x10"]
    for _ in range(400):
        head = starts[int(generator.integers(len(starts)))]
        data = head + generator.bytes(int(generator.integers(0, 60)))
        looks = [H264Look(data), HEVCLook(data), MPEG2Look(), MPEG4Look(), IntraLook(), VP8Look()]
        for look in [*looks, VP9Look(), AV1Look()]:
            for keyframe in (True, False):
                try:
                    assert 0 <= look(data, keyframe) < 32
                except Irregular:
                    continue


def test_a_slice_that_reaches_beyond_its_packet_is_refused() -> None:
    """The quick way through a packet of one slice checks what the slow one does."""
    for size in (0, 2, 9):
        data = size.to_bytes(4, "big") + b"\x41\x9a"
        look = H264Look(b"\x01\x64\x00\x1f\xff\xe0\x00")
        if size == 2:
            assert look(data, False) == look(b"\x00\x00\x00\x01\x09" + data, False) == 0
            continue
        for keyframe in (True, False):
            with pytest.raises(Irregular, match="cannot be read"):
                look(data, keyframe)
