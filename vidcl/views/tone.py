"""Operations on single channels' values, per image: gamma, sharpness, contrast limits, bits.

Images are float [N, 3, H, W] in [0, 1] throughout. Equalise and posterise are defined on 256 levels
(as in Pillow and torchvision); values are rounded to them first.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcl.views.params import ViewParams


def apply_tone(images: Tensor, params: ViewParams) -> Tensor:
    """Gamma, sharpness, autocontrast, equalise, posterise and solarise, in this order."""
    if params.gamma is not None:
        images = gamma(images, params.gamma)
    if params.sharpness is not None:
        images = sharpness(images, params.sharpness)
    if params.autocontrast is not None:
        images = _some(params.autocontrast, autocontrast(images), images)
    if params.equalise is not None:
        images = _some(params.equalise, equalise(images), images)
    if params.bits is not None:
        images = _some(params.bits < 8, posterise(images, params.bits), images)
    if params.threshold is not None:
        images = solarise(images, params.threshold)
    return images


def gamma(images: Tensor, exponent: Tensor) -> Tensor:
    """x ** exponent [N]; differentiable (at 0 the gradient is taken at 1e-6)."""
    return images.clamp(min=1e-6).pow(exponent.to(images.dtype).view(-1, 1, 1, 1))


def sharpness(images: Tensor, factor: Tensor) -> Tensor:
    """Away from a 3 x 3 smoothed image by factor [N]; the outermost pixels stay as they are."""
    kernel = torch.full((3, 3), 1 / 13, device=images.device, dtype=images.dtype)
    kernel[1, 1] = 5 / 13
    smooth = images.clone()
    if min(images.shape[2:]) > 2:
        smooth[:, :, 1:-1, 1:-1] = F.conv2d(images, kernel.expand(3, 1, 3, 3), groups=3)
    part = factor.to(images.dtype).view(-1, 1, 1, 1)
    return (smooth + part * (images - smooth)).clamp(0, 1)


def autocontrast(images: Tensor) -> Tensor:
    """Each channel stretched to [0, 1]; a channel of one value stays."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    flat = high <= low
    stretched = (images - low) / torch.where(flat, torch.ones_like(high), high - low)
    return torch.where(flat, images, stretched).clamp(0, 1)


def equalise(images: Tensor) -> Tensor:
    """Each channel's histogram of 256 levels made even by Pillow's integer rule."""
    n, channels, height, width = images.shape
    levels = levels_of(images).view(n * channels, -1)
    counts = torch.zeros(n * channels, 256, dtype=torch.int64, device=images.device)
    counts.scatter_add_(1, levels, torch.ones_like(levels))
    last = counts.gather(1, levels.amax(1, keepdim=True))  # pixels of the highest level
    step = (height * width - last) // 255
    below = counts.cumsum(1) - counts
    table = ((below + step // 2) // step.clamp(min=1)).clamp(0, 255)
    table = torch.where(step == 0, torch.arange(256, device=images.device), table)
    return (table.gather(1, levels).to(images.dtype) / 255).view_as(images)


def posterise(images: Tensor, bits: Tensor) -> Tensor:
    """Keep the highest bits [N] (0 to 8) of 256 levels."""
    unit = (2 ** (8 - bits)).view(-1, 1, 1, 1)
    levels = levels_of(images)
    return (levels - levels % unit).to(images.dtype) / 255


def solarise(images: Tensor, threshold: Tensor) -> Tensor:
    """Invert the values at or above threshold [N]; above 1 none."""
    return torch.where(images >= threshold.to(images.dtype).view(-1, 1, 1, 1), 1 - images, images)


def levels_of(images: Tensor) -> Tensor:
    """The nearest of 256 levels, int64."""
    return (images * 255).round().long().clamp_(0, 255)


def _some(mask: Tensor, changed: Tensor, images: Tensor) -> Tensor:
    return torch.where(mask.view(-1, 1, 1, 1), changed, images)
