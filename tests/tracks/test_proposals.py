"""Where regions begin, what keeps them on their thing, and how a step is judged."""

import numpy as np
import pytest

from tests.tracks.clips import square_clip, texture
from vidcl.tracks.boxes import iou
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.extent import pull_to_extent
from vidcl.tracks.judge import Judge, forward_backward_score, normalise, total_score
from vidcl.tracks.patches import cut_patches
from vidcl.tracks.proposals import (
    GridProposals,
    MotionProposals,
    RandomProposals,
    moving_parts,
    select,
)
from vidcl.tracks.scene import Scene
from vidcl.tracks.support import doubtful


@pytest.fixture()
def still() -> Scene:
    """A scene of 160 x 120 without motion, whose mask a test may draw."""
    scene = Scene(120, with_flow=True)
    for _ in range(2):
        scene.advance(texture(0, 120, 160))
    assert scene.mask.sum() == 0
    return scene


def draw(scene: Scene, *boxes: tuple[int, int, int, int]) -> None:
    for x0, y0, x1, y1 in boxes:
        scene.mask[y0:y1, x0:x1] = 1
        scene.foreground.belief[y0:y1, x0:x1] = 0.9


def test_motion_finds_the_moving_square_and_not_the_ground() -> None:
    frames, truth = square_clip(8)
    scene, proposals = Scene(120, with_flow=True), MotionProposals()
    for frame in frames:
        scene.advance(frame.image)
        proposals.look(scene)
    boxes = proposals.propose(scene)
    assert iou(boxes[:1], truth[-1:])[0, 0] > 0.7


def test_a_moving_camera_alone_proposes_nothing() -> None:
    wide = texture(0, 160, 240, grain=10)
    scene, proposals = Scene(120, with_flow=True), MotionProposals()
    for k in range(8):
        scene.advance(wide[10 : 10 + 120, 3 * k : 3 * k + 160].copy())
        proposals.look(scene)
    chosen = select(proposals.propose(scene), np.zeros((0, 4)), scene, FollowConfig())
    assert len(chosen) == 0


def test_two_squares_that_touch_at_a_corner_are_two(still: Scene) -> None:
    draw(still, (20, 20, 50, 50), (48, 48, 80, 84))
    boxes, scores = moving_parts(still)
    assert len(boxes) == 2
    assert (iou(boxes, np.array([[20.0, 20, 50, 50], [48, 48, 80, 84]])).max(axis=0) > 0.7).all()
    assert ((scores > 0.5) & (scores <= 1)).all()


def test_two_that_move_differently_side_by_side_are_two(still: Scene) -> None:
    draw(still, (20, 20, 50, 50), (50, 20, 80, 50))
    assert still.backward is not None
    still.backward[:, :50] = (2.0, 0.0)
    still.backward[:, 50:] = (-2.0, 0.0)
    assert len(moving_parts(still)[0]) == 2
    still.backward[:] = 1.0
    assert len(moving_parts(still)[0]) == 1


def test_selection_obeys_size_room_and_what_is_followed(still: Scene) -> None:
    candidates = np.array(
        [
            [10.0, 10, 50, 50],
            [12, 12, 52, 52],  # the same as the first
            [0, 0, 160, 120],  # too large
            [60, 60, 64, 64],  # too small
            [10, 100, 150, 115],  # too flat
            [100, 10, 140, 50],  # followed already
            [110, 20, 124, 34],  # inside what is followed
            [60, 60, 90, 90],
        ]
    )
    followed = np.array([[100.0, 10, 140, 50]])
    config = FollowConfig()
    chosen = select(candidates, followed, still, config)
    assert chosen.tolist() == [candidates[0].tolist(), candidates[7].tolist()]
    assert (
        len(select(candidates, followed, still, config.model_copy(update={"max_regions": 2}))) == 1
    )
    assert (
        len(select(candidates, followed, still, config.model_copy(update={"max_regions": 1}))) == 0
    )


