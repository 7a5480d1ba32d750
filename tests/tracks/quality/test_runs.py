"""Running a tracker from true boxes."""

import numpy as np
import pytest

from tests.tracks.clips import square_clip
from tests.tracks.quality.making import made, square_sequence, square_with_times
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.given import GivenBoxes, GivenObject
from vidcl.tracks.quality import runs as module
from vidcl.tracks.quality.measures import overlaps
from vidcl.tracks.quality.runs import run_free, run_judged
from vidcl.tracks.quality.truth import TruthRows, TruthTimes
from vidcl.tracks.regions import Regions


def test_a_box_that_does_not_move_is_compared_with_every_later_truth():
    sequence = square_sequence(12)
    truth = sequence.truth.boxes
    (run,) = run_free(sequence, "static", every=None)
    assert (run.start, run.target, run.end_reason) == (0, 0, "end")
    expected = overlaps(np.repeat(truth[:1], 11, axis=0), truth[1:])
    np.testing.assert_allclose(run.overlaps(), expected)
    moved = truth[1:, :2] - truth[0, :2]
    np.testing.assert_allclose(run.distances(), np.hypot(*moved.T))
    assert run.followed == run.possible == 11


def test_starts_are_every_so_many_frames_in_which_the_object_is_there():
    frames, boxes = square_clip(12)
    boxes[[1, 5]] = np.nan  # nobody knows
    boxes[7] = 0  # absent
    runs = run_free(made(frames, TruthRows(boxes)), "static", every=4)
    # there in frames 0 2 3 4 6 8 9 10 11; the fourth and the eighth after the first are 6 and 11,
    # and after 11 there is nothing to follow into
    assert [run.start for run in runs] == [0, 6]
    np.testing.assert_array_equal(runs[1].first, boxes[6])
    assert [len(run.boxes) for run in runs] == [11, 5]
    assert [run.possible for run in runs] == [8, 4]
    assert np.isnan(runs[0].overlaps()[[0, 4]]).all()
    assert runs[0].overlaps()[6] == 0


def test_every_start_is_a_run_of_its_own():
    sequence = square_sequence(16)
    together = run_free(sequence, "flow", every=5)
    assert [run.start for run in together] == [0, 5, 10]
    frames, boxes = square_clip(16)
    alone = run_free(made(frames[5:], TruthRows(boxes[5:])), "flow", every=None)
    np.testing.assert_array_equal(together[1].boxes, alone[0].boxes)


def test_every_object_has_its_runs():
    frames, boxes = square_clip(10)
    times = np.array([frame.time for frame in frames])
    late = GivenObject("late", times[4:], boxes[4:] + 1, np.ones(6, bool))
    always = GivenObject("always", times, boxes, np.ones(10, bool))
    runs = run_free(made(frames, TruthTimes(GivenBoxes((late, always)))), "static", every=None)
    assert [(run.target, run.start, run.possible) for run in runs] == [(1, 0, 9), (0, 4, 5)]


def test_boxes_at_times_and_boxes_per_frame_give_the_same():
    by_row = run_free(square_sequence(8), "flow_cf", every=3)
    by_time = run_free(square_with_times(8), "flow_cf", every=3)
    for first, second in zip(by_row, by_time, strict=True):
        np.testing.assert_allclose(first.overlaps(), second.overlaps())


def test_working_side_reaches_the_scene():
    fine = run_free(square_sequence(6), "flow", every=None, working_side=120)
    coarse = run_free(square_sequence(6), "flow", every=None, working_side=60)
    assert not np.allclose(fine[0].boxes, coarse[0].boxes)


@pytest.mark.parametrize("life", [0, 3, 7])
def test_judgement_keeps_the_frames_before_it_ends_a_track(monkeypatch, life):
    class Judged(Regions):
        """Ends everything after so many frames."""

        age = 0

        def ended(self, scene):
            self.age += 1
            return {0: "lost"} if self.age > life else {}

    monkeypatch.setattr(module, "Regions", Judged)
    sequence = square_sequence(8)
    config = FollowConfig(proposer="given", tracker="static")
    (run,) = run_judged(sequence, config, every=None)
    assert len(run.boxes) == run.followed == life
    assert run.possible == 7
    assert run.end_reason == ("end" if life == 7 else "lost")
    truth = sequence.truth.boxes
    np.testing.assert_allclose(
        run.overlaps(), overlaps(np.repeat(truth[:1], life, axis=0), truth[1 : life + 1])
    )


def test_judgement_does_not_move_boxes():
    sequence = square_sequence(10)
    config = FollowConfig(proposer="given", tracker="flow_cf", working_side=120)
    (judged,) = run_judged(sequence, config, every=None)
    (free,) = run_free(sequence, "flow_cf", every=None, working_side=120)
    kept = len(judged.boxes)
    assert kept > 0
    np.testing.assert_allclose(judged.boxes, free.boxes[:kept])


def test_a_square_that_leaves_the_picture_ends_at_the_border():
    sequence = square_sequence(40, speed=(4.0, 0.0))
    config = FollowConfig(proposer="given", tracker="flow_cf", working_side=120)
    (run,) = run_judged(sequence, config, every=None)
    assert run.end_reason in ("border", "lost", "size")
    assert 0 < len(run.boxes) < 39
