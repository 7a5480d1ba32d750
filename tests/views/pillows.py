"""InfoMin's RandAugment with Pillow's own operations, as its code calls them."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
FACTORS = {
    "saturation": ImageEnhance.Color,
    "contrast": ImageEnhance.Contrast,
    "brightness": ImageEnhance.Brightness,
    "sharpness": ImageEnhance.Sharpness,
}


def pillows(name: str, pixels: torch.Tensor, value: float, fill: Sequence[float]) -> torch.Tensor:
    """One operation of ``randaugment.OPERATIONS`` on uint8 [3, S, S]: float [3, S, S] in [0, 1]."""
    image = Image.fromarray(pixels.permute(1, 2, 0).numpy())
    if name.rpartition("_")[2] in FILTERS:
        done = _move(name, image, value, tuple(round(255 * part) for part in fill))
    else:
        done = _operate(name, image, value)
    return torch.from_numpy(np.array(done)).permute(2, 0, 1) / 255


def moved(name: str, x: torch.Tensor, value: float, fill: Sequence[float]) -> torch.Tensor:
    """What moves pixels, without Pillow's rounding: float [3, S, S] in [0, 1], both ways."""
    channels = [
        np.array(_move(name, Image.fromarray(channel.numpy()), value, part))
        for channel, part in zip(x, fill, strict=True)
    ]
    return torch.from_numpy(np.stack(channels)).clamp(0, 1)


def _move(name: str, image: Image.Image, value: float, fill: object) -> Image.Image:
    move, _, by = name.rpartition("_")
    if move == "rotate":
        return image.rotate(value, FILTERS[by], fillcolor=fill)
    # a positive share of the side moves to the right and down
    matrix = {
        "shear_x": (1, value, 0, 0, 1, 0),
        "shear_y": (1, 0, 0, value, 1, 0),
        "translate_x": (1, 0, -value * image.size[0], 0, 1, 0),
        "translate_y": (1, 0, 0, 0, 1, -value * image.size[1]),
    }[move]
    affine = Image.Transform.AFFINE
    return image.transform(image.size, affine, matrix, FILTERS[by], fillcolor=fill)


def _operate(name: str, image: Image.Image, value: float) -> Image.Image:
    if name in FACTORS:
        return FACTORS[name](image).enhance(value)
    if name == "autocontrast":
        return ImageOps.autocontrast(image)
    if name == "equalise":
        return ImageOps.equalize(image)
    if name == "invert":
        return ImageOps.invert(image)
    if name == "posterise":
        return image if value >= 8 else ImageOps.posterize(image, round(value))
    if name == "solarise":
        return ImageOps.solarize(image, round(255 * value))
    assert name == "solarise_add"
    add = round(255 * value)
    return image.point(
        [min(255, level + add) if level < 128 else level for level in range(256)] * 3
    )
