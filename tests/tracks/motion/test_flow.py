"""Flow, the camera in it, and boxes moved by it."""

import cv2
import numpy as np

from tests.tracks.clips import square_clip, texture
from vidcl.tracks.boxes import iou
from vidcl.tracks.motion.flow import DenseFlow, affine_flow, camera_motion, warp_by_flow
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.trackers.flow_step import _weighted_median, flow_step, sample


def test_affine_flow_against_a_loop() -> None:
    matrix = np.array([[1.1, 0.2, 3.0], [-0.1, 0.9, -2.0]])
    field = affine_flow(matrix, 4, 5)
    for y in range(4):
        for x in range(5):
            assert np.allclose(field[y, x], matrix @ [x, y, 1] - [x, y], atol=1e-5)


def test_the_camera_is_found_under_a_third_of_outliers() -> None:
    true = np.array([[1.02, 0.01, 1.5], [-0.01, 1.02, -0.8]])
    field = affine_flow(true, 120, 160)
    field += np.random.default_rng(0).normal(0, 0.1, field.shape).astype(np.float32)
    field[:, :50] += 5.0
    found = camera_motion(field)
    assert np.allclose(found, true, atol=0.1)
    assert np.abs(affine_flow(found, 120, 160) - affine_flow(true, 120, 160)).max() < 0.3


def test_the_camera_of_a_chaos_is_its_median() -> None:
    field = np.random.default_rng(0).uniform(-40, 40, (60, 80, 2)).astype(np.float32)
    found = camera_motion(field)
    assert np.allclose(found[:, :2], np.eye(2), atol=0.5)


def test_dense_flow_finds_a_known_affine_motion() -> None:
    first = cv2.cvtColor(texture(0, 120, 160), cv2.COLOR_RGB2GRAY)
    true = np.array([[1.02, 0.0, 1.0], [0.0, 1.02, -1.5]])
    second = cv2.warpAffine(first, true, (160, 120), borderMode=cv2.BORDER_REFLECT)
    found = camera_motion(DenseFlow()(first, second))
    assert np.abs(affine_flow(found, 120, 160) - affine_flow(true, 120, 160)).max() < 0.4


def test_warping_by_flow_against_a_loop() -> None:
    picture = np.random.default_rng(0).uniform(size=(6, 7)).astype(np.float32)
    field = np.random.default_rng(1).integers(-2, 3, (6, 7, 2)).astype(np.float32)
    out = warp_by_flow(picture, field)
    for y in range(6):
        for x in range(7):
            from_x = int(np.clip(x + field[y, x, 0], 0, 6))
            from_y = int(np.clip(y + field[y, x, 1], 0, 5))
            assert np.isclose(out[y, x], picture[from_y, from_x])


def test_sampling_is_bilinear() -> None:
    field = np.arange(12, dtype=np.float32).reshape(3, 4)
    points = np.array([[[1.5, 0.5], [0.0, 2.0], [9.0, 1.0]]])
    assert np.allclose(sample(field, points), [[3.5, 8.0, 7.0]], atol=0.05)


def test_the_weighted_median_against_repetition() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(size=(3, 9, 2))
    weights = generator.integers(1, 6, (3, 9))
    out = _weighted_median(values, weights.astype(float))
    for n in range(3):
        for axis in range(2):
            long = np.sort(np.repeat(values[n, :, axis], weights[n]))
            assert out[n, axis] == long[(len(long) + 1) // 2 - 1]


def test_boxes_move_and_grow_with_the_flow_inside_and_rows_do_not_mix() -> None:
    scene = Scene(120, with_flow=True)
    image = texture(0, 120, 160)
    scene.advance(image)
    scene.advance(image)
    scene.forward = affine_flow(np.array([[1.05, 0, -3.0], [0, 1.05, -4.0]]), 120, 160)
    scene.backward = affine_flow(
        cv2.invertAffineTransform(np.array([[1.05, 0, -3.0], [0, 1.05, -4.0]])), 120, 160
    )
    boxes = np.array([[40.0, 40, 80, 70], [90, 20, 130, 60]])
    moved, error = flow_step(scene, boxes)
    assert np.allclose(moved, boxes * 1.05 - np.array([3, 4, 3, 4]), atol=0.3)
    assert error.max() < 0.01
    alone = np.concatenate([flow_step(scene, boxes[k : k + 1])[0] for k in range(2)])
    assert np.allclose(moved, alone)


def test_flow_alone_follows_a_square_for_some_frames() -> None:
    frames, truth = square_clip(8)
    scene = Scene(120, with_flow=True)
    boxes = truth[:1]
    for k, frame in enumerate(frames):
        scene.advance(frame.image)
        if k:
            boxes = flow_step(scene, boxes)[0]
    assert iou(boxes, truth[-1:])[0, 0] > 0.6
