"""Batched views: draw parameters, then apply them; any parameter can be replayed or replaced."""

from collections.abc import Iterable

import torch
from torch import Tensor

from vidcl.errors import VidclError
from vidcl.views import bands, color, fused
from vidcl.views.blur import blur
from vidcl.views.cover import occlude
from vidcl.views.draw import FACTOR_DRAWS, Draw, draw
from vidcl.views.geometry import look
from vidcl.views.hsv import jitter_hsv
from vidcl.views.noise import add_noise
from vidcl.views.params import ViewParams, fields_of
from vidcl.views.randaugment import apply_augment
from vidcl.views.recipe import ViewConfig
from vidcl.views.texture import randomise_texture
from vidcl.views.tone import apply_tone
from vidcl.views.vary import vary

#: Pixels of the images, or of their views, that are worked on at once on a CPU: what stays in its
#: cache from one operation to the next, and in freed memory from one batch to the next.
_CHUNK = 16 * 3 * 256 * 256

#: Draws after which a factor that shall differ is taken to have one value alone.
_DISTINCT_ATTEMPTS = 200


def _scale(images: Tensor) -> float:
    """The largest value of images of this kind."""
    return 1.0 if images.is_floating_point() else 255.0


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

    def vary(
        self,
        params: ViewParams,
        names: Iterable[str],
        times: int,
        generator: torch.Generator,
        sizes: Tensor | None = None,
        crop_scale: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """How some parameters might have been drawn instead, [times, N, ...] by name.

        Whether an operation happens to an image stays as it is, and with it all parameters of an
        image that it does not happen to.

        Args:
            names: fields of ``params.DIFFERENTIABLE``.
            sizes, crop_scale: as in ``sample``; needed for ``box``.

        Raises:
            VidclError: such a parameter is not differentiable, or the recipe lacks its operation.
        """
        to = self._draw(len(params), generator, sizes, crop_scale).repeat(times)
        return {name: vary(params, name, to).unflatten(0, (times, -1)) for name in names}

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
                time and errs by up to 2 of 255 levels; in chunks on a CPU it would save none, and
                the sums are of the parameters' dtype.
        """
        if self._quick(images, params):
            out = self._in_chunks(images, params)
        else:
            out = self._back(self._front(images, params, dtype or params.box.dtype, False), params)
        if self._normalised_early(params):
            return out
        if params.occlusion is not None:
            out = occlude(out, params.occlusion, params.occlusion_color, params.occluder)
        if params.noise is not None and params.noise_seed is not None:
            out = add_noise(out, params.noise, params.noise_seed)
        return color.normalise(out, self.config.mean, self.config.std)

    def _in_chunks(self, images: Tensor, params: ViewParams) -> Tensor:
        """All that each image goes through by itself, on a CPU without gradients: [N, 3, S, S]."""
        size, full = self.config.size, params.box.dtype
        fusible = self._fusible(params)
        shape = (len(images), 3, size, size)
        out = self._fused(images, params) if fusible else torch.empty(shape, dtype=full)
        if fusible and self._normalised_early(params):
            return out
        step = max(1, _CHUNK // (3 * max(images.shape[2] * images.shape[3], size * size)))
        for start in range(0, len(images), step):
            part = slice(start, start + step)
            views = out[part] if fusible else self._front(images[part], params[part], full, True)
            out[part] = self._back(views, params[part])
        return out

    def _fusible(self, params: ViewParams) -> bool:
        """Whether ``fused`` knows all that comes before tone and RandAugment."""
        others = (params.angle, params.turns, params.texture_kernel)
        linear = params.color is None or self.config.hue_space == "yiq"
        return linear and all(value is None for value in others)

    def _fused(self, images: Tensor, params: ViewParams) -> Tensor:
        total, bounds = self._finish(self._jitter(params, _scale(images)), params)
        return fused.front(
            images,
            params.box,
            params.flip,
            total,
            bounds,
            params.sigma,
            self._radius,
            self.config.size,
        )

    @property
    def _radius(self) -> int:
        """Of the blur."""
        radius = self.config.blur_radius or max(1, round(3 * self.config.blur_sigma[1]))
        return min(self.config.size - 1, radius)

    def _front(self, images: Tensor, params: ViewParams, dtype: torch.dtype, quick: bool) -> Tensor:
        """Geometry, texture, colour and blur: [N, 3, S, S]."""
        config, full, scale = self.config, params.box.dtype, _scale(images)
        out = look(images, params, config.size, config.fill, scale, dtype, quick).to(full)
        if params.texture_kernel is not None and params.texture_share is not None:
            out = randomise_texture(out / scale, params.texture_kernel, params.texture_share)
            scale = 1.0
        out = self._color(out, params, scale)
        if params.sigma is None:
            return out
        return (bands.blur if quick else blur)(out, params.sigma, self._radius)

    def _back(self, views: Tensor, params: ViewParams) -> Tensor:
        """Tone, RandAugment and a last greyscale."""
        out = apply_tone(views, params)
        if params.augment_op is not None and params.augment_value is not None:
            out = apply_augment(out, params.augment_op, params.augment_value, self.config.fill)
        if self.config.greyscale_last and params.grey is not None:
            out = color.apply_color(out, color.greyscale(params.grey, out)).clamp(0.0, 1.0)
        return out

    def _color(self, images: Tensor, params: ViewParams, scale: float) -> Tensor:
        """Values up to ``scale`` through jitter, greyscale and, if early, normalisation."""
        if params.color is None or params.order is None or self.config.hue_space == "yiq":
            total = color.at_mean(self._jitter(params, scale), images)
        else:
            start = self._start(params, scale)
            images = jitter_hsv(images, params.color, params.order, start)
            total = color.identity(len(images), images)
        total, bounds = self._finish(total, params)
        return color.clamp_channels(color.apply_color(images, total), bounds)

    def _start(self, params: ViewParams, scale: float) -> Tensor:
        """From values up to ``scale`` to [0, 1], and greyscale where it is first: [N, 4, 4]."""
        start = color.brightness(torch.full_like(params.box[:, 0], 1 / scale))
        if self.config.greyscale_first and params.grey is not None:
            start = color.greyscale(params.grey, start) @ start
        return start

    def _jitter(self, params: ViewParams, scale: float) -> Tensor:
        """Start and linear jitter: a map [N, 4, 4] or [N, 4, 7]."""
        start = self._start(params, scale)
        if params.color is None or params.order is None:
            return start
        return color.jitter(params.color, params.order, start)

    def _finish(
        self, total: Tensor, params: ViewParams
    ) -> tuple[Tensor, list[tuple[float, float]]]:
        """The map followed by greyscale and normalisation, and the bounds of the clamp after it."""
        config = self.config
        between = not config.greyscale_first and not config.greyscale_last
        if between and params.grey is not None:
            total = color.greyscale(params.grey, total) @ total
        if self._normalised_early(params):
            return color.normalisation(total, config.mean, config.std)
        return total, [(0.0, 1.0)] * 3

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
