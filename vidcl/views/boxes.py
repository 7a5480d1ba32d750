"""Random boxes: crops and what covers a part of a view."""

import torch
from torch import Tensor

#: Draws after which a crop that does not fit gives way to the largest central one (torchvision's).
ATTEMPTS = 10


def random_boxes(
    draws: Tensor, aspect: Tensor, scale: Tensor, ratio: tuple[float, float]
) -> Tensor:
    """Crops of torchvision's RandomResizedCrop, up to its rounding to whole pixels.

    Args:
        draws: [N, attempts, 4], uniform in [0, 1).
        aspect: [N], width over height of the images.
        scale: [N, 2], smallest and largest share of the area.
        ratio: smallest and largest width over height of a crop.

    Returns:
        [N, 4], x0, y0, x1, y1 as shares of width and height. The first attempt that fits wins;
        where none does, the largest central crop within the ratio.
    """
    area = scale[:, :1] + (scale[:, 1:] - scale[:, :1]) * draws[..., 0]  # [N, attempts]
    low, high = torch.log(torch.tensor(ratio, device=draws.device))
    shape = torch.exp(low + (high - low) * draws[..., 1])
    width = torch.sqrt(area * shape / aspect[:, None])
    height = torch.sqrt(area / shape * aspect[:, None])
    fits = (width <= 1) & (height <= 1)
    first = fits.int().argmax(1, keepdim=True)
    chosen = torch.stack([width, height, draws[..., 2], draws[..., 3]], 2)
    chosen = chosen.gather(1, first.unsqueeze(2).expand(-1, -1, 4)).squeeze(1)
    central = aspect.clamp(ratio[0], ratio[1])
    fallback = torch.stack(
        [
            (central / aspect).clamp(max=1),
            (aspect / central).clamp(max=1),
            torch.full_like(aspect, 0.5),
            torch.full_like(aspect, 0.5),
        ],
        1,
    )
    width, height, x, y = torch.where(fits.any(1, keepdim=True), chosen, fallback).unbind(1)
    x0, y0 = x * (1 - width), y * (1 - height)
    return torch.stack([x0, y0, x0 + width, y0 + height], 1)


def cover_boxes(draws: Tensor, area: tuple[float, float], ratio: tuple[float, float]) -> Tensor:
    """Rectangles of torchvision's RandomErasing that always fit.

    Args:
        draws: [N, 4], uniform in [0, 1).
        area: smallest and largest share of the view.
        ratio: smallest and largest width over height, drawn evenly in its logarithm and cut to
            what fits.

    Returns:
        [N, 4], x0, y0, x1, y1 as shares of the view.
    """
    share = area[0] + (area[1] - area[0]) * draws[:, 0]
    low, high = torch.log(torch.tensor(ratio, device=draws.device))
    shape = torch.exp(low + (high - low) * draws[:, 1])
    shape = torch.minimum(torch.maximum(shape, share), 1 / share)
    width, height = torch.sqrt(share * shape), torch.sqrt(share / shape)
    x0, y0 = draws[:, 2] * (1 - width), draws[:, 3] * (1 - height)
    return torch.stack([x0, y0, x0 + width, y0 + height], 1)
