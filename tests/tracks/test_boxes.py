"""Box arithmetic against slow references."""

import numpy as np

from vidcl.tracks.boxes import centres_sizes, clip_boxes, fits, from_centres, iou, suppress


def random_boxes(generator: np.random.Generator, count: int) -> np.ndarray:
    corners = generator.uniform(0, 40, (count, 2, 2))
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


def test_iou_counts_pixels() -> None:
    generator = np.random.default_rng(0)
    first = np.round(random_boxes(generator, 12))
    second = np.round(random_boxes(generator, 9))
    for i, a in enumerate(first.astype(int)):
        for j, b in enumerate(second.astype(int)):
            one, two = np.zeros((40, 40), bool), np.zeros((40, 40), bool)
            one[a[1] : a[3], a[0] : a[2]] = True
            two[b[1] : b[3], b[0] : b[2]] = True
            union = (one | two).sum()
            expected = (one & two).sum() / union if union else 0.0
            assert np.isclose(iou(first, second)[i, j], expected)


def test_suppression_against_the_textbook_loop() -> None:
    generator = np.random.default_rng(1)
    boxes, scores = random_boxes(generator, 60), generator.uniform(size=60)
    left, expected = list(range(60)), []
    while left:
        best = max(left, key=lambda k: scores[k])
        expected.append(best)
        left = [k for k in left if iou(boxes[[best]], boxes[[k]])[0, 0] <= 0.3 and k != best]
    assert suppress(boxes, scores, 0.3).tolist() == expected


def test_centres_and_back() -> None:
    boxes = random_boxes(np.random.default_rng(2), 20)
    assert np.allclose(from_centres(*centres_sizes(boxes)), boxes)


def test_clip_and_fit() -> None:
    boxes = np.array([[-5.0, -5, 10, 10], [0, 0, 100, 4], [0, 0, 90, 90], [20, 20, 40, 40]])
    assert clip_boxes(boxes, 100, 100)[0].tolist() == [0, 0, 10, 10]
    good = fits(boxes, 100, 100, min_side=0.1, max_area=0.5, max_aspect=3)
    assert good.tolist() == [True, False, False, True]
