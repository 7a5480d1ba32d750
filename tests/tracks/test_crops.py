"""Cutting, squaring and packing, against slow references."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from vidcl.tracks.crops import CropConfig, Cropper, cut_replicated, resize_area, widen


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "box", [(3, 2, 9, 7), (-4, -3, 5, 6), (15, 10, 27, 19), (-2, -2, 30, 30), (19, 3, 24, 8)]
)
def test_pixels_outside_repeat_the_nearest_edge(box):
    image = noise(12, 20)
    cut = cut_replicated(image, box)
    for y in range(box[1], box[3]):
        for x in range(box[0], box[2]):
            wanted = image[min(max(y, 0), 11), min(max(x, 0), 19)]
            assert (cut[y - box[1], x - box[0]] == wanted).all()


def test_margin_widens_about_the_centre():
    assert widen((10, 20, 30, 40), 1.5) == (5, 15, 35, 45)
    assert widen((10.2, 10.2, 10.4, 10.4), 1.0) == (10, 10, 11, 11)


def test_shrinking_by_a_whole_factor_is_the_mean_of_the_area():
    image = noise(24, 36)
    mean = image.reshape(12, 2, 12, 3, 3).mean((1, 3))
    assert np.abs(resize_area(image, 12).astype(float) - mean).max() <= 1


def test_shrinking_is_opencv_s_area_mode_on_bytes():
    """Pictures of few values, so that many means are halves, which are rounded."""
    generator = np.random.default_rng(0)
    for _ in range(200):
        height, width = generator.integers(1, 60, 2)
        side = int(generator.integers(1, min(height, width), endpoint=True))
        image = generator.integers(0, 4, (height, width, 3), dtype=np.uint8) * 85
        expected = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        np.testing.assert_array_equal(resize_area(image, side), expected)


def test_one_axis_shrinks_while_the_other_grows():
    ramp = np.repeat(np.linspace(0, 240, 7).astype(np.uint8)[:, None], 64, 1)
    image = np.stack([ramp] * 3, 2)
    out = resize_area(image, 16)[:, :, 0].astype(int)
    assert out.shape == (16, 16)
    assert (np.diff(out[:, 0]) >= 0).all() and len(set(out[:, 0])) > 7  # smooth, not copied rows
    assert (out == out[:, :1]).all()


def test_a_crop_is_a_square_jpeg_of_its_box():
    image = np.full((60, 80, 3), 30, np.uint8)
    image[20:40, 30:60] = (200, 100, 50)
    crop = Cropper(CropConfig(canvas=32, margin=1.0, shape="box"))(
        image, np.array([30, 20, 60, 40])
    )
    assert (crop.width, crop.height) == (30, 20)
    assert crop.crop_box.tolist() == [30, 20, 60, 40] and crop.crop_box.dtype == np.float32
    pixels = np.asarray(Image.open(io.BytesIO(crop.jpeg)))
    assert pixels.shape == (32, 32, 3)
    assert np.abs(pixels.astype(int) - (200, 100, 50)).max() < 12


def test_a_square_crop_holds_the_whole_box_undistorted():
    image = noise(60, 80)
    crop = Cropper(CropConfig(canvas=32, margin=1.2))(image, np.array([30, 10, 40, 50]))
    assert (crop.width, crop.height) == (48, 48)
    assert crop.crop_box.tolist() == [11, 6, 59, 54]


def test_the_whole_picture_has_no_margin():
    crop = Cropper(CropConfig(canvas=32))(noise(60, 80), np.array([0, 0, 80, 60]))
    assert crop.crop_box.tolist() == [0, 0, 80, 60]


@pytest.mark.parametrize("box", [(5, 5, 5, 9), (90, 5, 99, 9), (-9, -9, 0, 4)])
def test_a_box_without_pixels_is_refused(box):
    with pytest.raises(ValueError, match="does not overlap"):
        Cropper(CropConfig())(noise(60, 80), np.array(box))
