"""Boxes are pulled to the outline of what moves."""

import numpy as np

from tests.tracks.clips import draw
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.trackers.extent import pull_to_extent


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
