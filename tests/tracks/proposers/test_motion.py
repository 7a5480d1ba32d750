"""What moves against the camera is found, and taken apart."""

import numpy as np

from tests.tracks.clips import draw, square_clip, texture
from vidcl.tracks.boxes import iou
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.proposers.motion import MotionProposer
from vidcl.tracks.proposers.parts import inner_range, moving_parts
from vidcl.tracks.proposers.select import select


def test_motion_finds_the_moving_square_and_not_the_ground() -> None:
    frames, truth = square_clip(8)
    scene, proposer = Scene(120, with_flow=True), MotionProposer()
    for frame in frames:
        scene.advance(frame.image)
        proposer.look(scene)
    boxes = proposer.propose(scene).boxes
    assert iou(boxes[:1], truth[-1:])[0, 0] > 0.7


def test_a_moving_camera_alone_proposes_nothing() -> None:
    wide = texture(0, 160, 240, grain=10)
    scene, proposer = Scene(120, with_flow=True), MotionProposer()
    for k in range(8):
        scene.advance(wide[10 : 10 + 120, 3 * k : 3 * k + 160].copy())
        proposer.look(scene)
    chosen = select(proposer.propose(scene), np.zeros((0, 4)), scene, FollowConfig())
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


def test_the_inner_range_is_numpys() -> None:
    rng = np.random.default_rng(0)
    for count in (1, 2, 3, 34, 35, 250):
        points = rng.integers(0, 300, (count, 2))
        expected = np.quantile(points, [0.03, 0.97], axis=0)
        np.testing.assert_allclose(inner_range(points), expected, rtol=0, atol=1e-9)
