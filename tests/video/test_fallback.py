"""Streams that a plan may not trust: what comes is still what a full decode gives."""

from pathlib import Path

import av
import numpy as np
import pytest

from tests.video.clips import decode_all, encode, first_at_ticks, grain, on_screen
from tests.video.test_plan import x264, x265
from vidcl.video.clock import Clock
from vidcl.video.convert import Converter
from vidcl.video.frames import DecodeEnd, Frame
from vidcl.video.nal import units
from vidcl.video.probe import DECODE_ERRORS, is_dts_only, open_stream
from vidcl.video.reader import VideoReader


def check(path: Path, rate: float, tolerance: float = 0.0) -> DecodeEnd:
    """Read ``path`` by a plan and compare it with its full decode; gives the reader's result."""
    times, images = decode_all(path)
    wanted = first_at_ticks(times, rate, grain(path))
    with VideoReader(path) as reader:
        frames = list(reader.frames(rate=rate, tolerance=tolerance))
        result = reader.result
        moments = list(np.linspace(times[0], times[-1], 7))
        shown = list(reader.at(moments))
    assert len(frames) == len(wanted)
    for frame, index in zip(frames, wanted, strict=True):
        assert abs(frame.time - times[index]) <= tolerance + 1e-6
        assert np.array_equal(frame.image, images[times.index(frame.time)])
    for frame, index in zip(shown, on_screen(times, moments, grain(path)), strict=True):
        assert frame.time == times[index]
        assert np.array_equal(frame.image, images[index])
    return result


def packets(path: Path) -> list[tuple[int, bytes]]:
    """Place in the file and bytes of each packet."""
    with av.open(str(path)) as container:
        return [(packet.pos, bytes(packet)) for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize("tolerance", [0.0, 0.2])
@pytest.mark.parametrize("rate", [1.0, 3.0])
def test_h264_references_that_are_said_to_be_none(
    tmp_path: Path, rate: float, tolerance: float
) -> None:
    path = encode(tmp_path / "a.mp4", **x264(30, 0, 0, 0))
    content = bytearray(path.read_bytes())
    for place, data in packets(path)[8:30:5]:
        for begin, _ in units(data, 4):
            if data[begin] & 31 == 1:
                content[place + begin] &= 0x1F
    path.write_bytes(content)
    result = check(path, rate, tolerance)
    assert "no references" in (result.fallback or "")


@pytest.mark.parametrize("tolerance", [0.0, 0.2])
@pytest.mark.parametrize("rate", [2.0, 3.0, 6.0])
def test_hevc_references_that_are_said_to_be_none(
    tmp_path: Path, rate: float, tolerance: float
) -> None:
    path = encode(tmp_path / "a.mp4", **x265(20, 3, 1, 0))
    content = bytearray(path.read_bytes())
    for place, data in packets(path)[5:40]:
        for begin, _ in units(data, 4):
            if data[begin] >> 1 & 63 == 1:
                content[place + begin] &= 0x81
    path.write_bytes(content)
    result = check(path, rate, tolerance)
    assert result.fallback is not None


def test_a_stream_whose_size_and_times_change(tmp_path: Path) -> None:
    one = encode(tmp_path / "one.ts", **x264(12, 2, 0, 0))
    two = encode(tmp_path / "two.ts", **x264(12, 2, 0, 0, size=(64, 96), seed=2))
    path = tmp_path / "both.ts"
    path.write_bytes(one.read_bytes() + two.read_bytes() + one.read_bytes())
    for rate in (1.0, 3.0, 7.0):
        for tolerance in (0.0, 0.5 / rate):
            result = check(path, rate, tolerance)
            assert result.fallback is not None
            assert result.plan == "skip"


def test_a_stream_without_times(tmp_path: Path) -> None:
    path = encode(tmp_path / "raw.h264", **x264(12, 2, 0, 0))
    assert check(path, 3.0).fallback == "a packet has no time, or is damaged"


def test_guessed_times_are_not_relied_on(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mpg", codec="mpeg2video", gop=10, b_frames=1, rate=25)
    assert check(path, 3.0).plan == "forward"


def decode_until_error(path: Path) -> tuple[list[float], list[np.ndarray], bool]:
    times: list[float] = []
    images: list[np.ndarray] = []
    with open_stream(path) as (container, stream):
        clock, convert = Clock(stream, is_dts_only(container)), Converter()
        try:
            for frame in container.decode(stream):
                times.append(clock(frame))
                images.append(convert(frame))
        except DECODE_ERRORS:
            return times, images, True
    return times, images, False


def same(frames: list[Frame], times: list[float], images: list[np.ndarray]) -> bool:
    return [frame.time for frame in frames] == times and all(
        np.array_equal(frame.image, image) for frame, image in zip(frames, images, strict=True)
    )


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_damage_gives_what_a_full_decode_gives_up_to_its_first_error(
    tmp_path: Path, name: str
) -> None:
    whole = encode(tmp_path / name, **x264(15, 3, 2, 0))
    content = whole.read_bytes()
    places = [place for place, _ in packets(whole)[1:]]
    generator = np.random.default_rng(5)
    failed = 0
    for _ in range(12):
        damaged = bytearray(content)
        for place in generator.choice(places, 2):
            damaged[place + int(generator.integers(5, 40))] ^= 1 << int(generator.integers(8))
        path = tmp_path / f"bad_{name}"
        path.write_bytes(damaged)
        times, images, broken = decode_until_error(path)
        wanted = first_at_ticks(times, 3.0, grain(path))
        with VideoReader(path) as reader:
            frames = list(reader.frames(rate=3.0))
        count = len(wanted) if broken or reader.result.error else len(frames)
        failed += broken or reader.result.fallback is not None
        assert same(frames[:count], [times[i] for i in wanted], [images[i] for i in wanted])
    assert failed


def test_a_cut_file_gives_what_a_full_decode_gives(tmp_path: Path) -> None:
    whole = encode(tmp_path / "a.mkv", **x264(15, 3, 2, 0))
    for share in (0.3, 0.55, 0.9):
        path = tmp_path / "cut.mkv"
        path.write_bytes(whole.read_bytes()[: int(share * whole.stat().st_size)])
        times, images, _ = decode_until_error(path)
        wanted = first_at_ticks(times, 4.0, grain(path))
        with VideoReader(path) as reader:
            frames = list(reader.frames(rate=4.0))
            assert reader.result.error is not None
        assert same(frames, [times[i] for i in wanted], [images[i] for i in wanted])


def test_a_reader_may_be_read_again_and_half_way(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", **x264(12, 2, 0, 0))
    with VideoReader(path) as reader:
        first = [frame.time for frame in reader.frames(rate=3.0)]
        half = reader.frames(rate=3.0)
        assert next(half).time == first[0]
        assert [frame.time for frame in reader.frames(rate=3.0)] == first
        assert list(half) == []
    assert [frame.time for frame in reader.frames(rate=3.0)] == first
    reader.close()
