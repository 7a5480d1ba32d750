"""Average precision against loops and scikit-learn."""

import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.evaluation.probes.average_precision import (
    area_ap,
    average_precisions,
    eleven_point_ap,
    precision_recall,
)


def loops(positive, scores):
    """The definitions, threshold by threshold."""
    total = int(positive.sum())
    points = []
    for threshold in sorted(set(scores), reverse=True):
        found = scores >= threshold
        points.append((int((found & positive).sum()), int(found.sum())))
    step = area = before = 0.0
    for place, (true, found) in enumerate(points):
        best = max(t / f for t, f in points[place:])
        step += (true - before) / total * true / found
        area += (true - before) / total * best
        before = true
    eleven = 0.0
    for tenth in range(11):
        eleven += max(t / f for t, f in points if 10 * t >= tenth * total) / 11
    return {"step": step, "area": area, "eleven_point": eleven}


@pytest.mark.parametrize("seed", range(8))
def test_the_readings_are_those_of_loops(seed):
    rng = np.random.default_rng(seed)
    positive = rng.random(40) < 0.3
    positive[0] = True
    scores = np.round(rng.normal(size=40) + positive, 1 if seed % 2 else 9)  # ties, or none
    told = average_precisions(positive, scores)
    expected = loops(positive, scores)
    assert set(told) == set(expected)
    for reading, value in expected.items():
        assert told[reading] == pytest.approx(value, abs=1e-12)
    order = rng.permutation(40)
    assert average_precisions(positive[order], scores[order]) == pytest.approx(told, abs=1e-12)


def test_the_step_reading_is_scikit_learns():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    for _ in range(10):
        positive, scores = rng.random(50) < 0.3, np.round(rng.normal(size=50), 1)
        assert average_precisions(positive, scores)["step"] == pytest.approx(
            metrics.average_precision_score(positive, scores)
        )


def test_recall_is_compared_in_whole_numbers():
    # 3 of 10 found at precision 1: recall 0.3 counts, though 3 / 10 < 0.1 * 3 in doubles.
    positive = np.array([True] * 3 + [False] * 50 + [True] * 7)
    told = average_precisions(positive, -np.arange(60.0))
    assert told["eleven_point"] == pytest.approx((4 * 1 + 7 * 10 / 60) / 11)
    assert average_precisions(positive, positive.astype(float)) == pytest.approx(
        {"step": 1.0, "area": 1.0, "eleven_point": 1.0}
    )


def test_a_weighted_row_is_so_many_rows():
    rng = np.random.default_rng(0)
    positive, scores, times = rng.random(30) < 0.4, rng.normal(size=30), rng.integers(3, size=30)
    curve = precision_recall(positive, scores, times)
    several = precision_recall(np.repeat(positive, times), np.repeat(scores, times))
    assert area_ap(*curve) == pytest.approx(area_ap(*several))
    assert eleven_point_ap(*curve) == pytest.approx(eleven_point_ap(*several))


def test_no_positive_is_refused():
    with pytest.raises(VidclError, match="at least one"):
        average_precisions(np.zeros(3, bool), np.arange(3.0))
