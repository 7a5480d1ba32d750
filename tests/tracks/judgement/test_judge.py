"""The judge: what it remembers of regions, and what it says of their steps."""

import cv2
import numpy as np
import pytest

from tests.tracks.clips import texture
from vidcl.tracks.judgement.confidence import confidence, features
from vidcl.tracks.judgement.judge import RATE, Judge, forward_backward_score
from vidcl.tracks.judgement.looks import SIDE, affinity, colours, normalise, sharpness
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.patches import cut_patches

BOXES = np.array([[10.0, 10, 40, 40], [20, 20, 60, 50]])
NO_ERROR = np.zeros(2)


def scene_of(picture: np.ndarray) -> Scene:
    scene = Scene(min(picture.shape[:2]), with_flow=False)
    scene.advance(picture)
    return scene


def judge_of(scene: Scene, boxes: np.ndarray = BOXES) -> Judge:
    judge = Judge()
    judge.add(scene, boxes)
    return judge


def looks_of(scene: Scene, boxes: np.ndarray = BOXES) -> np.ndarray:
    return normalise(cut_patches(scene.picture, boxes, SIDE)).astype(np.float64)


@pytest.fixture()
def scene() -> Scene:
    return scene_of(texture(0, 80, 100))


@pytest.fixture()
def other() -> Scene:
    return scene_of(texture(9, 80, 100))


def test_evidence_is_measured_against_the_beginning(scene: Scene, other: Scene) -> None:
    judge = judge_of(scene)
    judge.score(other, BOXES, NO_ERROR)  # the templates adapt; the beginning stays what it was
    now = np.array([[12.0, 8, 47, 43], [70, 30, 120, 60]])  # the second is partly outside
    error = np.array([0.05, 0.2])
    inside, around = colours(other.picture, now)
    begun = colours(scene.picture, BOXES)[0]
    expected = features(
        first=(looks_of(scene) * looks_of(other, now)).sum(axis=1),
        contrast=affinity(inside, begun) - affinity(inside, around),
        error=error,
        growth=np.array([35 / 30, np.sqrt(50 * 30) / np.sqrt(40 * 30)]),
        visible=np.array([1.0, 30 / 50]),
    )
    found = judge.evidence(other, now, error)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(judge.evidence(other, now, error), found)


def test_nothing_moved_is_the_best_evidence(scene: Scene) -> None:
    first, _, error, growth, visible = judge_of(scene).evidence(scene, BOXES, NO_ERROR).T
    np.testing.assert_allclose(first, 1, atol=1e-5)
    np.testing.assert_allclose(error, np.log(0.003))
    np.testing.assert_allclose(growth, 0, atol=1e-9)
    np.testing.assert_allclose(visible, 1)


def test_total_is_the_confidence_of_the_evidence(scene: Scene, other: Scene) -> None:
    judge = judge_of(scene)
    for step in (scene, other, scene):
        error = np.array([0.01, 0.3])
        expected = confidence(judge.evidence(step, BOXES, error))
        scores = judge.score(step, BOXES, error)
        np.testing.assert_allclose(scores["total"], expected)
        assert set(scores) == {"appearance", "blur", "total"}
        for values in scores.values():
            assert values.shape == (2,)
            assert values.dtype == np.float64
            assert ((values >= 0) & (values <= 1)).all()


def test_a_box_that_slid_onto_the_ground_is_not_believed() -> None:
    picture = texture(0, 120, 160, grain=10) // 3
    thing = texture(1, 34, 34, grain=5, low=120)
    picture[40:74, 30:64] = thing
    scene = scene_of(picture)
    box = np.array([[30.0, 40, 64, 74]])
    judge = judge_of(scene, box)
    no_error = np.zeros(1)
    stayed = judge.evidence(scene, box, no_error)
    slid = judge.evidence(scene, box + np.array([60, 10, 60, 10]), no_error)
    assert stayed[0, 1] > 0.3 and slid[0, 1] < 0  # contrast
    assert confidence(stayed)[0] > 0.9
    assert confidence(slid)[0] < 0.2


