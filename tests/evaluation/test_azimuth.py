"""How much a feature tells of the viewpoint, on features that tell all, some and nothing of it."""

import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.evaluation.azimuth import angle_between, azimuth_r2, nearest_angle

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
    assert azimuth_r2(perfect, azimuth, instance, l2=1e-8) == pytest.approx(1, abs=1e-6)
    assert abs(azimuth_r2(noise, azimuth, instance)) < 0.1


def test_what_holds_for_seen_objects_alone_does_not_count():
    """Each object's azimuth in a frame of its own: readable within it, not across."""
    generator, azimuth, instance = make()
    start = generator.uniform(0, 360, OBJECTS)[instance]
    turned = direction(azimuth + start)
    assert nearest_angle(turned, azimuth, instance) < 25
    assert azimuth_r2(turned, azimuth, instance) < 0.3


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(VidclError, match="one view"):
        nearest_angle(np.ones((3, 2)), np.zeros(3), np.array(["a", "a", "b"]))
    with pytest.raises(VidclError, match="give at least 5"):
        azimuth_r2(np.ones((4, 2)), np.zeros(4), np.arange(4))
