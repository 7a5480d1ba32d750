"""DigitOnImage (Chen, Luo, Li 2021, section 3.3): a digit at nine places of every image.

Each image is given one of a few digits, the same for all its views, and nine copies let it survive
any crop. How many different digits there are is what decides how far they tell images apart.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcl.errors import VidclError
from vidcl.synthetic.digits import Digits

Combine = Literal["max", "add"]

#: Left and upper edges of the copies, in shares of the image (the authors' code).
PLACES = (0.15, 0.45, 0.75)
#: Largest side of a digit, in shares of the image: the last copies just fit.
MOST = 0.25


@dataclass(frozen=True)
class DigitOnImage:
    """Images with two labels.

    Attributes:
        images: uint8 [N, 3, H, W].
        labels: the images' own, int64 [N].
        digits: the digits', int64 [N] in 0..9.
        which: int64 [N], which of the unique digits.
    """

    images: Tensor
    labels: Tensor
    digits: Tensor
    which: Tensor


def put_digits(
    images: Tensor,
    labels: Tensor,
    digits: Digits,
    unique: int,
    generator: torch.Generator,
    *,
    size: float = MOST,
    combine: Combine = "max",
) -> DigitOnImage:
    """Give each image one of the first ``unique`` digits, even and independent of its label.

    Args:
        images: uint8 [N, 3, H, W], H = W.
        labels: int64 [N].
        digits: of any side; those given are used in their order.
        unique: number of different digits, 1 to ``len(digits)``.
        size: a digit's side in shares of the image's, above 0 and at most ``MOST``.
        combine: as ``stamp``.

    Raises:
        VidclError: shapes, ``unique`` or ``size`` are not as said.
    """
    if not 1 <= unique <= len(digits):
        raise VidclError(f"There are {len(digits)} digits to choose from: not {unique} of them.")
    if labels.shape != images.shape[:1]:
        raise VidclError(f"Give one label for each of {len(images)} images, not {len(labels)}.")
    which = torch.randint(unique, (len(images),), generator=generator)
    chosen = digits.take(which)
    stamped = stamp(images, chosen.images, size=size, combine=combine)
    return DigitOnImage(stamped, labels, chosen.labels, which)


def stamp(
    images: Tensor, pictures: Tensor, *, size: float = MOST, combine: Combine = "max"
) -> Tensor:
    """Images with nine copies of a picture each.

    Args:
        images: uint8 [N, 3, H, W], H = W.
        pictures: uint8 [N, S, S], one for each image, resized to its place.
        size: side of a copy in shares of the image's, above 0 and at most ``MOST``.
        combine: ``max``: the larger of the two values, pixel by pixel (the authors' code); ``add``:
            their sum, at most 255 (the paper).

    Returns:
        uint8 [N, 3, H, W].

    Raises:
        VidclError: shapes or ``size`` are not as said.
    """
    side = images.shape[-1]
    square = images.ndim == 4 and images.shape[1] == 3 and images.shape[2] == side
    if not square or images.dtype != torch.uint8:
        raise VidclError(
            f"Give images as uint8 [N, 3, S, S], not {images.dtype} {list(images.shape)}."
        )
    if pictures.ndim != 3 or len(pictures) != len(images) or pictures.dtype != torch.uint8:
        raise VidclError(f"Give one digit for each of {len(images)} images, as uint8 [N, S, S].")
    if not 0 < size <= MOST:
        raise VidclError(f"A digit covers a share above 0 and at most {MOST} of the side.")
    ink = resized(pictures, max(1, round(size * side)))
    layer = torch.zeros(len(images), 1, side, side, dtype=torch.int16)
    for top in PLACES:
        for left in PLACES:
            y, x = int(top * side), int(left * side)
            layer[:, 0, y : y + ink.shape[1], x : x + ink.shape[2]] = ink.to(torch.int16)
    under = images.to(torch.int16)
    both = torch.maximum(under, layer) if combine == "max" else (under + layer).clamp(max=255)
    return both.to(torch.uint8)


def resized(pictures: Tensor, side: int) -> Tensor:
    """Pictures uint8 [N, S, S] at another side: bilinear, antialiased, uint8 [N, side, side]."""
    if pictures.shape[-1] == side:
        return pictures
    x = pictures[:, None].float()
    x = F.interpolate(x, (side, side), mode="bilinear", antialias=True, align_corners=False)
    return x[:, 0].round().clamp(0, 255).to(torch.uint8)
