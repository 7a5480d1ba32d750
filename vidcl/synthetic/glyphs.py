"""Small images of letters with native hues, for studies of which invariances are learned.

Every image shows one letter (``glyph_strokes.LETTERS``) in one of six hues on a dark grey ground,
after a small random affine map and with a random stroke width. Letter, hue and everything else are
drawn independently. The hues lie evenly on a circle of the I and Q plane of YIQ, and luma and
chroma of the ink have the same distribution for each, so that a random turn of the hue in YIQ
(``views.color.hue``) removes all that tells the hues apart; the ground is neutral and tells
nothing.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vidcl.errors import VidclError
from vidcl.synthetic.glyph_strokes import LETTERS, letter_segments

WriteSet = Callable[[Path, str, np.ndarray, dict[str, np.ndarray]], object]

#: Number of native hues, evenly spaced on the circle.
HUES = 6

_HEIGHT = 0.52  # of an upright letter at scale 1, share of the image
_ANGLE = math.radians(12)  # largest rotation either way
_SCALE = (0.85, 1.1)
_SHEAR = 0.15
_SHIFT = 0.11  # share of the image, along either axis
_STROKE = (0.075, 0.12)  # width, share of the image
_HUE_JITTER = 0.15  # of the distance between two hues, either way
_LUMA = (0.5, 0.58)
_CHROMA = (0.17, 0.2)  # all six hues stay within [0, 1] at every luma
_GROUND = (0.06, 0.2)
_SLOPE = 0.08  # rise of the ground from the centre to the border, at most
_BLOTCH = 0.03  # standard deviation of the ground's slow noise
_NOISE = 0.025  # standard deviation of each pixel's and channel's noise
_KNOTS = 5  # the slow noise is bilinear between so many values per axis
_CHUNK = 512  # images drawn together, so that memory stays small

#: What I and Q add to red, green and blue: the inverse of the map in ``views.color``.
_RGB_OF_IQ = ((0.9561, 0.6208), (-0.2721, -0.6472), (-1.1067, 1.7044))


@dataclass(frozen=True)
class Glyphs:
    """Images with two labels.

    Attributes:
        images: uint8 [N, 3, S, S].
        letter: int64 [N], an index into ``LETTERS``.
        hue: int64 [N] in 0..5.
    """

    images: Tensor
    letter: Tensor
    hue: Tensor


def draw_glyphs(n: int, generator: torch.Generator, size: int = 32) -> Glyphs:
    """Draw n images, letters and hues uniform and independent.

    Args:
        n: how many, at least 1.
        generator: of the CPU.
        size: side in pixels, at least 16; below that letters cannot be told apart.

    Raises:
        VidclError: ``n`` or ``size`` is too small.
    """
    if n < 1 or size < 16:
        raise VidclError(f"Draw at least 1 glyph of at least 16 pixels, not {n} of {size}.")
    letter = torch.randint(len(LETTERS), (n,), generator=generator)
    hue = torch.randint(HUES, (n,), generator=generator)
    maps, shift = _affine(n, generator)
    stroke = _uniform(_STROKE, (n,), generator)
    colour = ink_colours(hue, generator)
    images = torch.empty(n, 3, size, size, dtype=torch.uint8)
    for start in range(0, n, _CHUNK):
        part = slice(start, min(start + _CHUNK, n))
        cover = coverage(letter[part], maps[part], shift[part], stroke[part], size).unsqueeze(1)
        ground = _ground(len(cover), size, generator)
        picture = ground + cover * (colour[part, :, None, None] - ground)
        picture += _NOISE * torch.randn(picture.shape, generator=generator)
        images[part] = (picture.clamp_(0, 1) * 255).round_().to(torch.uint8)
    return Glyphs(images, letter, hue)


def coverage(letter: Tensor, maps: Tensor, shift: Tensor, stroke: Tensor, size: int) -> Tensor:
    """Share of each pixel covered by ink, float32 [N, S, S], antialiased over one pixel.

    A stroke is all that lies within half its width of a line, so its ends and joints are round.

    Args:
        letter: int64 [N], an index into ``LETTERS``.
        maps: float32 [N, 2, 2], from the letter's unit square to shares of the image.
        shift: float32 [N, 2], where the letter's centre lies, (x, y) in shares of the image.
        stroke: float32 [N], width in shares of the image.
        size: side in pixels.
    """
    centres = (torch.arange(size) + 0.5) / size
    covered = torch.empty(len(letter), size, size)
    for number in letter.unique().tolist():
        rows = (letter == number).nonzero()[:, 0]
        ends = torch.tensor(letter_segments(LETTERS[number]))  # [K, 2 ends, xy]
        ends = torch.einsum("nij,kej->kein", maps[rows], ends) + shift[rows].T
        nearest = torch.full((len(rows), size, size), math.inf)
        for (x0, y0), (x1, y1) in ends.unbind(0):
            right, down = (x1 - x0)[:, None, None], (y1 - y0)[:, None, None]
            x = centres.view(1, 1, -1) - x0[:, None, None]
            y = centres.view(1, -1, 1) - y0[:, None, None]
            length = right.square() + down.square()
            along = (x * (right / length) + y * (down / length)).clamp_(0, 1)
            away = (x - along * right).square_() + (y - along * down).square_()
            torch.minimum(nearest, away, out=nearest)
        half = stroke[rows, None, None] / 2
        covered[rows] = ((half - nearest.sqrt_()) * size + 0.5).clamp_(0, 1)
    return covered


def ink_colours(hue: Tensor, generator: torch.Generator) -> Tensor:
    """Inks for the hues int64 [N]: float32 [N, 3] in [0, 1], their angle jittered a little."""
    jitter = _uniform((-_HUE_JITTER, _HUE_JITTER), hue.shape, generator)
    angle = 2 * math.pi * (hue + jitter) / HUES
    luma = _uniform(_LUMA, hue.shape, generator)
    chroma = _uniform(_CHROMA, hue.shape, generator)
    plane = torch.stack((angle.cos(), angle.sin()), dim=1) * chroma[:, None]
    return luma[:, None] + plane @ torch.tensor(_RGB_OF_IQ).T


def glyph_set(n: int, seed: int, size: int = 32) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Glyphs as a labelled set.

    Returns:
        Images uint8 [N, S, S, 3] and columns of N rows: ``class`` (the letter), ``hue`` (0..5) and
        ``instance`` (the row's number: every image is its own instance).

    Raises:
        VidclError: as ``draw_glyphs``.
    """
    glyphs = draw_glyphs(n, torch.Generator().manual_seed(seed), size)
    labels = {
        "class": np.asarray(list(LETTERS))[glyphs.letter.numpy()],
        "hue": glyphs.hue.numpy(),
        "instance": np.arange(n),
    }
    return glyphs.images.permute(0, 2, 3, 1).contiguous().numpy(), labels


