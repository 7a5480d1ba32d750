"""Factors of value: colour, blur, noise and JPEG, each on one image."""

import io

import numpy as np
import torch
from PIL import Image

from vidcl.evaluation.factors import resample
from vidcl.views import color
from vidcl.views.noise import add_noise


def colour(
    image: np.ndarray,
    degrees: float,
    saturation: float,
    stops: float,
    generator: np.random.Generator,
) -> np.ndarray:
    """Hue turned (in YIQ, which keeps luma), saturation changed, red raised against blue.

    Args:
        image: uint8 [H, W, 3].
        degrees: of the hue.
        saturation: the factor is 1 + or - this.
        stops: red times 2 to this, blue times 2 to its negative, or the other way round.
    """
    signs = 2 * generator.integers(2, size=3) - 1
    turn = torch.tensor([signs[0] * degrees / 360], dtype=torch.float32)
    factor = torch.tensor([1 + signs[1] * saturation], dtype=torch.float32)
    gain = 2.0 ** float(signs[2] * stops)
    warmth = torch.diag(torch.tensor([gain, 1.0, 1 / gain, 1.0]))[None]
    matrix = warmth @ color.saturation(factor) @ color.hue(turn)
    return resample.to_image(color.apply_color(resample.to_tensor(image), matrix))


def blur(image: np.ndarray, share: float) -> np.ndarray:
    """Gaussian blur, its standard deviation a share of the shorter side."""
    sigma = share * min(image.shape[:2])
    return resample.to_image(resample.blur(resample.to_tensor(image), sigma))


def noise(image: np.ndarray, std: float, generator: np.random.Generator) -> np.ndarray:
    """Gaussian noise on every stored value; the field is drawn once and multiplied by ``std``."""
    seed = torch.tensor([int(generator.integers(2**62))])
    return resample.to_image(add_noise(resample.to_tensor(image), torch.tensor([std]), seed))


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """Through JPEG at a quality of 1 to 95, chroma at half the resolution."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(buffer) as opened:
        return np.array(opened.convert("RGB"))
