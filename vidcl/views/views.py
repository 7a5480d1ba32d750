"""Batched views: draw parameters, then apply them; any parameter can be replayed or replaced."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from vidcl.views import color, warp
from vidcl.views.recipe import ViewConfig

#: Draws after which a crop that does not fit gives way to the largest central one (torchvision's).
ATTEMPTS = 10


@dataclass(frozen=True)
class ViewParams:
    """What happens to each of N images.

    Attributes:
        box: float [N, 4], the crop x0, y0, x1, y1 as shares of width and height.
        flip: bool [N].
        color: float [N, 4], factors of brightness, contrast and saturation (1 is none) and the turn
            of the hue in [-0.5, 0.5] (0 is none).
        order: int64 [N, 4], the order of these four.
        grey: bool [N].
        sigma: float [N], standard deviation of the blur in pixels of the view; 0 is none.
    """

    box: Tensor
    flip: Tensor
    color: Tensor
    order: Tensor
    grey: Tensor
    sigma: Tensor

    def __len__(self) -> int:
        return len(self.box)

    def __getitem__(self, index: slice | Tensor) -> "ViewParams":
        """Parameters of some of the images."""
        return ViewParams(*(getattr(self, field.name)[index] for field in fields(self)))

    def to(self, device: torch.device | str) -> "ViewParams":
        """The same parameters on a device."""
        moved = (getattr(self, f.name).to(device, non_blocking=True) for f in fields(self))
        return ViewParams(*moved)


class Views:
    """A recipe at work: ``views.apply(images, views.sample(n, generator))``."""

    def __init__(self, config: ViewConfig) -> None:
        self.config = config

    def sample(
        self,
        n: int,
        generator: torch.Generator,
        sizes: Tensor | None = None,
        crop_scale: Tensor | None = None,
    ) -> ViewParams:
        """Draw the parameters of ``n`` views, on the generator's device.

        Args:
            sizes: [N, 2], true width and height of each image before it was squared, so that crops
                have the wanted shape in the true image. None: the images are true squares.
            crop_scale: [N, 2], smallest and largest share of the area per image, instead of the
                recipe's.
        """
        config, device = self.config, generator.device

        def uniform(*shape: int) -> Tensor:
            return torch.rand(*shape, generator=generator, device=device)

        aspect = torch.ones(n, device=device)
        if sizes is not None:
            aspect = (sizes[:, 0] / sizes[:, 1]).to(device=device, dtype=torch.float32)
        if crop_scale is None:
            crop_scale = torch.tensor(config.crop_scale, device=device).expand(n, 2)
        box = random_boxes(uniform(n, ATTEMPTS, 4), aspect, crop_scale, config.crop_ratio)
        spread = torch.tensor(
            [config.brightness, config.contrast, config.saturation, config.hue], device=device
        )
        neutral = torch.tensor([1.0, 1.0, 1.0, 0.0], device=device)
        jittered = (uniform(n, 1) < config.jitter).float()
        low, high = config.blur_sigma
        return ViewParams(
            box=box,
            flip=uniform(n) < config.flip,
            color=neutral + jittered * spread * (2 * uniform(n, 4) - 1),
            order=uniform(n, 4).argsort(1),
            grey=uniform(n) < config.greyscale,
            sigma=(uniform(n) < config.blur) * (low + (high - low) * uniform(n)),
        )

    def apply(self, images: Tensor, params: ViewParams, dtype: torch.dtype | None = None) -> Tensor:
        """Images uint8 (0..255) or float (0..1) [N, 3, H, W] -> normalised float [N, 3, S, S].

        Differentiable in the images and in the box, colour and blur parameters.

        Args:
            dtype: of the resampling's products, by default that of the parameters. bfloat16 halves
                the time and errs by up to 2 of 255 levels.
        """
        config, full = self.config, params.box.dtype
        start = color.identity(len(params), params.sigma)
        if not images.is_floating_point():  # the step from 255 to 1 joins the colour map
            start = color.brightness(torch.full_like(params.sigma, 1 / 255))
        out = warp.crop_resize(images.to(dtype or full), params.box, params.flip, config.size).to(
            full
        )
        if config.greyscale and config.greyscale_first:
            start = color.greyscale(params.grey, out) @ start
        total = start
        if config.jitter:
            total = color.jitter(params.color, params.order, out.mean((2, 3)), start)
        if config.greyscale and not config.greyscale_first:
            total = color.greyscale(params.grey, out) @ total
        out = color.apply_color(out, total).clamp(0.0, 1.0)
        if config.blur:
            radius = min(config.size - 1, max(1, round(3 * config.blur_sigma[1])))
            out = warp.blur(out, params.sigma, radius)
        return color.normalise(out, config.mean, config.std)


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
