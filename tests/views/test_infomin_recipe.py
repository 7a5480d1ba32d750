"""InfoMin's RandAugment against Pillow's operations, which its code calls."""

import pytest
import torch

from tests.views.pictures import levels, pictures
from tests.views.pillows import pillows
from vidcl.views.randaugment import OPERATIONS, apply_operation, value_of
from vidcl.views.recipe import IMAGENET_MEAN, recipe

N, S = 4, 41
MOVES = [name for name in OPERATIONS if name.endswith(("_bilinear", "_bicubic"))]
OTHERS = [name for name in OPERATIONS[1:16] if f"{name}_bicubic" not in MOVES]


@pytest.mark.parametrize("level", [2.6, 8.3, 10.0])  # Pillow now refuses to keep no bits
@pytest.mark.parametrize("name", MOVES + OTHERS)
def test_each_operation_is_pillows(name, level):
    pixels = levels(pictures(N, S))
    plain = name.removesuffix("_bilinear").removesuffix("_bicubic")
    sign = torch.tensor([1.0, -1.0, 1.0, -1.0])
    value = value_of(plain, "timm", torch.full((N,), level), sign)
    got = apply_operation(name, pixels / 255, value, IMAGENET_MEAN)
    for index in range(N):
        want = pillows(name, pixels[index], float(value[index]), IMAGENET_MEAN)
        error = (got[index] - want).abs()
        # Pillow rounds its results, the mean grey of contrast and the grey of saturation
        assert error.max() < 1.6 / 255, (name, index, float(error.max() * 255))


def test_the_values_are_those_of_the_code():
    """PyContrast, RandAugment.py, LEVEL_TO_ARG."""
    one = torch.ones(1)
    for level in (0.0, 2.6, 7.4, 9.99, 10.0):
        wanted = {
            "rotate": level / 10 * 30,
            "shear_x": level / 10 * 0.3,
            "translate_y": level / 10 * 0.45,
            "posterise": int(level / 10 * 4),
            "solarise": int(level / 10 * 256) / 255,
            "solarise_add": int(level / 10 * 110) / 255,
            "saturation": level / 10 * 1.8 + 0.1,
            "contrast": level / 10 * 1.8 + 0.1,
            "brightness": level / 10 * 1.8 + 0.1,
            "sharpness": level / 10 * 1.8 + 0.1,
            "invert": 0.0,
        }
        for name, want in wanted.items():
            got = float(value_of(name, "timm", level * one, one))
            assert got == pytest.approx(want, abs=1e-5), (name, level)


def test_the_recipe_is_the_published_one():
    """PyContrast, datasets/util.py, aug == 'D' with a queue."""
    config = recipe("infomin")
    assert config.size == 224 and config.crop_scale == (0.2, 1.0) and config.flip == 0.5
    assert (config.brightness, config.contrast, config.saturation) == (0.8, 0.8, 0.8)
    assert (config.hue, config.jitter, config.hue_space) == (0.2, 0.8, "hsv")
    assert (config.blur, config.blur_sigma, config.blur_radius) == (0.5, (0.1, 2.0), 22 // 2)
    assert (config.randaugment, config.randaugment_length) == ("timm", 2)
    assert config.randaugment_magnitude == 10.0
    assert (config.greyscale, config.greyscale_last) == (0.2, True)
    assert config.fill == config.mean == (0.485, 0.456, 0.406)
    assert not any((config.turn, config.affine, config.texture, config.occlusion, config.noise))