def test_controls_stay_in_the_picture(still: Scene) -> None:
    for proposals in (GridProposals(), RandomProposals(np.random.default_rng(0))):
        boxes = proposals.propose(still)
        assert len(boxes) > 4
        assert (boxes >= -1e-9).all()
        assert (boxes[:, [2, 3]] <= np.array([160, 120]) + 1e-9).all()


def test_a_box_is_pulled_to_the_outline(still: Scene) -> None:
    draw(still, (40, 30, 80, 70))
    boxes = np.array([[44.0, 32, 86, 68]])
    for _ in range(12):
        boxes, trust = pull_to_extent(still, boxes)
    assert np.allclose(boxes, [[40, 30, 80, 70]], atol=0.7)
    assert trust[0] == 1.0


def test_nothing_moving_pulls_nothing(still: Scene) -> None:
    boxes = np.array([[44.0, 32, 86, 68], [-30, -30, -5, -5]])
    pulled, trust = pull_to_extent(still, boxes)
    assert np.array_equal(pulled, boxes) and (trust == 0).all()


def test_touching_regions_do_not_pull_each_other(still: Scene) -> None:
    draw(still, (40, 30, 70, 70), (70, 30, 100, 70))
    boxes = np.array([[40.0, 30, 72, 70], [68, 30, 100, 70]])
    pulled, _ = pull_to_extent(still, boxes)
    assert np.abs(pulled - boxes).max() < 2


def test_doubts(still: Scene) -> None:
    draw(still, (20, 20, 40, 40), (60, 20, 80, 40), (100, 60, 150, 110))
    boxes = np.array(
        [
            [20.0, 20, 40, 40],  # one thing
            [20, 20, 80, 60],  # two things apart
            [105, 65, 125, 85],  # a part of a larger one
            [0, 80, 40, 115],  # nothing
        ]
    )
    alone = [bool(doubtful(still, boxes[k : k + 1])[0]) for k in range(4)]
    assert alone == [False, True, True, True]
    shared = doubtful(still, np.array([[105.0, 65, 125, 85], [125, 65, 150, 110]]))
    assert not shared[0]


def test_patches_are_cut_like_a_slow_average() -> None:
    picture = texture(0, 40, 40)
    got = cut_patches(picture, np.array([[8.0, 4, 24, 20], [-8, -8, 8, 8]]), 16)
    assert np.array_equal(got[0], picture[4:20, 8:24])
    assert np.array_equal(got[1][8:, 8:], picture[:8, :8])
    assert (got[1][:8, :8] == picture[0, 0]).all()


def test_appearance_and_blur_scores() -> None:
    picture, other = texture(0, 60, 60), texture(9, 60, 60)
    boxes = np.array([[10.0, 10, 40, 40], [20, 20, 50, 50]])
    judge = Judge()
    judge.add(picture, boxes)
    appearance, blur = judge.score(picture, boxes)
    assert np.allclose(appearance, 1, atol=1e-4) and np.allclose(blur, 1)
    brighter = np.clip(picture.astype(np.int16) // 2 + 20, 0, 255).astype(np.uint8)
    appearance, blur = judge.score(brighter, boxes)
    assert (appearance > 0.98).all() and (blur < 0.7).all()
    assert (judge.score(other, boxes)[0] < 0.6).all()
    judge.keep(np.array([1]))
    assert len(judge.score(picture, boxes[1:])[0]) == 1


def test_score_arithmetic() -> None:
    assert np.allclose(forward_backward_score(np.array([0.0, 0.12]), 0.12), [1, 0.5])
    assert np.allclose(total_score(np.array([0.5]), np.array([0.25]), np.array([1.0])), [0.5])
    rows = normalise(np.random.default_rng(0).integers(0, 255, (3, 8, 8, 3), np.uint8))
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert np.allclose(rows.reshape(3, -1, 3).mean(axis=1), 0, atol=1e-5)
