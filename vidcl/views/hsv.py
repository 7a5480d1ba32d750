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


def jitter_hsv(images: Tensor, factors: Tensor, order: Tensor, start: Tensor) -> Tensor:
    """Brightness, contrast, saturation and hue in each image's own order, clamped after each, as
    torchvision's jitter does with a hue that is no linear map.

    Args:
        images: float [N, 3, H, W] in [0, 1] once through ``start``.
        factors, order: as in ``color.jitter``.
        start: [N, 4, 4], a map to go through first.

    Returns:
        [N, 3, H, W] in [0, 1].
    """
    images = color.apply_color(images, start).clamp(0.0, 1.0)
    luma = color.constant(color.GREY, images)
    for step in range(4):
        which = order[:, step]
        brightness, contrast, saturation = (
            torch.where(which == place, factors[:, place], 1.0) for place in range(3)
        )
        # all but one of them change nothing
        matrix = color.brightness(brightness) @ color.saturation(saturation)
        matrix = color.contrast(contrast, images.mean((2, 3)) @ luma) @ matrix
        images = color.apply_color(images, matrix).clamp(0.0, 1.0)
        if images.device.type == "cpu":
            turned = (which == 3).nonzero().squeeze(1)
            if len(turned):
                part = shift_hue(images[turned], factors[turned, 3])
                images = images.index_copy(0, turned, part)
        else:  # which images they are would have to be waited for
            turned = (which == 3).view(-1, 1, 1, 1)
            images = torch.where(turned, shift_hue(images, factors[:, 3]), images)
    return images
