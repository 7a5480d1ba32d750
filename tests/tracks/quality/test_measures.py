"""The measures against slow and obvious references."""

import itertools

import numpy as np
import pytest

from vidcl.tracks.quality import measures


def pixel_iou(a, b, side=40):
    """IoU by counting pixels of whole-number boxes."""
    grids = []
    for x0, y0, x1, y1 in (a, b):
        grid = np.zeros((side, side), bool)
        grid[int(y0) : int(y1), int(x0) : int(x1)] = True
        grids.append(grid)
    both, any_of = (grids[0] & grids[1]).sum(), (grids[0] | grids[1]).sum()
    return both / any_of if any_of else 0.0


@pytest.fixture()
def boxes():
    rng = np.random.default_rng(0)
    low = rng.integers(0, 20, (200, 2))
    return np.concatenate([low, low + rng.integers(1, 20, (200, 2))], axis=1).astype(np.float64)


def test_overlaps_count_pixels(boxes):
    truth = np.roll(boxes, 1, axis=0)
    expected = [pixel_iou(a, b) for a, b in zip(boxes, truth, strict=True)]
    np.testing.assert_allclose(measures.overlaps(boxes, truth), expected)
    np.testing.assert_allclose(measures.overlaps(boxes, boxes), 1.0)


def test_unknown_absent_and_impossible_boxes():
    box = np.array([[0.0, 0, 10, 10]] * 4)
    truth = np.array([[np.nan] * 4, [0.0] * 4, [0, 0, 10, 10], [0, 0, 10, 10]])
    box[3] = np.nan
    np.testing.assert_array_equal(measures.overlaps(box, truth), [np.nan, 0, 1, 0])
    distances = measures.centre_distances(box, truth)
    np.testing.assert_array_equal(distances, [np.nan, np.nan, 0, np.inf])
    assert measures.precision(distances) == 0.5


def test_centre_distances(boxes):
    truth = np.roll(boxes, 1, axis=0)
    expected = []
    for a, b in zip(boxes, truth, strict=True):
        dx = (a[0] + a[2]) / 2 - (b[0] + b[2]) / 2
        dy = (a[1] + a[3]) / 2 - (b[1] + b[3]) / 2
        expected.append((dx * dx + dy * dy) ** 0.5)
    np.testing.assert_allclose(measures.centre_distances(boxes, truth), expected)
    share = sum(d <= 7 for d in expected) / len(expected)
    assert measures.precision(np.array(expected), within=7) == pytest.approx(share)


def test_success_curve_and_its_area():
    values = np.concatenate([np.random.default_rng(1).random(50), [0.0, 1.0, 0.5]])
    curve = []
    for k in range(21):
        curve.append(sum(v > k / 20 for v in values) / len(values))
    np.testing.assert_allclose(measures.success_curve(values), curve)
    assert measures.success_auc(values) == pytest.approx(sum(curve) / 21)
    assert measures.share_above(values) == pytest.approx(curve[10])
    assert measures.mean_iou(values) == pytest.approx(sum(values) / len(values))
    with_nan = np.concatenate([values, [np.nan] * 9])
    assert measures.success_auc(with_nan) == measures.success_auc(values)
    assert measures.share_above(with_nan) == measures.share_above(values)
    assert measures.mean_iou(with_nan) == measures.mean_iou(values)


def test_the_area_is_close_to_the_mean_overlap():
    values = np.random.default_rng(2).random(2000)
    assert measures.success_auc(values) == pytest.approx(values.mean(), abs=0.03)


def test_purity_takes_half_as_on_the_object():
    assert measures.purity(np.array([0.5, 0.49, 1.0, np.nan])) == pytest.approx(2 / 3)


def test_nothing_to_count_is_not_a_number():
    none = np.zeros(0)
    for measure in (measures.success_auc, measures.share_above, measures.mean_iou, measures.purity):
        assert np.isnan(measure(none))
        assert np.isnan(measure(np.array([np.nan])))
    assert np.isnan(measures.precision(none))


@pytest.mark.parametrize("gap", [(0.0, 0.5), (0.25, 3.0), (0.3, 0.3), (5.0, 6.0), (0.0, 100.0)])
def test_pairs_against_all_pairs(gap):
    rng = np.random.default_rng(4)
    # times as tracks store them: multiples of a twelfth, rounded to float32
    times = (np.flatnonzero(rng.random(60) < 0.6) / 12).astype(np.float32).astype(np.float64)
    values = rng.random((len(times), 3))
    values[rng.random(values.shape) < 0.1] = np.nan
    pairs = same = 0
    for i, j in itertools.combinations(range(len(times)), 2):
        if gap[0] - 1e-4 <= times[j] - times[i] <= gap[1] + 1e-4:
            pairs += 1
            same += any(values[i, k] >= 0.5 and values[j, k] >= 0.5 for k in range(3))
    assert measures.same_object_pairs(times, values, gap) == (pairs, same)


def test_a_pair_on_two_objects_is_no_pair_of_one():
    values = np.array([[0.9, 0.1], [0.1, 0.9]])
    assert measures.same_object_pairs(np.array([0.0, 0.1]), values, (0.0, 1.0)) == (1, 0)


def test_a_track_among_no_objects_has_no_pair_of_one():
    assert measures.same_object_pairs(np.array([0.0, 0.1]), np.zeros((2, 0)), (0.0, 1.0)) == (1, 0)
