"""Canvases of one to four letters on blotched grounds, with what is seen at every location."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vidcl.synthetic.glyph_strokes import LETTERS
from vidcl.synthetic.glyphs import HUES, coverage, ink_colours

#: Letters on a canvas, at most: one in each quarter.
PLACES = 4
#: What ``Canvases.at_locations`` says where there is no letter.
GROUND = -1

_HEIGHT = (0.32, 0.42)  # of a letter, share of the canvas
_SHIFT = 0.04  # of a letter from the middle of its quarter, either way
_TURN = 0.2  # largest rotation either way, radians
_STROKE = (0.045, 0.065)  # width, share of the canvas
_LEVEL = (0.3, 0.55)  # of the ground; inks have a luma of 0.5 to 0.58
_BLOTCH = 0.09  # standard deviation of the ground's slow noise, of each channel
_KNOTS = 9  # the slow noise is bilinear between so many values per axis
_NOISE = 0.03  # standard deviation of each pixel's and channel's noise
_CHUNK = 512  # canvases drawn together


@dataclass(frozen=True)
class Canvases:
    """Images and their truth.

    Attributes:
        images: uint8 [N, S, S, 3].
        letter: int64 [N, 4], the letter in each quarter (left to right, then down), an index into
            ``LETTERS``, or ``GROUND``.
        cover: float32 [N, 4, S, S], share of each pixel covered by that letter.
    """

    images: np.ndarray
    letter: Tensor
    cover: Tensor

    def at_locations(self, side: int, least: float = 0.1) -> np.ndarray:
        """The letter whose ink covers most of each cell of a grid, int64 [N, side, side], and
        ``GROUND`` where all ink together covers less than ``least`` of it."""
        cells = F.adaptive_avg_pool2d(self.cover, side)
        most, which = cells.max(1)
        classes = torch.gather(self.letter, 1, which.flatten(1)).view(which.shape)
        seen = (cells.sum(1) >= least) & (most > 0)
        return torch.where(seen, classes, GROUND).numpy()


def draw_canvases(n: int, generator: torch.Generator, size: int = 56) -> Canvases:
    """Letters, their number, inks and grounds are drawn independently.

    No pixel's colour tells letter from ground: inks have one of six hues, and the ground has
    blotches of all; it is darker than the inks on average, and both overlap.
    """
    count = torch.randint(1, PLACES + 1, (n, 1), generator=generator)
    order = torch.rand(n, PLACES, generator=generator).argsort(1)
    letter = torch.randint(len(LETTERS), (n, PLACES), generator=generator)
    letter = torch.where(order < count, letter, GROUND)
    images = np.empty((n, size, size, 3), np.uint8)
    cover = torch.zeros(n, PLACES, size, size)
    for start in range(0, n, _CHUNK):
        part = slice(start, min(start + _CHUNK, n))
        cover[part] = _covers(letter[part], size, generator)
        picture = _ground(len(letter[part]), size, generator)
        for place in range(PLACES):
            hue = torch.randint(HUES, (len(picture),), generator=generator)
            ink = ink_colours(hue, generator)[:, :, None, None]
            picture += cover[part, place, None] * (ink - picture)
        picture += _NOISE * torch.randn(picture.shape, generator=generator)
        pixels = (picture.clamp_(0, 1) * 255).round_().to(torch.uint8)
        images[part] = pixels.permute(0, 2, 3, 1).numpy()
    return Canvases(images, letter, cover)


def _covers(letter: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Ink of the letters [N, 4], float32 [N, 4, S, S]."""
    n = len(letter)
    height = _uniform(_HEIGHT, (n, PLACES), generator)
    angle = _uniform((-_TURN, _TURN), (n, PLACES), generator)
    middle = torch.tensor([[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]])
    centre = middle + _uniform((-_SHIFT, _SHIFT), (n, PLACES, 2), generator)
    stroke = _uniform(_STROKE, (n, PLACES), generator)
    cos, sin = height * angle.cos(), height * angle.sin()
    maps = torch.stack((cos, -sin, sin, cos), 2).view(n, PLACES, 2, 2)
    drawn = letter != GROUND
    cover = torch.zeros(n, PLACES, size, size)
    cover[drawn] = coverage(letter[drawn], maps[drawn], centre[drawn], stroke[drawn], size)
    return cover


def _ground(n: int, size: int, generator: torch.Generator) -> Tensor:
    """Grounds with coloured blotches, float32 [N, 3, S, S]."""
    level = _uniform(_LEVEL, (n, 1, 1, 1), generator)
    knots = _BLOTCH * torch.randn(n, 3, _KNOTS, _KNOTS, generator=generator)
    return level + F.interpolate(knots, size=size, mode="bilinear", align_corners=True)


def _uniform(
    interval: tuple[float, float], shape: tuple[int, ...], generator: torch.Generator
) -> Tensor:
    low, high = interval
    return low + (high - low) * torch.rand(shape, generator=generator)
