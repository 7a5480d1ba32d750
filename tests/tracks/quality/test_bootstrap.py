"""Bootstrap intervals over sequences."""

import numpy as np
import pytest

from vidcl.tracks.quality.bootstrap import bootstrap

SUMS = np.array([3.0, 8.0, 1.0, 9.0, 4.0])
WEIGHTS = np.array([4.0, 10.0, 6.0, 9.0, 20.0])


def test_against_drawing_one_by_one():
    found = bootstrap(SUMS, WEIGHTS, np.random.default_rng(5), draws=300)
    generator = np.random.default_rng(5)
    picked = generator.integers(5, size=(300, 5))
    ratios = []
    for row in picked:
        ratios.append(sum(SUMS[k] for k in row) / sum(WEIGHTS[k] for k in row))
    assert found.value == pytest.approx(25 / 49)
    assert found.low == pytest.approx(np.quantile(ratios, 0.025))
    assert found.high == pytest.approx(np.quantile(ratios, 0.975))


def test_one_seed_one_interval():
    first, second, other = (
        bootstrap(SUMS, WEIGHTS, np.random.default_rng(seed), draws=40) for seed in (1, 1, 2)
    )
    assert first == second
    assert first != other


def test_weights_of_one_give_the_mean_and_its_standard_error():
    values = np.random.default_rng(0).random(400)
    found = bootstrap(values, np.ones(400), np.random.default_rng(0))
    error = values.std() / np.sqrt(400)
    assert found.value == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_sequences_without_weight_count_nothing():
    found = bootstrap([0.5, np.nan], [1.0, 0.0], np.random.default_rng(0))
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)
    empty = bootstrap([np.nan], [0.0], np.random.default_rng(0))
    assert np.isnan([empty.value, empty.low, empty.high]).all()
