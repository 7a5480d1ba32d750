"""Two digits on one canvas, one of a fixed size and one of another (Chen, Luo, Li 2021, 3.3).

The paper's question is whether a large digit keeps a contrastive method from seeing a small one.
The two are of disjoint classes here, 0 to 4 and 5 to 9, so that it stays defined which of them is
asked for where both have one size.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from vidcl.errors import VidclError
from vidcl.synthetic.digit_on_image import resized
from vidcl.synthetic.digits import Digits

#: Classes of the digit of fixed size, and of the other.
FIXED, OTHER = (0, 1, 2, 3, 4), (5, 6, 7, 8, 9)
_ATTEMPTS = 10_000


@dataclass(frozen=True)
class TwoDigits:
    """Canvases with two labels.

    Attributes:
        images: uint8 [N, S, S], 0 the ground.
        fixed: class of the digit of fixed size, int64 [N] in 0..4.
        other: class of the other, int64 [N] in 5..9.
        corners: left and upper edges of their boxes in pixels, int64 [N, 2 digits, xy].
    """

    images: Tensor
    fixed: Tensor
    other: Tensor
    corners: Tensor


def draw_two_digits(
    n: int,
    digits: Digits,
    generator: torch.Generator,
    *,
    canvas: int,
    fixed: int,
    other: int,
) -> TwoDigits:
    """Draw n canvases; pictures and places independent, even over all places without overlap.

    Args:
        digits: to choose from, with replacement; of both groups of classes.
        canvas: side in pixels.
        fixed: side of the first digit's box.
        other: side of the second's; both fit beside each other: their sum is at most ``canvas``.

    Raises:
        VidclError: the sizes do not fit, or a group of classes has no digit.
    """
    if n < 1 or min(fixed, other) < 1 or fixed + other > canvas:
        raise VidclError(
            f"Digits of {fixed} and {other} pixels do not fit side by side on {canvas}: take "
            f"smaller ones."
        )
    groups = digits.of(FIXED), digits.of(OTHER)
    if not all(map(len, groups)):
        raise VidclError("Give digits of the classes 0 to 4 and of 5 to 9.")
    corners = _places(n, canvas, (fixed, other), generator)
    images = torch.zeros(n, canvas, canvas, dtype=torch.uint8)
    labels = []
    across = torch.arange(canvas)
    for group, side, corner in zip(groups, (fixed, other), corners.unbind(1), strict=True):
        chosen = group.take(torch.randint(len(group), (n,), generator=generator))
        labels.append(chosen.labels)
        small = resized(chosen.images, side)
        # for every pixel of the canvas the pixel of the picture that lies there, if one does
        column, row = (across - corner[:, :1]), (across - corner[:, 1:])
        inside = ((row >= 0) & (row < side))[:, :, None] & ((column >= 0) & (column < side))[
            :, None
        ]
        each = torch.arange(n)[:, None, None]
        spread = small[each, row.clamp(0, side - 1)[:, :, None], column.clamp(0, side - 1)[:, None]]
        images = torch.where(inside, spread, images)
    return TwoDigits(images, labels[0], labels[1], corners)


def _places(n: int, canvas: int, sides: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Corners int64 [N, 2, xy] of boxes that do not overlap: drawn again where they do."""
    corners = torch.zeros(n, 2, 2, dtype=torch.int64)
    missing = torch.arange(n)
    for _ in range(_ATTEMPTS):
        drawn = torch.stack(
            [
                torch.randint(canvas - side + 1, (len(missing), 2), generator=generator)
                for side in sides
            ],
            1,
        )
        corners[missing] = drawn
        missing = missing[overlap(drawn, sides)]
        if not len(missing):
            return corners
    raise VidclError(
        f"Digits of {sides[0]} and {sides[1]} pixels hardly ever fit side by side on {canvas}: "
        f"take smaller ones."
    )


def overlap(corners: Tensor, sides: tuple[int, int]) -> Tensor:
    """Whether two square boxes share a pixel: corners int64 [N, 2, xy] -> bool [N]."""
    first, second = corners.unbind(1)
    return ((first < second + sides[1]) & (second < first + sides[0])).all(1)
