"""Looks: pixels, sharpness, and colours inside and around a box."""

import cv2
import numpy as np
import pytest

from tests.tracks.clips import texture
from vidcl.tracks.judgement.looks import COLOUR_SIDE, affinity, colours, normalise, sharpness
from vidcl.tracks.patches import cut_patches


def slow_histogram(patch: np.ndarray, low: float, high: float) -> np.ndarray:
    """Count one pixel after the other whose place, from the middle 0 to the box's edge 1, lies
    between ``low`` and ``high``; then smooth by spreading each bin a quarter to each side."""
    counts = np.zeros((8, 8, 8))
    half = COLOUR_SIDE / 2
    for y in range(COLOUR_SIDE):
        for x in range(COLOUR_SIDE):
            place = max(abs(x + 0.5 - half), abs(y + 0.5 - half)) / (half / 2)
            if low <= place < high:
                r, g, b = (int(value) // 32 for value in patch[y, x])
                counts[r, g, b] += 1
    for axis in range(3):
        spread = np.zeros_like(counts)
        for place in np.ndindex(8, 8, 8):
            for step, part in ((-1, 0.25), (0, 0.5), (1, 0.25)):
                other = list(place)
                other[axis] += step
                if 0 <= other[axis] < 8:  # what would fall outside the cube is lost
                    spread[tuple(other)] += part * counts[place]
        counts = spread
    return counts.ravel() / counts.sum()


def test_colours_are_those_of_a_slow_count() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (90, 110, 3), dtype=np.uint8)
    # 48 x 48 around 24 x 24: two pixels of the picture to a cell; and one partly outside
    boxes = np.array([[40.0, 30, 64, 54], [-6, 60, 20, 100]])
    inside, around = colours(picture, boxes)
    assert inside.shape == around.shape == (2, 512)
    assert inside.dtype == around.dtype == np.float32
    wide = np.array([[28.0, 18, 76, 66], [-19, 40, 33, 120]])
    for k, patch in enumerate(cut_patches(picture, wide, COLOUR_SIDE)):
        np.testing.assert_allclose(inside[k], slow_histogram(patch, 0, 0.8), atol=1e-6)
        np.testing.assert_allclose(around[k], slow_histogram(patch, 1.15, 9), atol=1e-6)


def test_colours_tell_inside_from_around() -> None:
    picture = np.full((60, 80, 3), (200, 40, 40), np.uint8)
    picture[20:40, 30:50] = (30, 60, 220)
    inside, around = colours(picture, np.array([[30.0, 20, 50, 40], [28, 18, 52, 42]]))
    blue, red = np.zeros((8, 8, 8)), np.zeros((8, 8, 8))
    blue[0, 1, 6] = red[6, 1, 1] = 1
    for k in range(2):
        assert inside[k].reshape(8, 8, 8).argmax() == blue.argmax()
        assert around[k].reshape(8, 8, 8).argmax() == red.argmax()
        assert affinity(inside[k : k + 1], around[k : k + 1])[0] == pytest.approx(0, abs=1e-6)


def test_a_small_change_of_colour_changes_little() -> None:
    """Smoothing over neighbouring bins: one level across the edge of a bin is no new colour."""
    pictures = [np.full((40, 40, 3), level, np.uint8) for level in (127, 128, 255)]
    box = np.array([[10.0, 10, 30, 30]])
    one, next_to_it, other = (colours(picture, box)[0] for picture in pictures)
    # per channel 1/4, 1/2, 1/4 against the same one bin on
    per_channel = 2 * np.sqrt(1 / 4 * 1 / 2)
    assert affinity(one, next_to_it)[0] == pytest.approx(per_channel**3, rel=1e-5)
    assert affinity(one, other)[0] == 0


def test_affinity_is_bhattacharyyas_coefficient() -> None:
    generator = np.random.default_rng(0)
    first, second = (generator.random((3, 20)) for _ in range(2))
    first /= first.sum(axis=1, keepdims=True)
    second /= second.sum(axis=1, keepdims=True)
    slow = [sum((first[k, b] * second[k, b]) ** 0.5 for b in range(20)) for k in range(3)]
    np.testing.assert_allclose(affinity(first, second), slow)
    np.testing.assert_allclose(affinity(first, first), 1)


def test_normalised_rows_have_no_mean_per_channel_and_length_one() -> None:
    patches = np.random.default_rng(0).integers(0, 255, (3, 8, 8, 3), np.uint8)
    rows = normalise(patches)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(rows.reshape(3, -1, 3).mean(axis=1), 0, atol=1e-5)
    for k in range(3):
        values = patches[k].astype(np.float64)
        for channel in range(3):
            values[..., channel] -= values[..., channel].mean()
        expected = values.ravel() / np.sqrt((values**2).sum())
        np.testing.assert_allclose(rows[k], expected, atol=1e-5)


def test_light_does_not_change_a_normalised_look_and_a_flat_patch_has_none() -> None:
    patch = texture(0, 16, 16)[None] // 2
    tinted = patch + np.array([10, 40, 90], np.uint8)
    np.testing.assert_allclose(normalise(patch), normalise(tinted), atol=1e-6)
    np.testing.assert_array_equal(normalise(np.full((1, 4, 4, 3), 77, np.uint8)), 0)


def test_sharpness_is_that_of_a_slow_mean() -> None:
    patches = np.random.default_rng(0).integers(0, 256, (2, 6, 6, 3), dtype=np.uint8)
    for k, patch in enumerate(patches.astype(int)):
        across = [abs(patch[y, x + 1, c] - patch[y, x, c]) for y, x, c in np.ndindex(6, 5, 3)]
        down = [abs(patch[y + 1, x, c] - patch[y, x, c]) for y, x, c in np.ndindex(5, 6, 3)]
        assert sharpness(patches)[k] == pytest.approx(np.mean(across) + np.mean(down))


def test_blurred_is_less_sharp() -> None:
    sharp = texture(0, 32, 32, grain=3)
    soft = cv2.GaussianBlur(sharp, (0, 0), 2)
    values = sharpness(np.stack([sharp, soft, np.full_like(sharp, 90)]))
    assert values[0] > 1.5 * values[1] > 0
    assert values[2] == 0
