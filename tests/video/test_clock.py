"""Times of frames whose stamps are missing, doubled or begin again."""

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from vidcl.video.clock import Clock


def clock(
    rate: int | None = 25, base: Fraction | None = Fraction(1, 1000), dts: bool = False
) -> Clock:
    stream: Any = SimpleNamespace(
        time_base=base, average_rate=None if rate is None else Fraction(rate)
    )
    return Clock(stream, dts)


def times(told: Clock, stamps: list[tuple[int | None, int | None]]) -> list[float]:
    """Times of frames with these (pts, dts)."""
    return [told(SimpleNamespace(pts=pts, dts=dts)) for pts, dts in stamps]  # type: ignore[arg-type]


def test_presentation_times_come_first_except_in_avi() -> None:
    stamps: list[tuple[int | None, int | None]] = [(40, 0), (80, 40), (None, 80), (160, None)]
    assert times(clock(), stamps) == [0.04, 0.08, pytest.approx(0.08 + 0.001), 0.16]
    assert times(clock(dts=True), stamps) == [0.0, 0.04, 0.08, 0.16]


def test_frames_without_stamps_come_at_the_average_rate() -> None:
    assert times(clock(), [(None, None)] * 3) == pytest.approx([0.0, 0.04, 0.08])
    assert times(clock(base=None), [(5, 5), (6, 6)]) == pytest.approx([0.0, 0.04])
    assert times(clock(rate=None), [(100, 0), (None, None)]) == pytest.approx([0.1, 0.14])


def test_equal_and_slightly_earlier_stamps_are_moved_by_a_tick() -> None:
    told = times(clock(), [(0, 0), (100, 0), (100, 0), (60, 0), (120, 0)])
    assert told == pytest.approx([0.0, 0.1, 0.101, 0.102, 0.12])


def test_a_count_that_begins_again_goes_on_one_step_later() -> None:
    told = times(clock(), [(9000, 0), (9040, 0), (0, 0), (40, 0), (80, 0), (500, 0)])
    assert told == pytest.approx([9.0, 9.04, 9.08, 9.12, 9.16, 9.58])
    twice = times(clock(), [(9000, 0), (0, 0), (5000, 0), (0, 0), (40, 0)])
    assert twice == pytest.approx([9.0, 9.04, 14.04, 14.08, 14.12])


def test_gaps_forward_and_negative_times_are_kept() -> None:
    assert times(clock(), [(-3000, 0), (-2960, 0), (10**9, 0)]) == [-3.0, -2.96, 1e6]
