"""Gaussian blur with one standard deviation per image, as two matrix products."""

import torch
from torch import Tensor


def blur_matrix(sigma: Tensor, size: int, radius: int) -> Tensor:
    """Weights [N, size, size] of a Gaussian blur along an axis, mirrored at its ends.

    Args:
        sigma: [N], standard deviation in pixels; 0 leaves the axis as it is.
        radius: the kernel is cut off beyond this many pixels (below ``size``).
    """
    places = torch.arange(size, device=sigma.device, dtype=sigma.dtype)
    # 1e-3 pixels is no blur at all: the nearest neighbour's weight underflows to zero
    scale = -0.5 / sigma.clamp(min=1e-3).square()[:, None, None]

    def kernel(distance: Tensor) -> Tensor:
        return torch.exp(distance.square() * scale) * (distance.abs() <= radius)

    i, j = places[:, None], places[None, :]
    # a pixel at -j is the mirror image of pixel j; the edge pixels are not repeated
    weights = kernel(i - j) + kernel(i + j) * (j > 0)
    weights = weights + kernel(2 * (size - 1) - i - j) * (j < size - 1)
    return weights / weights.sum(2, keepdim=True)


def blur(images: Tensor, sigma: Tensor, radius: int, sigma_y: Tensor | None = None) -> Tensor:
    """Gaussian blur of [N, C, H, W] with one sigma [N] per image.

    Args:
        sigma: in pixels; of the columns alone where ``sigma_y`` is given for the rows.
        radius: the kernel is cut off beyond this many pixels (below H and W).
    """
    height, width = images.shape[2:]
    down = sigma if sigma_y is None else sigma_y
    columns = blur_matrix(sigma, width, radius).to(images.dtype)
    rows = columns
    if sigma_y is not None or height != width:
        rows = blur_matrix(down, height, radius).to(images.dtype)
    return rows.unsqueeze(1) @ images @ columns.unsqueeze(1).transpose(2, 3)
