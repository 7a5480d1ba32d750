"""Batched views: draw parameters, then apply them; any parameter can be replayed or replaced."""

from collections.abc import Iterable

import torch
from torch import Tensor

from vidcl.errors import VidclError
from vidcl.views import bands, color
from vidcl.views.blur import blur
from vidcl.views.cover import occlude
from vidcl.views.draw import FACTOR_DRAWS, Draw, draw
from vidcl.views.geometry import look
from vidcl.views.hsv import shift_hue
from vidcl.views.noise import add_noise
from vidcl.views.params import ViewParams, fields_of
from vidcl.views.randaugment import apply_augment
from vidcl.views.recipe import ViewConfig
from vidcl.views.texture import randomise_texture
from vidcl.views.tone import apply_tone

#: Pixels of the images, or of their views, that are worked on at once on a CPU: what stays in its
#: cache from one operation to the next, and in freed memory from one batch to the next.
_CHUNK = 16 * 3 * 256 * 256

#: Draws after which a factor that shall differ is taken to have one value alone.
_DISTINCT_ATTEMPTS = 200


def _hsv_jitter(
    images: Tensor, factors: Tensor, order: Tensor, start: Tensor
) -> tuple[Tensor, Tensor]:
    """The jitter with a hue that is no linear map.

    Returns:
        The images after what comes up to the hue, and the map [N, 4, 4] of the rest.
    """
    still = torch.tensor([1.0, 1.0, 1.0, 0.0], device=factors.device, dtype=factors.dtype)
    place = order.argsort(1)  # of each operation in the image's order
    before = torch.where(place < place[:, 3:], factors, still)
    after = torch.where(place > place[:, 3:], factors, still)
    first = color.jitter(before, order, images.mean((2, 3)), start)
    images = shift_hue(color.apply_color(images, first).clamp(0.0, 1.0), factors[:, 3])
    none = color.identity(len(factors), images)
    return images, color.jitter(after, order, images.mean((2, 3)), none)


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
                have the wanted shape, and rotations their angle, in the true image. None: the
                images are true squares.
            crop_scale: [N, 2], smallest and largest share of the area per image, instead of the
                recipe's.
        """
        to = self._draw(n, generator, sizes, crop_scale)
        fields = draw(to)
        if "angle" in fields:
            fields["aspect"] = to.aspect
        return ViewParams(**fields)

    def redraw(
        self,
        params: ViewParams,
        factors: Iterable[str],
        generator: torch.Generator,
        sizes: Tensor | None = None,
        crop_scale: Tensor | None = None,
        distinct: bool = False,
    ) -> ViewParams:
        """The same parameters with some factors (``params.FACTORS``) drawn anew.

        Args:
            sizes, crop_scale: as in ``sample``; needed where the crop is drawn anew.
            distinct: no image keeps its value of any of these factors: each is drawn from the
                recipe given that it differs. Otherwise one in four quarter turns would repeat.

        Raises:
            VidclError: there is no such factor, or it has one value alone and shall differ.
        """
        to = self._draw(len(params), generator, sizes, crop_scale)
        for factor in factors:
            names = fields_of(factor)  # before it is looked up: says which there are
            new = params.replace(**FACTOR_DRAWS[factor](to))
            if distinct:
                new = self._differing(params, new, factor, to)
            params = params.replace(**{name: getattr(new, name) for name in names})
        return params

    def _differing(self, params: ViewParams, new: ViewParams, factor: str, to: Draw) -> ViewParams:
        """``new`` drawn again where it does what ``params`` does."""
        for _ in range(_DISTINCT_ATTEMPTS):
            equal = new.same(params, factor)
            if not equal.any():
                return new
            new = params.replace(**FACTOR_DRAWS[factor](to)).where(equal, new)
        raise VidclError(
            f"The factor {factor!r} of these views cannot differ: give the recipe more than one "
            f"value of it."
        )

    def apply(self, images: Tensor, params: ViewParams, dtype: torch.dtype | None = None) -> Tensor:
        """Images uint8 (0..255) or float (0..1) [N, 3, H, W] -> normalised float [N, 3, S, S].

        A pure function. Differentiable in the images and in ``params.DIFFERENTIABLE``. On a CPU and
        where no gradient is asked for, the batch is worked on in chunks and resampled by
        ``bands``; the result is the same to rounding.

        Args:
            dtype: of the resampling's products, by default that of the parameters. bfloat16 saves
                time and errs by up to 2 of 255 levels; in chunks on a CPU it stands for float16,
                which also sums the blur and errs by a quarter of a level.
        """
        if self._quick(images, params):
            full = dtype in (None, torch.float32, torch.float64)
            sums = params.box.dtype if full else torch.float16
            size = self.config.size
            area = 3 * max(images.shape[2] * images.shape[3], size * size)
            step = max(1, _CHUNK // area)
            out = torch.empty(len(images), 3, size, size, dtype=params.box.dtype)
            for start in range(0, len(images), step):
                part = slice(start, start + step)
                out[part] = self._look(images[part], params[part], sums, True)
        else:
            out = self._look(images, params, dtype or params.box.dtype, False)
        if self._normalised_early(params):
            return out
        if params.occlusion is not None:
            out = occlude(out, params.occlusion, params.occlusion_color, params.occluder)
        if params.noise is not None and params.noise_seed is not None:
            out = add_noise(out, params.noise, params.noise_seed)
        return color.normalise(out, self.config.mean, self.config.std)

    def _look(self, images: Tensor, params: ViewParams, dtype: torch.dtype, quick: bool) -> Tensor:
        """All that each image goes through by itself: [N, 3, S, S]."""
        config, full = self.config, params.box.dtype
        scale = 1.0 if images.is_floating_point() else 255.0
        out = look(images, params, config.size, config.fill, scale, dtype, quick).to(full)
        if params.texture_kernel is not None and params.texture_share is not None:
            out = randomise_texture(out / scale, params.texture_kernel, params.texture_share)
            scale = 1.0
        out = self._color(out, params, scale)
        if params.sigma is not None:
            radius = config.blur_radius or max(1, round(3 * config.blur_sigma[1]))
            radius = min(config.size - 1, radius)
            if quick:
                out = bands.blur(out, params.sigma, radius, dtype)
            else:
                out = blur(out, params.sigma, radius)
        out = apply_tone(out, params)
        if params.augment_op is not None and params.augment_value is not None:
            out = apply_augment(out, params.augment_op, params.augment_value, config.fill)
        if config.greyscale_last and params.grey is not None:
            out = color.apply_color(out, color.greyscale(params.grey, out)).clamp(0.0, 1.0)
        return out

    def _color(self, images: Tensor, params: ViewParams, scale: float) -> Tensor:
        """Values up to ``scale`` through jitter and greyscale, clamped to [0, 1]; normalised where
        nothing follows that is not linear."""
        config = self.config
        # the step from 255 to 1 joins the map
        start = color.brightness(torch.full_like(params.box[:, 0], 1 / scale))
        grey = None if params.grey is None else color.greyscale(params.grey, images)
        if grey is not None and config.greyscale_first:
            start = grey @ start
        total = start
        if params.color is not None and params.order is not None:
            if config.hue_space == "hsv":
                images, total = _hsv_jitter(images, params.color, params.order, start)
            else:
                total = color.jitter(params.color, params.order, images.mean((2, 3)), start)
        if grey is not None and not config.greyscale_first and not config.greyscale_last:
            total = grey @ total
        if not self._normalised_early(params):
            return color.apply_color(images, total).clamp(0.0, 1.0)
        total, bounds = color.normalisation(total, config.mean, config.std)
        return color.clamp_channels(color.apply_color(images, total), bounds)

    def _normalised_early(self, params: ViewParams) -> bool:
        """Whether all that follows the colour map is the blur, which normalisation may precede."""
        later = (*fields_of("tone"), "augment_op", "occlusion", "noise")
        grey_last = self.config.greyscale_last and params.grey is not None
        return not grey_last and all(getattr(params, name) is None for name in later)

    def _quick(self, images: Tensor, params: ViewParams) -> bool:
        if images.device.type != "cpu":
            return False
        wanted = images.requires_grad or any(v.requires_grad for v in params.tensors().values())
        return not (wanted and torch.is_grad_enabled())

    def _draw(
        self,
        n: int,
        generator: torch.Generator,
        sizes: Tensor | None,
        crop_scale: Tensor | None,
    ) -> Draw:
        device = generator.device
        aspect = torch.ones(n, device=device)
        if sizes is not None:
            aspect = (sizes[:, 0] / sizes[:, 1]).to(device=device, dtype=torch.float32)
        if crop_scale is None:
            crop_scale = torch.tensor(self.config.crop_scale, device=device).expand(n, 2)
        return Draw(self.config, n, generator, aspect, crop_scale)
