"""The measures by which boxes are ranked, against slow references."""

import cv2
import numpy as np
import pytest

from tests.tracks.clips import draw, texture
from tests.tracks.proposers.pictures import THINGS, boxes_within, things
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.proposers.edges import EdgeMap, edge_map
from vidcl.tracks.proposers.ranking import (
    RING,
    SECTORS,
    SIZE_POWER,
    SLACK,
    WEAKEST,
    background,
    box_sums,
    contours,
    enclosure,
    moving_support,
    relative,
)


def slow_contours(edges: EdgeMap) -> list[tuple[float, float, float, float, float]]:
    """By flood filling: mass and box of each contour, sorted."""
    height, width = edges.strength.shape
    sector = [[int(v / np.pi * SECTORS) % SECTORS for v in row] for row in edges.normal]
    todo = {(y, x) for y in range(height) for x in range(width) if edges.strength[y, x] > WEAKEST}
    out = []
    while todo:
        stack = [todo.pop()]
        pixels = []
        while stack:
            y, x = stack.pop()
            pixels.append((y, x))
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & todo
            same = {p for p in near if sector[p[0]][p[1]] == sector[y][x]}
            todo -= same
            stack += same
        ys, xs = [p[0] for p in pixels], [p[1] for p in pixels]
        mass = sum(float(edges.strength[p]) for p in pixels)
        out.append((mass, min(xs), min(ys), max(xs) + 1, max(ys) + 1))
    return sorted(out)


def test_contours_and_enclosure_equal_a_slow_reference() -> None:
    generator = np.random.default_rng(2)
    edges = edge_map(texture(5, 60, 80, grain=9))
    expected = slow_contours(edges)
    masses, around = contours(edges)
    found = sorted((m, *box) for m, box in zip(masses, around, strict=True))
    assert len(found) == len(expected) > 20
    np.testing.assert_allclose(np.array(found), np.array(expected), atol=1e-4)
    boxes = boxes_within(generator, 40, 80, 60)
    for box, value in zip(boxes, enclosure(edges, boxes), strict=True):
        mass = sum(
            m
            for m, x0, y0, x1, y1 in expected
            if x0 >= box[0] - SLACK
            and y0 >= box[1] - SLACK
            and x1 <= box[2] + SLACK
            and y1 <= box[3] + SLACK
        )
        assert value == pytest.approx(mass / (box[2] - box[0] + box[3] - box[1]) ** SIZE_POWER)


def test_a_box_around_a_thing_encloses_more_than_one_that_cuts_it_or_is_too_large() -> None:
    edges = edge_map(things())
    whole = THINGS[0]
    others = whole + np.array([[15, 0, 15, 0], [-20, -20, 20, 20], [6, 6, -6, -6]])
    values = enclosure(edges, np.concatenate([whole[None], others]))
    assert values[0] > 1.2 * values[1:].max()


def test_box_sums_are_sums() -> None:
    generator = np.random.default_rng(3)
    values = generator.random((30, 40)).astype(np.float32)
    boxes = boxes_within(generator, 30, 40, 30)
    boxes[0] = [-5, -5, 100, 100]
    sums = box_sums(cv2.integral(values), boxes)
    for box, total in zip(boxes, sums, strict=True):
        x0, y0, x1, y1 = np.rint(np.clip(box, 0, [40, 30, 40, 30])).astype(int)
        assert total == pytest.approx(values[y0:y1, x0:x1].sum(), abs=1e-4)


def test_support_equals_a_slow_reference_and_favours_the_whole_moving_thing(still: Scene) -> None:
    draw(still, (40, 40, 70, 80), (100, 20, 120, 50))
    still.foreground.belief[90:110, 10:50] = -0.7  # surely standing still: no less than nothing
    belief = np.maximum(still.foreground.belief, 0)
    boxes = np.array([[40.0, 40, 70, 80], [30, 30, 90, 100], [45, 50, 60, 70], [5, 85, 55, 115]])
    values = moving_support(still, boxes)
    for box, value in zip(boxes, values, strict=True):
        margin = RING * (box[2:] - box[:2])
        low = np.maximum(box[:2] - margin, 0)
        high = np.minimum(box[2:] + margin, [160, 120])
        x0, y0, x1, y1 = box.astype(int)
        inside = np.zeros(belief.shape, bool)
        inside[y0:y1, x0:x1] = True
        outside = np.zeros(belief.shape, bool)
        outside[round(low[1]) : round(high[1]), round(low[0]) : round(high[0])] = True
        outside &= ~inside
        dice = 2 * belief[inside].sum() / (inside.sum() + belief.sum())
        contrast = max(0.0, belief[inside].mean() - belief[outside].mean())
        assert value == pytest.approx((dice + contrast) / 2, abs=0.01)
    assert values[0] > 0.7
    assert values[0] > values[1:].max() + 0.2
    assert values[3] == 0


def test_nothing_moves_nothing_is_supported(still: Scene) -> None:
    still.foreground.belief[:] = -1
    assert not moving_support(still, THINGS).any()
    assert moving_support(still, np.zeros((0, 4))).shape == (0,)


def test_background_is_large_and_touches_two_borders() -> None:
    boxes = np.array(
        [
            [0.0, 0, 90, 60],  # a large corner
            [0, 80, 160, 120],  # the ground
            [0, 0, 30, 30],  # a small corner
            [0, 20, 90, 90],  # large, at one border
            [20, 20, 120, 100],  # large, inside
        ]
    )
    assert background(boxes, 160, 120).tolist() == [True, True, False, False, False]


def test_relative_scores_are_shares_of_the_best_three() -> None:
    assert relative(np.array([1.0, 2.0, 6.0, 7.0, 11.0])).tolist() == [0.125, 0.25, 0.75, 0.875, 1]
    assert relative(np.zeros(3)).tolist() == [0, 0, 0]
    assert relative(np.zeros(0)).shape == (0,)
