"""Whether a box still holds one moving thing."""

import cv2
import numpy as np
import pytest

from tests.tracks.clips import draw
from vidcl.tracks.boxes import iou
from vidcl.tracks.judgement.support import EMPTY, PART, TWO_BOXES, TWO_THINGS, is_mixed, is_still
from vidcl.tracks.motion.scene import Scene


def cells(box: np.ndarray, width: int, height: int) -> list[tuple[int, int]]:
    """The pixels (x, y) of the picture that a box touches."""
    across = range(max(0, int(np.floor(box[0]))), min(width, int(np.ceil(box[2]))))
    down = range(max(0, int(np.floor(box[1]))), min(height, int(np.ceil(box[3]))))
    return [(x, y) for y in down for x in across]


def slow_still(mask: np.ndarray, box: np.ndarray) -> bool:
    pixels = cells(box, *mask.shape[::-1])
    return sum(int(mask[y, x]) for x, y in pixels) < EMPTY * len(pixels)


def slow_mixed(mask: np.ndarray, boxes: np.ndarray, k: int) -> bool:
    """The documented rule, pixel by pixel."""
    box = boxes[k]
    pixels = cells(box, *mask.shape[::-1])
    _, labels = cv2.connectedComponents(mask, connectivity=4)
    counts: dict[int, int] = {}
    for x, y in pixels:
        if labels[y, x]:
            counts[int(labels[y, x])] = counts.get(int(labels[y, x]), 0) + 1
    if not counts or sum(counts.values()) < EMPTY * len(pixels):
        return False
    ranked = sorted(counts, key=lambda label: (-counts[label], label))
    parts = []
    for label in ranked:
        y, x = np.nonzero(labels == label)
        parts.append([x.min(), y.min(), x.max() + 1, y.max() + 1])
    main = parts[0]
    apart = False
    if len(parts) > 1 and counts[ranked[1]] >= TWO_THINGS * counts[ranked[0]]:
        inner = []
        for x0, y0, x1, y1 in parts[:2]:
            inner.append([max(x0, box[0]), max(y0, box[1]), min(x1, box[2]), min(y1, box[3])])
        filled = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in inner)
        (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = inner
        width, height = max(ax1, bx1) - min(ax0, bx0), max(ay1, by1) - min(ay0, by0)
        apart = filled < TWO_BOXES * width * height
    area = (main[2] - main[0]) * (main[3] - main[1])
    part = area > PART * (box[2] - box[0]) * (box[3] - box[1])
    for j, other in enumerate(boxes):
        if j != k:
            across = min(main[2], other[2]) - max(main[0], other[0])
            down = min(main[3], other[3]) - max(main[1], other[1])
            shared = max(0, across) * max(0, down)
            part = part and shared <= 0.3 * (other[2] - other[0]) * (other[3] - other[1])
    return bool(apart or part)


def scatter(generator: np.random.Generator, scene: Scene) -> np.ndarray:
    """Rectangles drawn at random; boxes on and about them and elsewhere, float64 [11, 4]."""
    scene.mask[:] = 0
    corners = generator.integers(0, [130, 95], (5, 2))
    sides = generator.integers(4, 45, (5, 2))
    for (x, y), (w, h) in zip(corners, sides, strict=True):
        draw(scene, (x, y, x + w, y + h))
    drawn = np.concatenate([corners, corners + sides], axis=1).astype(np.float64)
    near = drawn + generator.normal(0, 6, drawn.shape)
    wide = np.concatenate([drawn[:3, :2], np.maximum(drawn[:3, 2:], drawn[1:4, 2:])], axis=1)
    places = generator.uniform(0, [120, 90], (3, 2))
    anywhere = np.concatenate([places, places + generator.uniform(5, 40, (3, 2))], axis=1)
    boxes = np.concatenate([near, wide, anywhere])
    return np.concatenate([boxes[:, :2], np.maximum(boxes[:, 2:], boxes[:, :2] + 2)], axis=1)


def test_both_agree_with_slow_rules_on_random_scenes(still: Scene) -> None:
    generator = np.random.default_rng(0)
    mixed, empty = [], []
    for _ in range(40):
        boxes = scatter(generator, still)
        np.testing.assert_array_equal(
            is_still(still, boxes), [slow_still(still.mask, box) for box in boxes]
        )
        found = is_mixed(still, boxes)
        expected = [slow_mixed(still.mask, boxes, k) for k in range(len(boxes))]
        np.testing.assert_array_equal(found, expected)
        mixed += expected
        empty += is_still(still, boxes).tolist()
    assert 0.1 < np.mean(mixed) < 0.9  # both answers were put to the test
    assert 0.05 < np.mean(empty) < 0.9


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ([20.0, 20, 40, 40], False),  # one thing
        ([20, 20, 80, 60], True),  # two things apart
        ([105, 65, 125, 85], True),  # a part of a larger one
        ([0, 80, 40, 115], False),  # nothing: that is for is_still to say
        ([200, 20, 220, 40], False),  # outside
    ],
)
def test_kinds_of_content(still: Scene, box: list[float], expected: bool) -> None:
    draw(still, (20, 20, 40, 40), (60, 20, 80, 40), (100, 60, 150, 110))
    assert is_mixed(still, np.array([box])).tolist() == [expected]


def test_parts_that_share_a_thing_with_another_region_are_let_be(still: Scene) -> None:
    draw(still, (100, 60, 150, 110))
    part = [105.0, 65, 125, 85]
    sharing = np.array([part, [125, 65, 150, 110]])
    assert iou(sharing[:1], sharing[1:])[0, 0] == 0
    assert not is_mixed(still, sharing)[0]
    elsewhere = np.array([part, [10, 10, 40, 40]])
    assert is_mixed(still, elsewhere)[0]


def test_specks_beside_a_thing_are_no_second_thing(still: Scene) -> None:
    draw(still, (20, 20, 40, 40))
    box = np.array([[20.0, 20, 60, 40]])
    draw(still, (52, 24, 60, 33))  # 72 of 400 pixels: less than a fifth
    assert not is_mixed(still, box)[0]
    draw(still, (52, 24, 60, 34))  # a fifth
    assert is_mixed(still, box)[0]


def test_two_halves_side_by_side_are_one_thing(still: Scene) -> None:
    """A thing cut in two by a thin still stripe fills the box around its halves."""
    draw(still, (20, 20, 40, 40), (42, 20, 60, 40))
    assert not is_mixed(still, np.array([[20.0, 20, 60, 40]]))[0]


def test_still_is_what_holds_too_little_motion(still: Scene) -> None:
    draw(still, (30, 30, 40, 38))  # 80 pixels
    boxes = np.array([[20.0, 20, 60, 45], [20, 20, 60, 46], [100, 20, 140, 45], [-40, -40, -5, -5]])
    # 80 of 1000 pixels are enough, of 1040 are not; nothing is still that is not in the picture
    assert is_still(still, boxes).tolist() == [False, True, True, False]


def test_no_boxes(still: Scene) -> None:
    none = np.zeros((0, 4))
    assert is_still(still, none).shape == is_mixed(still, none).shape == (0,)
