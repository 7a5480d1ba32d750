"""What a pass holds: few decoded pictures at a time, however long a group of pictures is."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av.error
import pytest

from tests.video.clips import encode
from tests.video.test_plan import x264
from vidcl.video import plan as plan_module
from vidcl.video import waiting as waiting_module
from vidcl.video.decode import ended
from vidcl.video.errors import VideoError
from vidcl.video.opened import Opened
from vidcl.video.output import Output
from vidcl.video.reader import VideoReader

#: A decoder gives at most this many pictures for one packet, and keeps 16 back for their order.
MOST = 16


class Counting(Output):
    """Notes how many decoded pictures waited at most."""

    most = 0

    def came(self, frames: list[Any]) -> None:
        super().came(frames)
        Counting.most = max(Counting.most, self.waiting)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> type[Counting]:
    Counting.most = 0
    monkeypatch.setattr(plan_module, "Output", Counting)
    return Counting


@pytest.mark.parametrize("tolerance", [0.0, 0.04, 4.0])
@pytest.mark.parametrize("rate", [1.0, 12.0])
def test_few_decoded_pictures_wait(
    tmp_path: Path, counting: type[Counting], rate: float, tolerance: float
) -> None:
    path = encode(tmp_path / "a.mp4", **x264(1000, 3, 2, 0), count=240)
    with VideoReader(path) as reader:
        frames = sum(1 for _ in reader.frames(rate=rate, tolerance=tolerance))
        assert reader.result.plan == "skip"
    assert frames > 5
    assert 0 < counting.most <= MOST


def test_few_wait_where_the_oldest_packets_are_decoded_unasked(
    tmp_path: Path, counting: type[Counting], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_module, "_MOST", 60)
    path = encode(tmp_path / "a.mp4", **x264(1000, 0, 0, 0), count=240)
    with VideoReader(path) as reader:
        assert sum(1 for _ in reader.frames(rate=0.1)) > 0
        assert reader.result.frames_decoded > 60
    assert counting.most <= MOST


def test_few_wait_where_everything_is_decoded(tmp_path: Path, counting: type[Counting]) -> None:
    path = encode(tmp_path / "raw.h264", **x264(12, 2, 0, 0), count=240)
    with VideoReader(path) as reader:
        assert sum(1 for _ in reader.frames(rate=3.0)) > 5
        assert reader.result.fallback is not None
    assert counting.most <= MOST


def test_a_group_is_given_while_it_is_decoded(tmp_path: Path) -> None:
    """The pictures of a group that was chosen as a whole come before its end is decoded."""
    path = encode(tmp_path / "a.mp4", **x264(1000, 3, 2, 0), count=240)
    with VideoReader(path) as reader:
        decoded = []
        for _ in reader.frames(rate=12.0, tolerance=4.0):
            decoded.append(reader.result.frames_decoded)
    assert decoded == sorted(decoded)
    assert decoded[len(decoded) // 2] < decoded[-1]


@pytest.mark.parametrize("first_time", [0.0, 1e9])
def test_a_cut_stream_is_told_wherever_its_clock_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first_time: float
) -> None:
    path = encode(tmp_path / "a.mp4", **x264(12, 2, 0, 0))
    opened = Opened(path)
    try:
        end = first_time + 20.0
        monkeypatch.setattr("vidcl.video.decode.declared_end", lambda *_: end)
        assert ended(opened, first_time, end - 1.9) is None
        error = ended(opened, first_time, end - 2.1)
        assert error is not None
        assert error.kind == "truncated"
        assert ended(opened, first_time, None) is None
    finally:
        opened.close()


@pytest.mark.parametrize("kind", [av.error.MemoryError, MemoryError])
def test_memory_that_is_refused_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[MemoryError]
) -> None:
    error = kind(12, "no memory") if kind is av.error.MemoryError else kind()
    path = encode(tmp_path / "a.mp4", **x264(12, 2, 0, 0))

    def refuse(_: Opened) -> Iterator[list[Any]]:
        raise error
        yield []

    with VideoReader(path) as reader:
        monkeypatch.setattr(Opened, "decode", refuse)
        assert list(reader.frames()) == []
        assert reader.result.error is not None
        assert reader.result.error.kind == "memory"
    monkeypatch.setattr(Opened, "_read_first", refuse_first(error))
    with pytest.raises(VideoError) as caught:
        VideoReader(path)
    assert caught.value.kind == "memory"


def refuse_first(error: MemoryError) -> Callable[[Opened], None]:
    def refuse(_: Opened) -> None:
        raise error

    return refuse