def write_glyphs(path: Path, n: int, seed: int, *, size: int = 32, write: WriteSet) -> Path:
    """Write ``glyph_set`` to ``path`` under the name ``glyphs``. Returns ``path``.

    Args:
        write: ``datasets.labelled.write_labelled_set`` (called with path, name, images, labels).

    Raises:
        VidclError: as ``draw_glyphs``.
    """
    path = Path(path)
    write(path, "glyphs", *glyph_set(n, seed, size))
    return path


def _affine(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Maps [N, 2, 2] (rotation after shear after scale) and centres [N, 2]."""
    angle = _uniform((-_ANGLE, _ANGLE), (n,), generator)
    scale = _HEIGHT * _uniform(_SCALE, (n,), generator)
    shear = _uniform((-_SHEAR, _SHEAR), (n,), generator)
    cos, sin = angle.cos(), angle.sin()
    rows = torch.stack((cos, shear * cos - sin, sin, shear * sin + cos), dim=1).view(n, 2, 2)
    centre = 0.5 + _uniform((-_SHIFT, _SHIFT), (n, 2), generator)
    return rows * scale[:, None, None], centre


def _ground(n: int, size: int, generator: torch.Generator) -> Tensor:
    """Neutral grounds [N, 1, S, S]: a level, a slope in a random direction, and slow noise."""
    level = _uniform(_GROUND, (n, 1, 1, 1), generator)
    angle = _uniform((-math.pi, math.pi), (n, 1, 1, 1), generator)
    steep = _uniform((0, _SLOPE), (n, 1, 1, 1), generator)
    across = torch.linspace(-1, 1, size)
    slope = steep * (angle.cos() * across.view(1, 1, 1, -1) + angle.sin() * across.view(-1, 1))
    knots = _BLOTCH * torch.randn(n, 1, _KNOTS, _KNOTS, generator=generator)
    slow = torch.nn.functional.interpolate(knots, size=size, mode="bilinear", align_corners=True)
    return level + slope + slow


def _uniform(
    interval: tuple[float, float], shape: tuple[int, ...], generator: torch.Generator
) -> Tensor:
    low, high = interval
    return low + (high - low) * torch.rand(shape, generator=generator)
