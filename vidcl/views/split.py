"""Views that show one part of an image each: colour channels, or low and high frequencies.

Tian et al. 2020 (InfoMin), sections 4.1 and appendix: the fewer facts two parts share, the less the
views tell about each other. The paper gives each part an encoder of its own with as many channels
as the part has. Here one encoder sees both: what a view does not show is put to its neutral value,
so that either part is an image with three channels.
"""

import torch
from torch import Tensor

from vidcl.views.blur import blur
from vidcl.views.color import GREY, constant
from vidcl.views.lab import lab_to_rgb, rgb_to_lab
from vidcl.views.recipe import ViewConfig

#: Neutral luma, lightness (of 100) and value of a part that shows colour alone.
_LUMA, _LIGHTNESS, _VALUE = 0.5, 50.0, 0.5


def split_view(views: Tensor, part: int, config: ViewConfig) -> Tensor:
    """What one of the two views shows of a finished view, by ``config.split``:

    - ``r_gb``: red | green and blue; other channels at ``config.mean``.
    - ``y_dbdr``: luma as grey | colour at luma 0.5. YUV and YIQ have the same parts.
    - ``l_ab``: lightness of CIELAB as grey | a and b at lightness 50, cut to what RGB can show.
    - ``h_sv``: hue at full saturation and value (grey has the hue of red) | saturation and value of
      a red.
    - ``v_hs``: value as grey | hue and saturation at value 0.5.
    - ``frequency``: blurred with ``config.split_sigma`` | what the blur took away, about
      ``config.mean``; as normalised, the two parts sum to the view.
    - ``none``: the view itself, the very tensor.

    Differentiable; with no useful gradient in hue and saturation at grey.

    Args:
        views: float [N, 3, H, W], normalised with ``config.mean`` and ``config.std``.
        part: 0 (left of the bar; the query) or 1 (right of it; the keys).

    Returns:
        float [N, 3, H, W], normalised alike. Values out of [0, 1], as noise leaves them, are
        cut before ``l_ab``, ``h_sv`` and ``v_hs``.

    Raises:
        ValueError: ``part`` is neither 0 nor 1.
    """
    if part not in (0, 1):
        raise ValueError(f"a view shows part 0 or 1 of an image, not {part}")
    if config.split == "none":
        return views
    if config.split == "r_gb":
        shown = constant((1.0, 0.0, 0.0) if part == 0 else (0.0, 1.0, 1.0), views)
        return views * shown.view(3, 1, 1)
    if config.split == "frequency":
        low = _blurred(views, config.split_sigma)
        return low if part == 0 else views - low
    mean = constant(config.mean, views).view(3, 1, 1)
    std = constant(config.std, views).view(3, 1, 1)
    return (_colour_part(views * std + mean, part, config.split) - mean) / std


def _blurred(views: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of [N, 3, H, W], cut off at three sigma."""
    radius = min(min(views.shape[2:]) - 1, max(1, round(3 * sigma)))
    return blur(views, torch.full_like(views[:, 0, 0, 0], sigma), radius)


def _colour_part(images: Tensor, part: int, split: str) -> Tensor:
    """Of images in [0, 1]."""
    if split == "y_dbdr":
        luma = (images * constant(GREY, images).view(3, 1, 1)).sum(1, keepdim=True)
        luma = luma / sum(GREY)
        return luma.expand_as(images) if part == 0 else images - luma + _LUMA
    images = images.clamp(0.0, 1.0)
    if split == "l_ab":
        lightness, a, b = rgb_to_lab(images).split(1, 1)
        if part == 0:
            return lab_to_rgb(torch.cat([lightness, torch.zeros_like(a), torch.zeros_like(b)], 1))
        return lab_to_rgb(torch.cat([torch.full_like(lightness, _LIGHTNESS), a, b], 1))
    value, low = images.amax(1, keepdim=True), images.amin(1, keepdim=True)
    if split == "v_hs":
        if part == 0:
            return value.expand_as(images)
        return images / value.clamp(min=1e-6) * _VALUE + (value < 1e-6) * _VALUE
    if part == 1:  # saturation and value with the hue of red
        return torch.cat([value, low, low], 1)
    return _pure_hue(images, value - low)


def _pure_hue(images: Tensor, spread: Tensor) -> Tensor:
    """The same hue at full saturation and value; red where there is none."""
    low = images.amin(1, keepdim=True)
    red = constant((1.0, 0.0, 0.0), images).view(1, 3, 1, 1)
    grey = spread < 1e-6
    return torch.where(grey, red, (images - low) / torch.where(grey, 1.0, spread))
