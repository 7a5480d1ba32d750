"""Scale filters against one ray at a time, and against known changes of scale; the tracker."""

import cv2
import numpy as np
import pytest

from tests.tracks.clips import square_clip, texture
from vidcl.tracks.boxes import centres_sizes, from_centres, iou
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.trackers.correlation_only import MAX_GROWTH, CorrelationTracker
from vidcl.tracks.trackers.scale_filters import (
    COVER,
    INNER,
    LAMBDA,
    LEVELS,
    OUTER,
    RATE,
    RAYS,
    RING_STEP,
    RINGS,
    SAMPLED_SIDE,
    SIGMA,
    ScaleFilters,
)

BOXES = np.array([[20.0, 20, 50, 50], [60, 30, 100, 60], [10, 5, 135, 125]])


def grey(seed: int) -> np.ndarray:
    return cv2.cvtColor(texture(seed, 130, 150), cv2.COLOR_RGB2GRAY)


def enlarged(picture: np.ndarray, centre: np.ndarray, scale: float) -> np.ndarray:
    """The picture scaled about a point."""
    matrix = np.array([[scale, 0, 0], [0, scale, 0]], dtype=np.float64)
    matrix[:, 2] = (1 - scale) * (centre - 0.5)
    size = picture.shape[1::-1]
    return cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)


def sampled(picture: np.ndarray, box: np.ndarray) -> np.ndarray:
    """[RINGS, RAYS], one bilinear sample at a time."""
    wide, high = box[2:] - box[:2]
    halvings = round(np.log2(max(COVER * max(wide, high) / SAMPLED_SIDE, 1.0)))
    assert halvings < LEVELS
    level = picture.astype(np.float32)
    for _ in range(halvings):
        level = cv2.pyrDown(level)
    out = np.zeros((RINGS, RAYS))
    for ring in range(RINGS):
        radius = INNER * (OUTER / INNER) ** (ring / (RINGS - 1)) * COVER / 2
        for ray in range(RAYS):
            angle = 2 * np.pi * ray / RAYS
            x = ((box[0] + box[2]) / 2 + radius * wide * np.cos(angle) - 0.5) / 2**halvings
            y = ((box[1] + box[3]) / 2 + radius * high * np.sin(angle) - 0.5) / 2**halvings
            out[ring, ray] = bilinear(level, x, y)
    return out


def bilinear(picture: np.ndarray, x: float, y: float) -> float:
    height, width = picture.shape
    left, top = int(np.floor(x)), int(np.floor(y))

    def at(column: int, row: int) -> float:
        return float(picture[min(max(row, 0), height - 1), min(max(column, 0), width - 1)])

    upper = at(left, top) * (left + 1 - x) + at(left + 1, top) * (x - left)
    lower = at(left, top + 1) * (left + 1 - x) + at(left + 1, top + 1) * (x - left)
    return upper * (top + 1 - y) + lower * (y - top)


def spectra(picture: np.ndarray, box: np.ndarray) -> list[np.ndarray]:
    """One full spectrum along the rings per ray and gradient."""
    values = sampled(picture, box)
    along, across = np.zeros((RINGS, RAYS)), np.zeros((RINGS, RAYS))
    for ring in range(RINGS):
        for ray in range(RAYS):
            if 0 < ring < RINGS - 1:
                along[ring, ray] = values[ring + 1, ray] - values[ring - 1, ray]
            across[ring, ray] = values[ring, (ray + 1) % RAYS] - values[ring, ray - 1]
    window = np.hanning(RINGS + 2)[1:-1]
    lines = [gradient[:, ray] * window for gradient in (along, across) for ray in range(RAYS)]
    norm = np.sqrt(sum((line**2).sum() for line in lines))
    return [np.fft.fft(line / norm) for line in lines]


def test_the_batch_equals_plain_loops_over_regions_and_rays() -> None:
    first, second, third = grey(0), grey(1), enlarged(grey(0), np.array([40.0, 40]), 1.1)
    filters = ScaleFilters()
    filters.add(first, BOXES)
    filters.learn(second, BOXES)
    got = [filters.respond(picture, BOXES) for picture in (first, second, third)]
    ticks = np.array([k if k < RINGS / 2 else k - RINGS for k in range(RINGS)])
    wanted = np.fft.fft(np.exp(-0.5 * (ticks / SIGMA) ** 2))
    for k, box in enumerate(BOXES):
        numerators = [0.0] * (2 * RAYS)
        denominator = 0.0
        for picture, weight in ((first, 1 - RATE), (second, RATE)):
            for d, line in enumerate(spectra(picture, box)):
                numerators[d] = numerators[d] + weight * np.conj(wanted) * line
                denominator = denominator + weight * np.abs(line) ** 2
        for picture, answers in zip((first, second, third), got, strict=True):
            lines = spectra(picture, box)
            answer = sum(np.conj(n) * line for n, line in zip(numerators, lines, strict=True))
            expected = np.fft.ifft(answer / (denominator + LAMBDA)).real
            # some versions of OpenCV round sampling places to 1/32 pixel
            assert np.allclose(answers[k], expected, atol=3e-3)
            assert np.abs(expected).max() > 0.05


