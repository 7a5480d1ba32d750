"""How sure judgement is."""

import math

import numpy as np
import pytest

from vidcl.tracks.judgement.confidence import CONSTANT, FEATURES, WEIGHTS, confidence, features

#: A box that is neither surely on its object nor surely off it.
MIDDLING = {"first": 0.3, "contrast": 0.2, "error": 0.05, "growth": 1.2, "visible": 0.8}
#: What speaks for a box: more of it (1) or less (-1).
DIRECTIONS = {"first": 1, "contrast": 1, "error": -1, "growth": -1, "visible": 1}


def evidence(**changes: float) -> np.ndarray:
    return features(**{k: np.array([v]) for k, v in {**MIDDLING, **changes}.items()})


def test_features_stand_in_the_order_of_their_names() -> None:
    assert tuple(MIDDLING) == FEATURES
    assert len(WEIGHTS) == len(FEATURES)
    for k, name in enumerate(FEATURES):
        changed = evidence(**{name: MIDDLING[name] * 1.1})[0] != evidence()[0]
        np.testing.assert_array_equal(np.flatnonzero(changed), [k])


def test_features_are_clipped_as_documented() -> None:
    found = features(
        first=np.array([0.7, 0.0, -0.9]),
        contrast=np.array([1.0, 0.0, -1.0]),
        error=np.array([0.0, 0.1, 2.0]),
        growth=np.array([1.0, 2.0, 0.5]),
        visible=np.array([1.0, 0.5, 0.0]),
    )
    assert found.shape == (3, 5)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found[:, 0], [0.7, 0, 0])
    np.testing.assert_array_equal(found[:, 1], [1, 0, -1])
    expected = [math.log(0.003), math.log(0.103), math.log(2.003)]
    np.testing.assert_allclose(found[:, 2], expected)
    np.testing.assert_allclose(found[:, 3], [0, math.log(2), math.log(2)])
    np.testing.assert_array_equal(found[:, 4], [1, 0.5, 0])


def test_confidence_is_the_logistic_function_of_the_weighted_features() -> None:
    generator = np.random.default_rng(0)
    rows = generator.uniform([0, -1, -6, 0, 0], [1, 1, 1, 1.5, 1], (50, 5))
    slow = []
    for row in rows:
        total = CONSTANT
        for weight, value in zip(WEIGHTS, row, strict=True):
            total += weight * value
        slow.append(1 / (1 + math.exp(-total)))
    np.testing.assert_allclose(confidence(rows), slow)
    assert confidence(rows).min() < 0.1 and confidence(rows).max() > 0.9
    assert confidence(np.zeros((0, 5))).shape == (0,)


@pytest.mark.parametrize("name", FEATURES)
def test_each_feature_speaks_in_its_direction(name: str) -> None:
    more = [MIDDLING[name] * factor for factor in (1.0, 1.05, 1.1, 1.2)]
    sure = [confidence(evidence(**{name: value}))[0] for value in more]
    assert (np.diff(sure) * DIRECTIONS[name] > 0).all()


def test_shrinking_counts_like_growing() -> None:
    larger, smaller = evidence(growth=1.5), evidence(growth=1 / 1.5)
    np.testing.assert_allclose(confidence(larger), confidence(smaller))
    assert confidence(larger) < confidence(evidence(growth=1.0))


def test_a_perfect_step_is_believed_and_a_slid_one_is_not() -> None:
    perfect = evidence(first=1.0, contrast=0.7, error=0.0, growth=1.0, visible=1.0)
    slid = evidence(first=0.0, contrast=-0.3, error=0.2, growth=1.3, visible=1.0)
    assert confidence(perfect)[0] > 0.95
    assert confidence(slid)[0] < 0.2
