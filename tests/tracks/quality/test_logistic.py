"""Fitting a probability, and looking at it."""

import math

import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.tracks.quality.logistic import area_under_roc, calibration, fit_logistic, logistic


def made(count: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    evidence = generator.normal([1.0, -3.0], [0.5, 4.0], (count, 2))
    chance = 1 / (1 + np.exp(-(2.0 * evidence[:, 0] + 0.3 * evidence[:, 1] - 1.0)))
    return evidence, generator.random(count) < chance, generator.uniform(0.5, 2, count)


def loss(
    fitted: np.ndarray, evidence: np.ndarray, on: np.ndarray, shares: np.ndarray, penalty: float
) -> float:
    """What is to be least, as documented, row by row."""
    out = 0.0
    for row, is_on, share in zip(evidence, on, shares / shares.sum(), strict=True):
        predicted = 1 / (1 + math.exp(-(float(row @ fitted[:-1]) + fitted[-1])))
        out -= share * math.log(predicted if is_on else 1 - predicted)
    return out + penalty / 2 * float(((fitted[:-1] * evidence.std(axis=0)) ** 2).sum())


@pytest.mark.parametrize("penalty", [0.001, 0.01, 0.3])
def test_no_other_weights_are_better(penalty: float) -> None:
    evidence, on, shares = made()
    found = fit_logistic(evidence, on, shares, penalty)
    assert found.shape == (3,)
    least = loss(found, evidence, on, shares, penalty)
    for k in range(3):
        for nudge in (-1e-3, 1e-3):
            other = found.copy()
            other[k] += nudge
            assert loss(other, evidence, on, shares, penalty) > least


def test_it_is_what_slow_descent_finds() -> None:
    evidence, on, shares = made()
    mean, spread = evidence.mean(axis=0), evidence.std(axis=0)
    weights, constant = np.zeros(2), 0.0
    share = shares / shares.sum()
    for _ in range(20000):
        rows = (evidence - mean) / spread
        gap = share * (1 / (1 + np.exp(-(rows @ weights + constant))) - on)
        weights -= 0.5 * (rows.T @ gap + 0.01 * weights)
        constant -= 0.5 * gap.sum()
    expected = np.append(weights / spread, constant - (weights * mean / spread).sum())
    np.testing.assert_allclose(fit_logistic(evidence, on, shares, 0.01), expected, atol=1e-6)


def test_known_weights_are_found_again() -> None:
    found = fit_logistic(*made(40000), penalty=1e-6)
    np.testing.assert_allclose(found, [2.0, 0.3, -1.0], atol=0.1)


def test_a_share_of_two_is_a_row_given_twice() -> None:
    evidence, on, _ = made()
    twice = np.arange(60) < 20
    shares = np.where(twice, 2.0, 1.0)
    rows = np.concatenate([np.arange(60), np.flatnonzero(twice)])
    found = fit_logistic(evidence, on, shares, penalty=1e-9)
    again = fit_logistic(evidence[rows], on[rows], np.ones(len(rows)), penalty=1e-9)
    np.testing.assert_allclose(found, again, atol=1e-4)


def test_a_feature_that_never_changes_gets_no_weight_and_rows_that_part_a_finite_one() -> None:
    evidence, _, shares = made()
    evidence[:, 1] = 1.0
    found = fit_logistic(evidence, evidence[:, 0] > 1, shares)
    assert found[1] == pytest.approx(0, abs=1e-6)
    assert 1 < found[0] < 100


@pytest.mark.parametrize(("on", "says"), [(True, "on their"), (False, "off their")])
def test_one_kind_alone_is_refused(on: bool, says: str) -> None:
    evidence, _, shares = made()
    with pytest.raises(VidclError, match=says):
        fit_logistic(evidence, np.full(60, on), shares)


def test_logistic_is_the_written_out_formula() -> None:
    evidence = np.array([[1.0, 2.0], [-1.0, 0.5]])
    found = logistic(evidence, np.array([0.5, -1.0, 0.25]))
    np.testing.assert_allclose(found, [1 / (1 + math.exp(1.25)), 1 / (1 + math.exp(0.75))])


def test_area_is_the_share_of_pairs_in_the_right_order() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        scores = generator.integers(0, 8, 30).astype(float)  # many ties
        on = generator.random(30) < 0.4
        pairs = [(a > b) + 0.5 * (a == b) for a in scores[on] for b in scores[~on]]
        assert area_under_roc(scores, on) == pytest.approx(np.mean(pairs))
    assert area_under_roc(np.array([1.0, 2.0]), np.array([False, True])) == 1
    assert math.isnan(area_under_roc(scores, np.ones(30, bool)))


def test_calibration_counts_each_box_in_its_tenth() -> None:
    generator = np.random.default_rng(0)
    predicted = np.append(generator.random(200) ** 3, [0.0, 1.0])
    predicted[(predicted > 0.7) & (predicted < 0.8)] = 0.65
    on = generator.random(202) < predicted
    found = calibration(predicted, on)
    assert len(found) == 10
    assert sum(row[0] for row in found) == 202
    for k, (count, mean, share) in enumerate(found):
        last = k == 9
        here = [
            (p, o)
            for p, o in zip(predicted, on, strict=True)
            if k / 10 <= p < (k + 1) / 10 or (last and p == 1)
        ]
        assert count == len(here)
        if here:
            assert mean == pytest.approx(np.mean([p for p, _ in here]))
            assert share == pytest.approx(np.mean([o for _, o in here]))
        else:
            assert math.isnan(mean) and math.isnan(share)
    assert found[7][0] == 0
