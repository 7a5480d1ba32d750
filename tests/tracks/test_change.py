"""How much the look of a track changes, against corrcoef on decoded pictures."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image

from tests.tracks.clips import texture
from vidcl.tracks.crops import encode_jpeg
from vidcl.tracks.extraction.change import look_change


def jpeg(values: np.ndarray) -> bytes:
    return encode_jpeg(np.clip(values, 0, 255).astype(np.uint8), 95)


def blocks(seed: int) -> np.ndarray:
    """Black and white squares of 8 px: float64 [160, 160, 3] of 40 and 200."""
    coarse = np.random.default_rng(seed).integers(0, 2, (20, 20, 1))
    return coarse.repeat(8, 0).repeat(8, 1).repeat(3, 2) * 160.0 + 40


def overall(*pictures: np.ndarray) -> float:
    return look_change([jpeg(picture) for picture in pictures]).overall


def test_change_is_nothing_for_equal_crops_and_two_for_a_negative():
    image = blocks(0)
    flat = np.full_like(image, 90)
    assert overall(image) == 0.0
    assert overall(image, image, image * 0.5 + 20) < 0.01  # contrast does not count
    assert overall(image, 240 - image) > 1.95
    assert 0.9 < overall(image, np.roll(image, 56, 0)) < 1.1
    assert 0.9 < overall(image, flat) <= 1.0


def test_noise_on_a_flat_picture_is_no_change():
    noise = np.random.default_rng(0).normal(0, 2, (3, 160, 160, 3))
    assert overall(*(30 + noise)) < 0.05
    assert overall(*np.zeros((3, 160, 160, 3))) == pytest.approx(0, abs=1e-6)


def slow(crops: list[bytes]) -> tuple[float, list[float]]:
    """The same by numpy's correlation of thumbnails averaged over 8 x 8 pixels."""
    small = [
        np.asarray(Image.open(io.BytesIO(crop)).convert("L"), float)
        .reshape(20, 8, 20, 8)
        .mean((1, 3))
        .ravel()
        for crop in crops
    ]

    def change(a: np.ndarray, b: np.ndarray) -> float:
        table = np.cov(a, b, bias=True) + 4
        return 1 - table[0, 1] / np.sqrt(table[0, 0] * table[1, 1])

    steps = [0.0] + [change(a, b) for a, b in itertools.pairwise(small)]
    picked = np.unique(np.linspace(1, len(crops) - 1, 16).round().astype(int))
    return float(np.mean([change(small[0], small[k]) for k in picked])), steps


@pytest.mark.parametrize("length", [2, 9, 40])
def test_change_is_one_minus_the_correlation(length):
    ground = texture(3, 160, 400, grain=24).astype(float)
    crops = [jpeg(ground[:, 5 * k : 5 * k + 160] * (1 - k / 80)) for k in range(length)]
    look, (wanted, steps) = look_change(crops), slow(crops)
    assert look.overall == pytest.approx(wanted, abs=0.01)
    assert look.steps.dtype == np.float32 and look.steps[0] == 0
    np.testing.assert_allclose(look.steps, steps, atol=0.01)
    assert look.steps[1:].min() > 0.005


def test_one_crop_is_not_even_decoded_and_words_are_refused():
    look = look_change([b"words"])
    assert look.overall == 0 and look.steps.tolist() == [0]
    with pytest.raises(ValueError, match="not a picture"):
        look_change([b"words", b"more words"])
