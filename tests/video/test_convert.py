"""Sizes of converted pictures, and how well they are shrunk."""

import numpy as np
import pytest
from av.video.frame import VideoFrame
from PIL import Image

from vidcl.video.convert import Converter, fitted_size


def noise(height: int, width: int) -> np.ndarray:
    """Detail at every scale, in few colours: uint8 [H, W, 3]."""
    generator = np.random.default_rng(0)
    light = np.zeros((height, width))
    for step in (1, 2, 4, 8, 16, 32):
        coarse = generator.normal(size=(height // step + 1, width // step + 1))
        light += coarse.repeat(step, 0).repeat(step, 1)[:height, :width] * step**0.3
    tint = np.array([1.0, 0.9, 0.7])
    return np.clip(130 + 16 * light[..., None] * tint, 30, 225).astype(np.uint8)


def frame_of(image: np.ndarray, pixels: str = "yuv420p") -> VideoFrame:
    return VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixels)


@pytest.mark.parametrize(
    ("size", "max_side", "short_side", "expected"),
    [
        ((1920, 1080), None, None, (1920, 1080)),
        ((1920, 1080), 106, None, (106, 60)),
        ((1920, 1080), None, 256, (455, 256)),
        ((1080, 1920), None, 256, (256, 455)),
        ((1080, 1920), 256, None, (144, 256)),
        ((640, 360), 640, None, (640, 360)),
        ((640, 360), None, 360, (640, 360)),
        ((320, 180), 640, None, (320, 180)),
        ((320, 180), None, 256, (320, 180)),
        ((4000, 1), 100, None, (100, 1)),
        ((63, 47), 32, None, (32, 24)),
    ],
)
def test_sizes(
    size: tuple[int, int],
    max_side: int | None,
    short_side: int | None,
    expected: tuple[int, int],
) -> None:
    assert fitted_size(*size, max_side, short_side) == expected
    if max(size) <= 2000:
        frame = VideoFrame(*size, "yuv420p")
        image = Converter(max_side, short_side)(frame)
        assert image.shape == (expected[1], expected[0], 3)
        assert image.dtype == np.uint8
        assert image.strides[1:] == (3, 1) and image.strides[0] >= 3 * image.shape[1]


def test_one_side_is_given_and_it_is_positive() -> None:
    with pytest.raises(ValueError, match="not both"):
        Converter(100, 50)
    for sides in ((0, None), (None, -3)):
        with pytest.raises(ValueError, match="1 or more"):
            Converter(*sides)


def test_all_pictures_of_a_stream_have_the_size_of_the_first() -> None:
    large, small = frame_of(noise(96, 128)), frame_of(noise(48, 64))
    for first, frames in ((None, (large, small)), ((128, 96), (small, large))):
        convert = Converter(64, first=first)
        assert [convert(frame).shape for frame in frames] == [(48, 64, 3)] * 2
    convert = Converter(first=(100, 80))
    assert convert(large).shape == (80, 100, 3)


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv420p10le", "rgb24"])
@pytest.mark.parametrize("side", [300, 106, 30])
def test_shrinking_is_antialiased(pixels: str, side: int) -> None:
    """As Pillow's filter, which widens with the shrinking; picking every n-th pixel is far off."""
    frame = frame_of(noise(540, 960), pixels)
    whole = Converter()(frame)
    small = Converter(side)(frame)
    height, width = small.shape[:2]
    reference = np.asarray(
        Image.fromarray(whole).resize((width, height), Image.Resampling.BILINEAR)
    )
    picked = whole[:: 540 // height, :: 960 // width][:height, :width]
    error = np.abs(small.astype(float) - reference).mean()
    assert error < 2.0
    assert np.abs(picked.astype(float) - reference[: len(picked), : picked.shape[1]]).mean() > 10


def test_a_frame_gives_the_same_picture_again() -> None:
    frame = frame_of(noise(120, 160))
    convert = Converter(80)
    first = convert(frame)
    assert np.array_equal(first, convert(frame))
    assert np.array_equal(first, Converter(80)(frame))
