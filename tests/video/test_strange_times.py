"""Times that are not 0, 1/rate, 2/rate, ...: frames tell their number, so none can be mixed up."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.video.encode import (
    bar_frames,
    bar_number,
    encode,
    read,
    remux,
    tone,
)
from vidcl.video.reader import VideoReader

#: Gaps of 1 ms to 250 ms.
VARIABLE = [0, 40, 50, 300, 301, 340, *range(400, 918, 37)]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.mov", "a.nut", "a.flv"])
def test_variable_frame_rates_keep_their_times(tmp_path: Path, name: str) -> None:
    encode(tmp_path / name, bar_frames(20), times=VARIABLE, b_frames=2 if name != "a.nut" else 0)
    numbers, times, reader = read(tmp_path / name)
    assert numbers == list(range(20))
    grain = 1.1e-3
    assert np.allclose(np.array(times) - times[0], np.array(VARIABLE) / 1000, atol=grain)
    assert reader.result.reason == "end"


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.mov"])
@pytest.mark.parametrize("first", [3000, 36_000_000])
def test_a_start_other_than_zero_is_kept(tmp_path: Path, name: str, first: int) -> None:
    """In MP4 it is an empty edit: three seconds, or ten hours, of nothing."""
    path = encode(
        tmp_path / name, bar_frames(20), times=[first + 50 * k for k in range(20)], b_frames=2
    )
    numbers, times, reader = read(path)
    assert numbers == list(range(20))
    assert np.allclose(times, first / 1000 + np.arange(20) / 20, atol=1e-3)
    assert reader.info.start == times[0]
    assert reader.info.duration == pytest.approx(1.0, abs=0.06)
    assert reader.result.reason == "end"


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov"])
def test_times_of_thirty_years_stay_exact(tmp_path: Path, name: str) -> None:
    path = encode(tmp_path / name, bar_frames(20), times=[10**12 + 50 * k for k in range(20)])
    numbers, times, _ = read(path)
    assert numbers == list(range(20))
    assert np.allclose(np.array(times) - 1e9, np.arange(20) / 20, atol=1e-6)


def test_negative_times_are_kept_or_cut_as_the_container_says(tmp_path: Path) -> None:
    """MP4 cuts what lies before zero by an edit list; Matroska's writer moves all of it."""
    pictures, times = bar_frames(20), [-250 + 50 * k for k in range(20)]
    numbers, seconds, _ = read(encode(tmp_path / "a.mp4", pictures, times=times, b_frames=2))
    assert numbers == list(range(5, 20))
    assert np.allclose(seconds, np.arange(15) / 20)
    numbers, seconds, _ = read(encode(tmp_path / "a.mkv", pictures, times=times))
    assert numbers == list(range(20))
    assert seconds[0] == 0.0


def test_a_transport_stream_may_wrap_its_clock(tmp_path: Path) -> None:
    """Stamps have 33 bits of 1/90000 s: 26.5 hours."""
    wrap = 2**33 / 90
    first = round(wrap) - 500
    path = tmp_path / "a.ts"
    encode(
        path,
        bar_frames(20),
        times=[first + 50 * k for k in range(20)],
        container_options={"mpegts_copyts": "1"},
    )
    numbers, times, reader = read(path)
    assert numbers == list(range(20))
    assert np.allclose(np.diff(times), 0.05, atol=1e-3)
    assert reader.result.reason == "end"
    assert times[0] < wrap / 1000 < times[-1]


def test_a_clock_that_starts_again_goes_on(tmp_path: Path) -> None:
    """Two recordings in one transport stream, as a receiver writes them."""
    late = encode(tmp_path / "late.ts", bar_frames(20), times=[90_000 + 50 * k for k in range(20)])
    early = encode(tmp_path / "early.ts", bar_frames(20))
    both = tmp_path / "both.ts"
    both.write_bytes(late.read_bytes() + early.read_bytes())
    numbers, times, _ = read(both)
    assert numbers == list(range(20)) * 2
    assert np.allclose(np.diff(times), 0.05, atol=2e-3)
    assert times[0] == 90.0
    with VideoReader(both) as reader:
        assert reader.info.duration is None or reader.info.duration < 3.0


