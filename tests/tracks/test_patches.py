"""Patches of many boxes against one box at a time and the whole picture blurred for it."""

import cv2
import numpy as np
import pytest

from tests.tracks.clips import texture
from vidcl.tracks.patches import cut_patches


def slow_patch(picture: np.ndarray, box: np.ndarray, side: int) -> np.ndarray:
    """Bilinear samples at the middle of each cell, of the picture's means where cells are large."""
    height, width = picture.shape[:2]
    step = (box[2:] - box[:2]) / side
    if step.max() > 2:
        picture = cv2.blur(picture, (int(step.max()), int(step.max())))
    out = np.empty((side, side, 3))
    for row, column in np.ndindex(side, side):
        x, y = box[:2] + (np.array([column, row]) + 0.5) * step - 0.5
        left, top = int(np.floor(x)), int(np.floor(y))
        values = np.zeros(3)
        for at_y, at_x in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
            weight = (1 - abs(x - at_x)) * (1 - abs(y - at_y))
            values += weight * picture[np.clip(at_y, 0, height - 1), np.clip(at_x, 0, width - 1)]
        out[row, column] = values
    return out


@pytest.mark.parametrize("side", [4, 8])
def test_patches_are_those_of_a_slow_loop(side: int) -> None:
    """Small and large, alike and not, partly and wholly outside on every side."""
    picture = texture(0, 60, 90)
    boxes = np.array(
        [
            [10.0, 10, 30, 34],
            [11.5, 9.5, 30.5, 33],
            [40, 20, 43, 22.5],
            [-20, -15, 25, 30],
            [50, 30, 110.5, 80],
            [-70, 10, -40, 50],
            [95, 5, 140, 50],
            [20, -60, 60, -20],
            [20, 70, 60, 120],
            [0, 0, 90, 60],
        ]
    )
    patches = cut_patches(picture, boxes, side)
    assert patches.shape == (len(boxes), side, side, 3) and patches.dtype == np.uint8
    for box, patch in zip(boxes, patches, strict=True):
        # OpenCV's samples stand on a grid of 1/32 pixel at worst
        assert np.abs(patch - slow_patch(picture, box, side)).max() < 255 / 32 + 1


def test_a_box_has_the_same_patch_whatever_is_cut_beside_it() -> None:
    generator = np.random.default_rng(0)
    picture = generator.integers(0, 256, (70, 100, 3), dtype=np.uint8)
    low = generator.uniform(-80, 120, (60, 2))
    boxes = np.concatenate([low, low + generator.uniform(1, 120, (60, 2))], axis=1)
    together = cut_patches(picture, boxes, 16)
    for k in range(len(boxes)):
        np.testing.assert_array_equal(cut_patches(picture, boxes[k : k + 1], 16)[0], together[k])


def test_means_at_the_picture_s_border_are_those_of_the_whole_picture() -> None:
    """Only a part of the picture is blurred; that must not show, to the last bit."""
    generator = np.random.default_rng(1)
    for _ in range(60):
        height, width = generator.integers(2, 90, 2)
        picture = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
        low = generator.uniform(-1.2, 1.2, 2) * [width, height]
        box = np.concatenate([low, low + generator.uniform(20, 120, 2)])
        size = int((box[2:] - box[:2]).max() / 8)
        step = (box[2:] - box[:2]) / 8
        matrix = np.column_stack([np.diag(step), box[:2] + step / 2 - 0.5])
        expected = cv2.warpAffine(
            cv2.blur(picture, (size, size)),
            matrix,
            (8, 8),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        np.testing.assert_array_equal(cut_patches(picture, box[None], 8)[0], expected)


def test_no_boxes_no_patches() -> None:
    assert cut_patches(texture(0, 20, 20), np.zeros((0, 4)), 16).shape == (0, 16, 16, 3)
