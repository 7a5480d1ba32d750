"""Timing trackers, with a clock that the test moves."""

import itertools

import numpy as np
import pytest

from tests.tracks.clips import square_clip
from tests.tracks.quality.making import made, square_sequence
from vidcl.errors import VidclError
from vidcl.tracks.quality import timing
from vidcl.tracks.quality.stopwatch import Stopwatch
from vidcl.tracks.quality.timing import compare_times, time_trackers, with_copies
from vidcl.tracks.quality.truth import TruthRows


@pytest.fixture()
def ticking(monkeypatch):
    """Every look at the clock takes a second."""
    seconds = itertools.count()
    monkeypatch.setattr(timing.time, "process_time", lambda: float(next(seconds)))


def timed(sequence, trackers, regions=3, budget=1e9):
    return time_trackers(
        sequence, trackers, regions, budget=budget, generator=np.random.default_rng(0)
    )


def test_all_frames_but_the_first_are_timed(ticking):
    found = timed(square_sequence(8), ["static", "flow"])
    assert [(t.frames, t.seconds) for t in found.values()] == [(7, 7.0), (7, 7.0)]
    assert found["flow"].milliseconds == 1000


def test_a_tracker_that_has_used_its_budget_is_timed_no_further(ticking):
    assert timed(square_sequence(12), ["static"], budget=4.5)["static"].frames == 5
    assert timed(square_sequence(12), ["static"], budget=0.0)["static"].frames == timing.MIN_FRAMES


def test_comparison_counts_every_sequence_alike(monkeypatch):
    costs = {"static": {"a": 1.0, "b": 3.0}, "flow": {"a": 4.0, "b": 12.0}}

    def fake(sequence, trackers, regions, **_):
        return {
            name: timing.Timing(frames, frames * costs[name][sequence.name])
            for name, frames in zip(trackers, (10, 30), strict=True)
        }

    monkeypatch.setattr(timing, "time_trackers", fake)
    sequences = [made([], TruthRows(np.zeros((0, 4))), name) for name in "ab"]
    found = compare_times(sequences, ["static"], "flow", 16, budget=1.0)
    assert found == {
        "static": {
            "milliseconds": pytest.approx(2000),
            "rate": pytest.approx(8),
            "speedup": pytest.approx(4),
            "frames": 20,
        }
    }


def test_real_times_are_positive_and_of_all_trackers():
    found = compare_times([square_sequence(6)], ["flow", "static"], "static", 4, budget=10.0)
    assert found["static"]["speedup"] == 1.0
    assert found["flow"]["frames"] == found["static"]["frames"] == 5
    for row in found.values():
        assert row["milliseconds"] > 0
        assert row["rate"] == pytest.approx(4000 / row["milliseconds"])


def test_a_clip_too_short_is_an_error():
    frames, boxes = square_clip(2)
    for truth in (boxes[:1], np.full((1, 4), np.nan)):
        with pytest.raises(VidclError, match="too few frames"):
            timed(made(frames[:1], TruthRows(truth)), ["static"])


def test_copies_have_the_size_of_the_box_and_lie_in_the_picture():
    box = np.array([100.0, 5, 150, 25])
    found = with_copies(box, 50, 160, 120, np.random.default_rng(1))
    np.testing.assert_array_equal(found[0], box)
    np.testing.assert_allclose(found[:, 2:] - found[:, :2], [[50, 20]] * 50)
    assert (found[:, :2] >= 0).all()
    assert (found[:, 2:] <= [160, 120]).all()
    assert found[1:, 0].std() > 10
    np.testing.assert_array_equal(found, with_copies(box, 50, 160, 120, np.random.default_rng(1)))
    assert len(with_copies(box, 1, 160, 120, np.random.default_rng(1))) == 1


def test_a_stage_within_another_counts_for_itself_alone():
    now = iter([0.0, 1.0, 3.0, 6.0, 10.0, 15.0, 21.0, 28.0])
    watch = Stopwatch(lambda: next(now))
    with watch.stage("outer"):  # 0
        with watch.stage("inner"):  # 1
            pass  # 3
        with watch.stage("inner"):  # 6
            pass  # 10
    with watch.stage("outer"):  # 21
        pass  # 28
    # outer: 0-1, 3-6, 10-15, 21-28; inner: 1-3, 6-10; between the outer stages nothing counts
    assert watch.spent == {"outer": 16.0, "inner": 6.0}
    assert watch.total == 22.0


def test_a_stage_ends_with_an_error():
    now = iter([0.0, 2.0, 5.0, 9.0])
    watch = Stopwatch(lambda: next(now))
    with pytest.raises(ValueError, match="no"), watch.stage("a"):
        raise ValueError("no")
    with watch.stage("b"):
        pass
    assert watch.spent == {"a": 2.0, "b": 4.0}
