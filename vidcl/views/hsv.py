"""Hue in HSV, as torchvision and the papers' code shift it."""

import torch
from torch import Tensor

from vidcl.views import color


def shift_hue(images: Tensor, turn: Tensor) -> Tensor:
    """Turn the hue of HSV; value and saturation stay.

    Args:
        images: float [N, 3, H, W] in [0, 1].
        turn: [N] in [-0.5, 0.5], shares of the circle.

    Returns:
        [N, 3, H, W]. Not linear in the image, and without a gradient where two channels are equal.
    """
    high, low = images.amax(1, keepdim=True), images.amin(1, keepdim=True)
    spread = high - low
    red, green, blue = images.unbind(1)
    safe = torch.where(spread > 0, spread, torch.ones_like(spread)).squeeze(1)
    of_red, of_green = (green - blue) / safe, 2 + (blue - red) / safe
    of_blue = 4 + (red - green) / safe
    top = high.squeeze(1)
    sixth = torch.where(top == red, of_red, torch.where(top == green, of_green, of_blue))
    hue = sixth[:, None] + 6 * turn.view(-1, 1, 1, 1)
    # of red, green and blue: how far each lies from the hue around the circle of six
    offset = color.constant((5.0, 3.0, 1.0), images)
    place = (hue + offset.view(3, 1, 1)).remainder(6)
    return high - spread * torch.minimum(place, 4 - place).clamp(0, 1)


def jitter_hsv(
    images: Tensor, factors: Tensor, order: Tensor, start: Tensor
) -> tuple[Tensor, Tensor]:
    """The jitter of ``color`` with a hue that is no linear map.

    Args:
        images: float [N, 3, H, W] in [0, 1] once through ``start``.
        factors, order, start: as in ``color.jitter``.

    Returns:
        The images after what comes up to the hue, and the map [N, 4, 4] of the rest.
    """
    still = color.constant((1.0, 1.0, 1.0, 0.0), factors)
    place = order.argsort(1)  # of each operation in the image's order
    before = torch.where(place < place[:, 3:], factors, still)
    after = torch.where(place > place[:, 3:], factors, still)
    first = color.at_mean(color.jitter(before, order, start), images)
    images = shift_hue(color.apply_color(images, first).clamp(0.0, 1.0), factors[:, 3])
    none = color.identity(len(factors), images)
    return images, color.at_mean(color.jitter(after, order, none), images)
