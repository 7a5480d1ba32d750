"""Headers that lack a duration or a count, or state a wrong one, and edit lists."""

import struct
from pathlib import Path

import av
import numpy as np
import pytest

from tests.video.encode import bar_frames, encode, find_box, read, set_first_edit
from vidcl.video.errors import VideoError
from vidcl.video.probe import probe


def test_a_header_without_duration_or_count(tmp_path: Path) -> None:
    """A live Matroska has neither; a raw stream has no times at all."""
    live = encode(tmp_path / "a.mkv", bar_frames(20), container_options={"live": "1"})
    numbers, times, reader = read(live)
    assert (reader.info.duration, reader.info.declared_frames) == (None, None)
    assert numbers == list(range(20))
    assert np.allclose(times, np.arange(20) / 20, atol=1e-3)
    raw = encode(tmp_path / "a.h264", bar_frames(20), rate=25)
    numbers, times, reader = read(raw)
    assert reader.info.duration is None
    assert numbers == list(range(20))
    assert np.allclose(np.diff(times), 0.04, atol=1e-3)


def set_duration(path: Path, factor: float) -> None:
    """Multiply all durations of an MP4's headers; an edit of no length would hide everything."""
    data = bytearray(path.read_bytes())
    for name, offset in ((b"mvhd", 16), (b"tkhd", 20), (b"mdhd", 16), (b"elst", 8)):
        place = find_box(data, name) + offset
        if factor == 0.0 and name == b"elst":
            continue
        value = struct.unpack_from(">I", data, place)[0]
        struct.pack_into(">I", data, place, round(value * factor))
    path.write_bytes(data)


@pytest.mark.parametrize("factor", [0.0, 0.5, 1.5, 1000.0])
def test_a_wrong_duration_costs_no_frame_that_is_there(tmp_path: Path, factor: float) -> None:
    path = encode(tmp_path / "a.mp4", bar_frames(20), b_frames=0)
    set_duration(path, factor)
    numbers, times, _ = read(path)
    # An edit shorter than the pictures cuts them, and so does every player.
    assert numbers == list(range(len(numbers)))
    assert len(numbers) == (10 if factor == 0.5 else 20)
    assert np.allclose(times, np.arange(len(numbers)) / 20)


def test_a_wrong_count_is_only_reported(tmp_path: Path) -> None:
    """AVI states the number of frames in two places."""
    for claimed in (3, 5000):
        path = encode(tmp_path / f"{claimed}.avi", bar_frames(20), codec="mpeg4")
        data = bytearray(path.read_bytes())
        struct.pack_into("<I", data, data.index(b"avih") + 8 + 16, claimed)
        struct.pack_into("<I", data, data.index(b"strh") + 8 + 32, claimed)
        path.write_bytes(data)
        numbers, _, reader = read(path)
        assert numbers == list(range(20))
        assert reader.info.declared_frames == claimed


def test_an_edit_list_drops_the_first_frames(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", bar_frames(20), b_frames=2)
    data = path.read_bytes()
    first = struct.unpack_from(">i", data, find_box(data, b"elst") + 12)[0]
    with av.open(str(path)) as file:
        ticks = round(1 / (20 * file.streams[0].time_base))
    set_first_edit(path, first + 5 * ticks)
    numbers, times, reader = read(path)
    assert numbers == list(range(5, 20))
    assert np.allclose(times, np.arange(15) / 20)
    assert reader.info.declared_frames == 20  # it lies, and nothing trusts it


def test_frames_that_an_edit_list_hides_all_are_an_error(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", bar_frames(20), times=[-3000 + 50 * k for k in range(20)])
    with pytest.raises(VideoError, match="no frame"):
        probe(path)