@pytest.mark.parametrize("scale", [0.85, 0.93, 1.0, 1.07, 1.15])
def test_a_known_scale_is_found(scale: float) -> None:
    picture = grey(0)
    for box in BOXES:
        filters = ScaleFilters()
        filters.add(picture, box[None])
        centre = (box[:2] + box[2:]) / 2
        found, ratio = filters.scales(enlarged(picture, centre, scale), box[None])
        assert abs(np.log(found[0] / scale)) < 0.4 * RING_STEP and ratio[0] > 2.0


def test_regions_are_kept_by_row_and_may_be_none() -> None:
    first, second = grey(0), grey(1)
    filters = ScaleFilters()
    filters.add(first, BOXES[:0])
    assert filters.scales(first, BOXES[:0])[0].shape == (0,)
    filters.add(first, BOXES[:1])
    filters.add(second, BOXES[1:])
    before = filters.respond(first, BOXES)
    filters.keep(np.array([2, 0]))
    assert np.allclose(filters.respond(first, BOXES[[2, 0]]), before[[2, 0]], atol=1e-6)


def follow(pictures: list[np.ndarray], boxes: np.ndarray, side: int) -> tuple[np.ndarray, ...]:
    """Boxes in source pixels [T, N, 4] and confidences [T, N] after each frame."""
    tracker, scene = CorrelationTracker(), Scene(side, with_flow=False)
    path, sure = [], []
    for k, picture in enumerate(pictures):
        scene.advance(picture)
        if k == 0:
            now = scene.to_working(boxes)
            tracker.add(scene, now)
            continue
        moved = tracker.step(scene, now)
        now = moved.boxes
        path.append(scene.to_source(now))
        sure.append(moved.confidence)
    return np.array(path), np.array(sure)


def test_a_moving_square_is_followed() -> None:
    frames, truth = square_clip(24)
    path, sure = follow([frame.image for frame in frames], truth[:1], side=60)
    overlaps = [iou(box, wanted[None])[0, 0] for box, wanted in zip(path, truth[1:], strict=True)]
    assert min(overlaps) > 0.6 and np.median(overlaps) > 0.8
    assert np.median(sure) > 0.8


def test_a_growing_thing_gets_a_growing_box() -> None:
    picture, box = texture(3, 130, 150, grain=8), np.array([[55.0, 45, 95, 85]])
    centre = np.array([75.0, 65])
    scales = 1.03 ** np.arange(16)
    path, _ = follow([enlarged(picture, centre, scale) for scale in scales], box, side=130)
    centres, sizes = centres_sizes(box)
    truth = np.array([from_centres(centres, sizes * scale) for scale in scales[1:]])
    overlaps = np.array([iou(a, b)[0, 0] for a, b in zip(path, truth, strict=True)])
    unscaled = np.array([iou(box, b)[0, 0] for b in truth])
    assert overlaps.min() > 0.75 > 0.5 > unscaled[-1]
    growth = (path[1:, 0, 2] - path[1:, 0, 0]) / (path[:-1, 0, 2] - path[:-1, 0, 0])
    assert growth.max() <= MAX_GROWTH + 1e-9


def test_filters_learn_a_look_that_changes() -> None:
    first, last = texture(3, 130, 150, grain=8), texture(4, 130, 150, grain=8)
    centre, box = np.array([75.0, 65]), np.array([[50.0, 45, 100, 85]])
    steps = np.minimum(np.linspace(0, 1.5, 60), 1)
    pictures = [((1 - step) * first + step * last).astype(np.uint8) for step in steps]
    pictures += [enlarged(last, centre, 1.1)] * 8
    path, sure = follow(pictures, box, side=130)
    assert np.abs(path[:-8] - box).max() < 3 and sure.min() > 0.8
    growth = np.ptp(path[-1, 0, 0::2]) / np.ptp(path[-9, 0, 0::2])
    assert 1.06 < growth < 1.14


def test_a_region_does_not_depend_on_the_others() -> None:
    frames, truth = square_clip(8)
    pictures = [frame.image for frame in frames]
    boxes = np.array([truth[0], [80.0, 20, 120, 60], [30, 70, 60, 110]])
    together, sure = follow(pictures, boxes, side=120)
    for k in range(3):
        alone, its_own = follow(pictures, boxes[k : k + 1], side=120)
        assert np.allclose(together[:, k], alone[:, 0], atol=1e-3)
        assert np.allclose(sure[:, k], its_own[:, 0], atol=1e-3)


def test_nothing_is_believed_of_a_flat_picture() -> None:
    flat = np.full((120, 160, 3), 90, np.uint8)
    box = np.array([[40.0, 30, 90, 80]])
    path, sure = follow([texture(0, 120, 160), flat, flat], box, side=120)
    assert np.array_equal(path, np.stack([box, box])) and (sure == 0).all()


def test_boxes_far_outside_and_tiny_ones_stay_finite() -> None:
    boxes = np.array([[-80.0, -80, -20, -20], [10, 10, 11, 10.5], [-200, -200, 400, 400]])
    path, sure = follow([texture(k, 120, 160) for k in range(4)], boxes, side=120)
    assert np.isfinite(path).all() and ((sure >= 0) & (sure <= 1)).all()
    assert (path[..., 2:] > path[..., :2]).all()
