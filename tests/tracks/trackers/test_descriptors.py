"""Descriptors of boxes against sums over their pixels."""

import numpy as np

from tests.tracks.clips import texture
from vidcl.tracks.trackers import descriptors
from vidcl.tracks.trackers.descriptors import CELLS, DIRECTIONS, describe_regions

BOXES = np.array(
    [[10.0, 10, 35, 40], [12.3, 20.8, 40.1, 33.3], [-12, 50, 24.5, 90], [140, 100, 190, 150]]
)


def overlap_1d(low: float, high: float, count: int) -> np.ndarray:
    """How much of each of ``count`` pixels lies in the interval."""
    left = np.arange(count)
    return np.clip(np.minimum(left + 1, high) - np.maximum(left, low), 0, None)


def test_cell_means_are_means_over_pixels() -> None:
    planes = np.random.default_rng(0).random((120, 160, 2)).astype(np.float32)
    sums = np.zeros((121, 161, 2))
    sums[1:, 1:] = planes.astype(np.float64).cumsum(axis=0).cumsum(axis=1)
    got = descriptors.cell_means(sums, BOXES)
    seen = 0
    for k, (x0, y0, x1, y1) in enumerate(BOXES):
        for row in range(CELLS):
            for column in range(CELLS):
                across = overlap_1d(
                    x0 + (x1 - x0) * column / CELLS, x0 + (x1 - x0) * (column + 1) / CELLS, 160
                )
                down = overlap_1d(
                    y0 + (y1 - y0) * row / CELLS, y0 + (y1 - y0) * (row + 1) / CELLS, 120
                )
                weights = np.outer(down, across)
                if weights.sum() == 0:
                    assert (got[k, row, column] == 0).all()
                    continue
                seen += 1
                expected = (planes * weights[..., None]).sum(axis=(0, 1)) / weights.sum()
                assert np.allclose(got[k, row, column], expected, atol=1e-6)
    assert 60 < seen < 100


def test_an_edge_is_shared_by_the_two_nearest_directions() -> None:
    picture = np.zeros((40, 40, 3), np.uint8)
    for x in range(40):
        for y in range(40):
            picture[y, x] = 3 * x + 2 * y
    planes = descriptors.channels(picture)[20, 20]
    # OpenCV's plain difference is that over two pixels, and the angle of (3, 2) is 33.7 degrees
    strength = 2 * np.hypot(3, 2) / 255
    place = np.degrees(np.arctan2(2, 3)) / (180 / DIRECTIONS)
    expected = np.zeros(DIRECTIONS)
    expected[1], expected[2] = strength * (2 - place), strength * (place - 1)
    assert np.allclose(planes[:DIRECTIONS], expected, atol=1e-3)
    assert np.allclose(planes[DIRECTIONS:], [5 * 20 / 255, 0, 0], atol=1e-6)
    turned = descriptors.channels(255 - picture)[20, 20]
    assert np.allclose(turned[:DIRECTIONS], planes[:DIRECTIONS], atol=1e-6)


def test_descriptors_tell_places_apart_and_forgive_light() -> None:
    picture = texture(0, 120, 160)
    found = describe_regions(picture, BOXES)
    assert found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    dim = (picture * 0.6 + 20).astype(np.uint8)
    assert (describe_regions(dim, BOXES) * found).sum(axis=1).min() > 0.98
    others = found @ found.T - np.eye(len(BOXES))
    assert others.max() < 0.6
    flat = describe_regions(np.full((120, 160, 3), 80, np.uint8), BOXES[:2])
    outside = describe_regions(picture, np.array([[200.0, 10, 240, 50], [30, 30, 30, 30]]))
    assert not flat.any() and not outside.any()
    many = np.repeat(BOXES, 50, axis=0)
    assert np.array_equal(describe_regions(picture, many), np.repeat(found, 50, axis=0))
    assert describe_regions(picture, BOXES[:0]).shape == (0, found.shape[1])
