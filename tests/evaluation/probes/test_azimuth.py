"""How much a feature tells of the viewpoint, on features that tell all, some and nothing of it."""

import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.evaluation.probes.azimuth import angle_between, gap_r2, nearest_angle

OBJECTS, VIEWS = 30, 20


def make(seed=0):
    generator = np.random.default_rng(seed)
    azimuth = generator.uniform(0, 360, OBJECTS * VIEWS)
    return generator, azimuth, np.repeat(np.arange(OBJECTS), VIEWS)


def direction(azimuth):
    return np.stack([np.cos(np.radians(azimuth)), np.sin(np.radians(azimuth))], 1)


def test_angles_go_round():
    assert angle_between(np.array([350.0, 10, 180]), np.array([20.0, 350, 0])).tolist() == [
        30,
        20,
        180,
    ]


def test_a_feature_that_is_the_azimuth_and_one_that_is_nothing():
    generator, azimuth, instance = make()
    perfect = direction(azimuth)
    expected = []  # view by view
    for n in range(len(azimuth)):
        others = [m for m in range(len(azimuth)) if instance[m] == instance[n] and m != n]
        expected.append(min(float(angle_between(azimuth[n], azimuth[m])) for m in others))
    assert nearest_angle(perfect, azimuth, instance) == pytest.approx(np.mean(expected))
    noise = generator.normal(size=(len(azimuth), 16))
    assert nearest_angle(noise, azimuth, instance) == pytest.approx(90, abs=6)
    assert gap_r2(perfect, azimuth, instance) > 0.9
    assert abs(gap_r2(noise, azimuth, instance)) < 0.05


def test_the_gap_needs_no_common_front_and_nothing_else_may_tell_it():
    generator, azimuth, instance = make()
    start = generator.uniform(0, 360, OBJECTS)[instance]
    turned = direction(azimuth + start)
    assert gap_r2(turned, azimuth, instance) > 0.9
    # the object's own code beside it drowns nothing; alone it tells nothing of the gap
    names = generator.normal(size=(OBJECTS, 8))[instance]
    assert gap_r2(np.hstack([turned, names]), azimuth, instance) > 0.5
    assert gap_r2(names, azimuth, instance) == pytest.approx(0, abs=0.01)


def test_gap_r2_is_that_of_a_plain_loop():
    generator, azimuth, instance = make()
    features = generator.normal(size=(len(azimuth), 3))
    features[:, 0] += 2 * np.sin(np.radians(azimuth))
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    error = total = 0.0
    for fold in range(5):
        x, y, x_test, y_test = [], [], [], []
        for a in range(len(azimuth)):
            for b in range(a + 1, len(azimuth)):
                if instance[a] == instance[b]:
                    held_out = instance[a] % 5 == fold
                    (x_test if held_out else x).append(np.abs(unit[a] - unit[b]))
                    gap = np.cos(np.radians(azimuth[a] - azimuth[b]))
                    (y_test if held_out else y).append(gap)
        scaled = (np.array(x) - np.mean(x, 0)) / np.std(x, 0)
        normal = scaled.T @ scaled / len(x) + 0.01 * np.eye(3)
        weights = np.linalg.solve(normal, scaled.T @ (np.array(y) - np.mean(y)) / len(x))
        guess = (np.array(x_test) - np.mean(x, 0)) / np.std(x, 0) @ weights + np.mean(y)
        error += ((guess - y_test) ** 2).sum()
        total += ((np.array(y_test) - np.mean(y)) ** 2).sum()
    assert gap_r2(features, azimuth, instance) == pytest.approx(1 - error / total, abs=1e-9)


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(VidclError, match="one view"):
        nearest_angle(np.ones((3, 2)), np.zeros(3), np.array(["a", "a", "b"]))
    with pytest.raises(VidclError, match="give at least 5"):
        gap_r2(np.ones((4, 2)), np.zeros(4), np.arange(4))
