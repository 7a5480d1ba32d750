"""Batched correlation filters against one filter at a time, and against a known shift."""

import cv2
import numpy as np

from tests.tracks.clips import texture
from vidcl.tracks.patches import cut_patches
from vidcl.tracks.trackers.correlation import (
    COVER,
    LAMBDA,
    RATE,
    SIDE,
    CorrelationFilters,
    _gaussian,
    features,
    peaks,
)

BOXES = np.array([[20.0, 20, 50, 50], [60, 30, 100, 60], [90, 70, 120, 110]])


def test_the_batch_equals_plain_loops_over_regions_and_channels() -> None:
    first, second = texture(0, 130, 150), texture(1, 130, 150)
    filters = CorrelationFilters()
    filters.add(first, BOXES)
    filters.learn(second, BOXES)
    got = filters.respond(first, BOXES)
    window = np.outer(np.hanning(SIDE), np.hanning(SIDE))
    wanted = np.fft.fft2(_gaussian())

    def spectra(picture: np.ndarray, box: np.ndarray) -> np.ndarray:
        centre, size = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) * COVER
        wide = np.concatenate([centre - size / 2, centre + size / 2])
        channels = features(cut_patches(picture, wide[None], SIDE))[0]
        return np.array([np.fft.fft2(channel * window) for channel in channels])

    for k, box in enumerate(BOXES):
        numerator, denominator = 0.0, 0.0
        for picture, weight in ((first, 1 - RATE), (second, RATE)):
            f = spectra(picture, box)
            numerator = numerator + weight * np.conj(wanted) * f
            denominator = denominator + weight * (np.abs(f) ** 2).sum(axis=0)
        z = spectra(first, box)
        answer = sum(np.conj(n) * one for n, one in zip(numerator, z, strict=True))
        expected = np.fft.ifft2(answer / (denominator + LAMBDA)).real
        assert np.allclose(got[k], expected, atol=1e-4)


def test_a_known_shift_is_found() -> None:
    image = texture(0, 130, 150)
    filters = CorrelationFilters()
    filters.add(image, BOXES)
    moved = cv2.warpAffine(image, np.array([[1.0, 0, 4], [0, 1.0, -3]]), (150, 130))
    assert np.allclose(filters.shifts(moved, BOXES), [[4, -3]] * 3, atol=0.8)
    filters.keep(np.array([2]))
    assert np.allclose(filters.shifts(moved, BOXES[2:]), [[4, -3]], atol=0.8)


def test_nothing_is_believed_of_another_picture() -> None:
    filters = CorrelationFilters()
    filters.add(texture(0, 130, 150), BOXES)
    flat = np.full((130, 150, 3), 90, np.uint8)
    assert np.abs(filters.shifts(flat, BOXES)).max() == 0


def test_peaks_wrap_around_and_lie_between_pixels() -> None:
    response = np.zeros((2, SIDE, SIDE), np.float32)
    response[0, 30, 2] = 1.0
    response[1, 5, 5], response[1, 5, 6] = 1.0, 1.0
    shifts, ratio = peaks(response)
    assert np.allclose(shifts, [[2, -2], [5.5, 5]])
    assert (ratio > 10).all()


def test_no_regions() -> None:
    filters = CorrelationFilters()
    nothing = np.zeros((0, 4))
    filters.add(texture(0, 60, 60), nothing)
    assert filters.shifts(texture(0, 60, 60), nothing).shape == (0, 2)
