"""Digits: small pictures of ink in ten classes, drawn here or handed in."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vidcl.errors import VidclError
from vidcl.synthetic.glyph_strokes import LETTERS
from vidcl.synthetic.glyphs import coverage

#: Number of classes.
CLASSES = 10

_HEIGHT = 0.64  # of an upright letter at scale 1, share of the picture
_ANGLE = math.radians(20)  # largest rotation either way
_SCALE = (0.65, 1.0)
_STRETCH = (0.8, 1.2)  # of the width alone
_SHEAR = 0.25
_SHIFT = 0.12  # share of the picture, along either axis
_STROKE = (0.07, 0.16)  # width, share of the picture
_INK = (0.7, 1.0)  # at full cover
_CHUNK = 1024  # pictures drawn together, so that memory stays small


@dataclass(frozen=True)
class Digits:
    """Pictures of ink with their classes.

    Attributes:
        images: uint8 [N, S, S], 0 the ground and 255 full ink.
        labels: int64 [N] in 0..9.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Tensor | slice) -> "Digits":
        """The pictures of these rows (int64 [M] or a slice)."""
        return Digits(self.images[rows], self.labels[rows])

    def of(self, classes: tuple[int, ...]) -> "Digits":
        """The pictures of these classes."""
        return self.take(torch.isin(self.labels, torch.tensor(classes)).nonzero()[:, 0])


def draw_digits(n: int, generator: torch.Generator, size: int = 28) -> Digits:
    """Draw n pictures; class, place, shape, stroke and ink uniform and independent.

    The classes are the ten letters of ``glyph_strokes.LETTERS``, in their order: as many as digits,
    and far enough apart that no deformation drawn here makes one into another.

    Args:
        n: how many, at least 1.
        generator: of the CPU.
        size: side in pixels, at least 8.

    Raises:
        VidclError: ``n`` or ``size`` is too small.
    """
    if n < 1 or size < 8:
        raise VidclError(f"Draw at least 1 digit of at least 8 pixels, not {n} of {size}.")
    labels = torch.randint(CLASSES, (n,), generator=generator)
    assert len(LETTERS) == CLASSES

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(n, *shape, generator=generator)

    angle, scale = uniform(-_ANGLE, _ANGLE), _HEIGHT * uniform(*_SCALE)
    width, shear = uniform(*_STRETCH), uniform(-_SHEAR, _SHEAR)
    cos, sin = angle.cos(), angle.sin()
    # rotation after shear after stretch
    rows = (width * cos, shear * cos - sin, width * sin, shear * sin + cos)
    maps = torch.stack(rows, 1).view(n, 2, 2) * scale[:, None, None]
    centre = 0.5 + uniform(-_SHIFT, _SHIFT, 2)
    stroke, ink = uniform(*_STROKE), uniform(*_INK)
    images = torch.empty(n, size, size, dtype=torch.uint8)
    for part in torch.arange(n).split(_CHUNK):
        cover = coverage(labels[part], maps[part], centre[part], stroke[part], size)
        images[part] = (255 * ink[part, None, None] * cover).round_().to(torch.uint8)
    return Digits(images, labels)


def given_digits(images: np.ndarray, labels: np.ndarray) -> Digits:
    """Digits from elsewhere, such as MNIST.

    Args:
        images: uint8 [N, S, S], light ink on a dark ground.
        labels: integers [N] in 0..9.

    Raises:
        VidclError: other shapes, types or labels.
    """
    images, labels = np.asarray(images), np.asarray(labels)
    if images.ndim != 3 or images.shape[1] != images.shape[2] or images.dtype != np.uint8:
        raise VidclError(
            f"Give digits as uint8 [N, S, S], not {images.dtype} {list(images.shape)}."
        )
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu" or not labels.size:
        raise VidclError("Give one integer label for each of the digits, and at least one digit.")
    if labels.min() < 0 or labels.max() >= CLASSES:
        raise VidclError(
            f"Digits have labels from 0 to 9, not from {labels.min()} to {labels.max()}."
        )
    return Digits(torch.from_numpy(images.copy()), torch.from_numpy(labels.astype(np.int64)))