def test_one_frame_is_a_video(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv", "a.gif", "a.ts"):
        codec = "gif" if name.endswith("gif") else "libx264"
        pixels = "rgb8" if codec == "gif" else "yuv420p"
        path = encode(tmp_path / name, bar_frames(1), codec=codec, pixel_format=pixels)
        numbers, times, reader = read(path)
        assert numbers == [0]
        assert len(times) == 1
        assert reader.result.reason == "end", name


def test_b_frames_in_avi_come_in_order(tmp_path: Path) -> None:
    """AVI has decoding times alone, and with B-frames they are not those of the pictures."""
    path = encode(tmp_path / "a.avi", bar_frames(20), codec="mpeg4", b_frames=2)
    numbers, times, _ = read(path)
    assert numbers == list(range(20))
    assert np.allclose(np.diff(times), 0.05, atol=1e-6)


def test_packed_b_frames_in_avi_come_in_order(tmp_path: Path) -> None:
    """As DivX 5 wrote them: two pictures in one chunk, and an empty one after it."""
    source = encode(
        tmp_path / "source.avi",
        bar_frames(21),
        codec="mpeg4",
        b_frames=1,
        gop=300,
        options={"b": "2M", "b_strategy": "0", "sc_threshold": "1000000000"},
    )
    start, mark = b"\x00\x00\x01\xb6", b"\x00\x00\x01\xb2DivX503b1393p\x00"
    empty = start + b"\x50\x40\x7f"
    with av.open(str(source)) as file:
        packets = [bytes(packet) for packet in file.demux(file.streams[0]) if packet.size]
        assert ["IPBS"[p[p.index(start) + 4] >> 6] for p in packets] == ["I", *"PB" * 10]
        place = packets[0].index(start)
        chunks = [packets[0][:place] + mark + packets[0][place:]]
        for later, between in zip(packets[1::2], packets[2::2], strict=True):
            chunks += [later + between, empty]
        with av.open(str(tmp_path / "packed.avi"), "w") as packed:
            stream = packed.add_stream_from_template(file.streams[0])
            for number, chunk in enumerate(chunks):
                packet = av.Packet(chunk)
                packet.pts = packet.dts = number
                packet.time_base, packet.stream = Fraction(1, 20), stream
                packet.is_keyframe = number == 0
                packed.mux(packet)
    numbers, times, _ = read(tmp_path / "packed.avi")
    assert numbers == list(range(21))
    assert np.allclose(np.diff(times), 0.05, atol=1e-6)


def test_an_open_gop_is_read_whole(tmp_path: Path) -> None:
    """Pictures before a keyframe in time may need what comes before it in the file."""
    path = encode(
        tmp_path / "a.mkv",
        bar_frames(56),
        options={"x264-params": "open-gop=1:scenecut=0:b-adapt=0:bframes=3"},
        gop=8,
        b_frames=3,
    )
    numbers, times, _ = read(path)
    assert numbers == list(range(56))
    with VideoReader(path) as reader:
        for first in range(30, 40):
            later = [bar_number(f.image) for f in reader.frames(start=times[first])]
            assert later == list(range(first, 56))


def test_delays_of_a_gif_are_its_times(tmp_path: Path) -> None:
    source = encode(
        tmp_path / "a.gif",
        bar_frames(6),
        codec="gif",
        pixel_format="rgb8",
        times=[0, 50, 250, 300, 900, 950],
    )
    _, times, reader = read(source)
    assert np.allclose(times, [0, 0.05, 0.25, 0.3, 0.9, 0.95], atol=0.011)
    assert reader.result.reason == "end"


def test_sound_longer_or_shorter_than_the_picture(tmp_path: Path) -> None:
    for seconds in (0.3, 5.0):
        picture = encode(tmp_path / "picture.mp4", bar_frames(20))
        for name in ("a.mp4", "a.mkv", "a.ts"):
            path = remux([picture, tone(tmp_path / "tone.m4a", seconds)], tmp_path / name)
            numbers, times, reader = read(path)
            assert numbers == list(range(20))
            assert reader.result.reason == "end", (name, seconds)
            assert np.allclose(np.diff(times), 0.05, atol=1e-3)