def test_appearance_follows_a_slowly_adapting_template(scene: Scene, other: Scene) -> None:
    judge = judge_of(scene)
    template = looks_of(scene)
    for step in (scene, other, other, scene, other):
        look = looks_of(step)
        expected = np.clip((template * look).sum(axis=1), 0, 1)
        found = judge.score(step, BOXES, NO_ERROR)["appearance"]
        np.testing.assert_allclose(found, expected, atol=1e-5)
        for k in range(2):
            rate = RATE * expected[k]
            mixed = (1 - rate) * template[k] + rate * look[k]
            template[k] = mixed / np.sqrt((mixed**2).sum())


def test_a_look_that_does_not_match_is_not_learnt(scene: Scene) -> None:
    negative = scene_of(255 - scene.picture)
    judge = judge_of(scene)
    for _ in range(5):
        np.testing.assert_array_equal(judge.score(negative, BOXES, NO_ERROR)["appearance"], 0)
    np.testing.assert_allclose(judge.score(scene, BOXES, NO_ERROR)["appearance"], 1, atol=1e-5)


def test_light_is_no_change_of_appearance(scene: Scene) -> None:
    darker = scene_of(scene.picture // 2 + 20)
    scores = judge_of(scene).score(darker, BOXES, NO_ERROR)
    assert (scores["appearance"] > 0.98).all()


def test_blur_is_sharpness_against_the_sharpest_so_far(scene: Scene) -> None:
    soft = scene_of(cv2.GaussianBlur(scene.picture, (0, 0), 4))
    judge = judge_of(soft)
    assert np.allclose(judge.score(soft, BOXES, NO_ERROR)["blur"], 1)
    np.testing.assert_array_equal(judge.score(scene, BOXES, NO_ERROR)["blur"], 1)
    sharp, dull = (sharpness(cut_patches(s.picture, BOXES, SIDE)) for s in (scene, soft))
    for k in range(1, 4):  # the sharpest is slowly forgotten
        found = judge.score(soft, BOXES, NO_ERROR)["blur"]
        np.testing.assert_allclose(found, dull / (sharp * 0.99**k))
    assert (found < 0.8).all()


def test_regions_are_kept_and_added_in_order(scene: Scene, other: Scene) -> None:
    more = np.array([[40.0, 30, 70, 60]])
    judge = judge_of(scene)
    judge.score(other, BOXES, NO_ERROR)
    judge.keep(np.array([1]))
    judge.add(other, more)
    alone, late = judge_of(scene, BOXES[1:]), judge_of(other, more)
    alone.score(other, BOXES[1:], np.zeros(1))
    now = np.concatenate([BOXES[1:], more])
    found = judge.score(scene, now, np.zeros(2))
    parts = [alone.score(scene, now[:1], np.zeros(1)), late.score(scene, now[1:], np.zeros(1))]
    for name, values in found.items():
        np.testing.assert_allclose(values, np.concatenate([part[name] for part in parts]))
    judge.keep(np.zeros(0, np.int64))
    judge.add(scene, more)
    np.testing.assert_allclose(judge.score(scene, more, np.zeros(1))["appearance"], 1, atol=1e-5)


@pytest.mark.parametrize("box", [[50, 40, 50, 40], [-50, -50, -20, -20], [99.9, 79.9, 100, 80]])
def test_a_degenerate_box_is_scored_and_not_believed(scene: Scene, box: list[float]) -> None:
    judge = judge_of(scene, BOXES[:1])
    scores = judge.score(scene, np.array([box], dtype=np.float64), np.ones(1))
    assert all(np.isfinite(values).all() for values in scores.values())
    assert scores["total"][0] < 0.1


def test_forward_backward_score_is_half_at_the_limit() -> None:
    error = np.array([0.0, 0.06, 0.12, 0.24, 10.0])
    found = forward_backward_score(error, 0.12)
    np.testing.assert_allclose(found, [1, 0.8, 0.5, 0.2, 1 / (1 + (10 / 0.12) ** 2)])
