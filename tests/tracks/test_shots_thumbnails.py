"""Thumbnails of frames, and how unlike two of them are, against slow references."""

import itertools

import cv2
import numpy as np
import pytest

from tests.tracks.clips import texture
from vidcl.tracks.quality.transitions import dissolve, fade
from vidcl.tracks.shots.thumbnails import (
    agreement,
    change,
    colour_histogram,
    detour,
    hellinger,
    structure_change,
    thumbnail,
)


def slow_structure_change(first: np.ndarray, second: np.ndarray) -> float:
    """By the definition, block by block and place by place."""
    height, width = first.shape
    total = lost = 0.0
    for here, there in ((first, second), (second, first)):
        for y, x in itertools.product((0, 6, 13, 19), (0, 8, 16, 24, 32, 40)):
            block = here[y : y + 8, x : x + 8].astype(np.float64)
            contrast = block.std() - 1.0
            if contrast <= 0:
                continue
            best = 0.0
            for v in range(max(0, y - 6), min(height - 8, y + 6) + 1):
                for u in range(max(0, x - 10), min(width - 8, x + 10) + 1):
                    place = there[v : v + 8, u : u + 8].astype(np.float64)
                    if place.std() > 0:
                        best = max(best, np.corrcoef(block.ravel(), place.ravel())[0, 1])
            total += contrast
            lost += contrast * (1 - best)
    return lost / total


@pytest.mark.parametrize("seed", [0, 1])
def test_structure_is_looked_for_as_defined(seed: int) -> None:
    one, other = (thumbnail(texture(seed + k, 27, 48, grain=5)) for k in (0, 7))
    moved = thumbnail(np.roll(one.colour, (3, -7), axis=(0, 1)))
    for second in (other, moved):
        slow = slow_structure_change(one.grey, second.grey)
        assert structure_change(one, second) == pytest.approx(slow, abs=1e-4)
        assert structure_change(second, one) == pytest.approx(slow, abs=1e-4)
    assert structure_change(one, one) < 1e-4
    assert change(one, moved) < change(one, other)


def test_agreement_is_the_correlation_of_grey_levels() -> None:
    one, other = (thumbnail(texture(seed, 90, 160)) for seed in (0, 1))
    expected = np.corrcoef(one.grey.ravel(), other.grey.ravel())[0, 1]
    assert agreement(one, other) == pytest.approx(expected, abs=0.01)
    noise = np.random.default_rng(0).normal(100, 0.5, (90, 160, 3)).astype(np.uint8)
    assert abs(agreement(thumbnail(noise), thumbnail(noise[::-1]))) < 0.3


def test_light_changes_a_picture_little() -> None:
    image = texture(0, 90, 160, low=60).astype(np.float32)
    one = thumbnail(image.astype(np.uint8))
    for light in (0.3 * image, 0.5 * image + 120, 0.8 * image + 10):
        assert change(one, thumbnail(light.astype(np.uint8))) < 0.15
    assert change(one, thumbnail(texture(9, 90, 160, low=60))) > 0.45


def test_what_is_blank() -> None:
    flat = np.full((90, 160, 3), 255, np.uint8)
    assert thumbnail(flat).is_blank and thumbnail(0 * flat).is_blank
    assert not thumbnail(texture(0, 90, 160)).is_blank
    assert change(thumbnail(flat), thumbnail(flat)) < 1e-3


def test_a_dissolve_is_straight_whatever_its_course_and_a_pan_is_not() -> None:
    before, after = ([texture(seed, 90, 160, grain=30)] * 20 for seed in (0, 5))
    for images, (first, pure) in (
        dissolve(before, after, 9),
        fade(before, [*after, *after], 5, 0, 128),
    ):
        pictures = [thumbnail(image) for image in images[first - 1 : pure + 1]]
        seen = [picture for picture in pictures if not picture.is_blank]
        assert len(seen) >= 9
        assert detour(seen) < 0.06
    world = texture(3, 90, 500, grain=30)
    pan = [thumbnail(world[:, 20 * k : 20 * k + 160]) for k in range(10)]
    assert detour(pan) > 0.2


def test_a_detour_is_measured_from_the_nearest_point_of_the_line() -> None:
    pictures = [thumbnail(texture(seed, 90, 160, grain=30)) for seed in range(5)]
    points = [picture.outline.astype(np.float64) for picture in pictures]
    line = points[-1] - points[0]
    squares = []
    for point in points[1:-1]:
        share = np.linalg.lstsq(line[:, None], point - points[0], rcond=None)[0][0]
        squares.append(((point - points[0] - share * line) ** 2).sum() / (line**2).sum())
    assert detour(pictures) == pytest.approx(np.mean(squares), rel=1e-3)
    assert detour(pictures[:2]) == 0.0
    assert detour([pictures[0]] * 3) == 0.0


def test_the_histogram_is_one_of_shares() -> None:
    histogram = colour_histogram(texture(3, 40, 40))
    assert np.isclose(histogram.sum(), 1.0, atol=0.05)
    assert hellinger(histogram, histogram) < 1e-3
    black, white = np.zeros((9, 9, 3), np.uint8), np.full((9, 9, 3), 255, np.uint8)
    assert hellinger(colour_histogram(black), colour_histogram(white)) > 0.99
    assert hellinger(colour_histogram(black), colour_histogram(black)) < 1e-3


def test_a_thumbnail_has_one_size_and_leaves_the_frame_alone() -> None:
    image = cv2.resize(texture(0, 90, 160), (854, 480))
    before = image.copy()
    for picture in (thumbnail(image), thumbnail(image[:1, :1]), thumbnail(image[:, :2])):
        assert picture.colour.shape == (27, 48, 3) and picture.grey.shape == (27, 48)
        assert picture.energy == pytest.approx(float((picture.levels**2).sum()), rel=1e-4)
        assert picture.outline.shape == (144,)
    assert np.array_equal(image, before)
