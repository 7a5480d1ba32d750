"""Runs in, sums with weights out."""

import numpy as np
import pytest

from tests.tracks.quality.making import square_sequence, square_with_times
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.quality import measures
from vidcl.tracks.quality.measure import measure_chain, measure_free, measure_judged, total
from vidcl.tracks.quality.runs import Run, run_free
from vidcl.tracks.quality.summary import (
    curve_of,
    end_reasons,
    first_runs,
    kept_sums,
    success_sums,
)

HERE = np.array([0.0, 0, 10, 10])
HALF = np.array([0.0, 0, 10, 5])  # IoU 0.5 with HERE
AWAY = np.array([50.0, 0, 60, 10])
ABSENT = np.zeros(4)
UNKNOWN = np.full(4, np.nan)


def a_run(boxes, truth, target=0, start=0, reason="end"):
    return Run(start, target, HERE, list(boxes), list(truth), reason)


def test_kept_sums_count_boxes_tracks_and_frames():
    runs = [
        # kept for 4 of 6 frames; one of its boxes lies where the object is absent, one nobody knows
        a_run([HERE, HALF, AWAY, HERE], [HERE, HERE, HERE, ABSENT, HERE, HERE], reason="lost"),
        a_run([HERE, HERE], [HERE, UNKNOWN]),
        a_run([], [HERE, HERE], reason="lost"),
    ]
    sums = kept_sums(runs)
    assert sums["purity"] == (3, 5)
    assert sums["track_purity"] == (0.5 + 1.0, 2)
    assert sums["kept_share"] == (3 + 1 + 0, 5 + 1 + 2)
    assert sums["kept_length"] == (6, 3)
    assert end_reasons(runs) == {"lost": 2, "end": 1}


def test_success_counts_frames_in_which_the_object_is_there():
    runs = [
        a_run([HERE, HALF, AWAY], [HERE, HERE, ABSENT]),
        a_run([AWAY, HERE], [HERE, UNKNOWN]),
    ]
    sums = success_sums(runs)
    values = [1.0, 0.5, 0.0]
    curve = [sum(v > k / 20 for v in values) / 3 for k in range(21)]
    assert sums["auc"] == (pytest.approx(sum(curve) / 21), 1)
    assert sums["above"] == (pytest.approx(1 / 3), 1)
    assert sums["iou"] == (pytest.approx(0.5), 1)
    assert sums["precision"] == (pytest.approx(2 / 3), 1)
    np.testing.assert_allclose(curve_of(runs), curve)


def test_a_box_that_is_not_finite_is_a_miss():
    sums = success_sums([a_run([UNKNOWN, HERE], [HERE, HERE])])
    assert sums["iou"] == (0.5, 1)
    assert sums["precision"] == (0.5, 1)


def test_nothing_has_no_weight():
    for runs in ([], [a_run([HERE], [UNKNOWN])]):
        assert {weight for _, weight in success_sums(runs).values()} == {0.0}
        assert np.isnan(curve_of(runs)).all()
    assert {weight for _, weight in kept_sums([]).values()} == {0.0}


def test_the_first_run_of_each_object():
    runs = [a_run([], [HERE], target=1), a_run([], [HERE]), a_run([], [HERE], target=1, start=5)]
    assert first_runs(runs) == runs[:2]


def test_measuring_in_one_call_is_the_parts_put_together():
    sequences = [square_sequence(14), square_with_times(9)]
    object.__setattr__(sequences[1], "name", "other")
    seen = []
    found = measure_free(
        sequences, "static", every=5, progress=lambda done, count: seen.append((done, count))
    )
    assert seen == [(1, 2), (2, 2)]
    for sequence in sequences:
        runs = run_free(sequence, "static", every=5)
        assert found["starts"][sequence.name] == success_sums(runs)
        assert found["first"][sequence.name] == success_sums(runs[:1])
        np.testing.assert_array_equal(found["curves"][sequence.name], curve_of(runs[:1]))
    config = FollowConfig(tracker="static", proposer="random", follow_rate=None)
    kept = measure_judged(sequences, config, every=5)
    assert sum(kept["ends"]["made"].values()) == kept["kept"]["made"]["kept_length"][1] == 3
    chain = measure_chain(sequences, config, every=5)["sums"]
    assert chain["made"]["regions"][1] == 2  # from frames 0 and 5; frame 10 leaves too little
    assert chain["other"]["regions"][1] == 1


def test_totals_are_sums_by_weights():
    assert total({"a": {"x": (1.0, 2.0)}, "b": {"x": (3.0, 4.0), "y": (0.0, 0.0)}}) == {
        "x": pytest.approx(4 / 6),
        "y": pytest.approx(float("nan"), nan_ok=True),
    }
    assert measures.ON_OBJECT == 0.5
