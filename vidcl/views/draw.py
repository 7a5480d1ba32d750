"""Drawing parameters of views, one function per factor."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vidcl.views.boxes import ATTEMPTS, cover_boxes, random_boxes
from vidcl.views.randaugment import draw_augment
from vidcl.views.recipe import ViewConfig

Fields = dict[str, Tensor]


@dataclass(frozen=True)
class Draw:
    """What is drawn for: n images of a recipe, with their shapes.

    Attributes:
        aspect: [N], true width over height.
        crop_scale: [N, 2], smallest and largest share of the area.
    """

    config: ViewConfig
    n: int
    generator: torch.Generator
    aspect: Tensor
    crop_scale: Tensor

    def repeat(self, times: int) -> "Draw":
        """The same images so many times over."""
        aspect, scale = self.aspect.repeat(times), self.crop_scale.repeat(times, 1)
        return replace(self, n=self.n * times, aspect=aspect, crop_scale=scale)

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=self.generator, device=self.generator.device)

    def happens(self, probability: float) -> Tensor:
        """bool [N]."""
        return self.uniform(self.n) < probability

    def around(self, spread: tuple[float, ...]) -> Tensor:
        """[N, len(spread)], even in +- spread."""
        limits = torch.tensor(spread, device=self.generator.device)
        return limits * (2 * self.uniform(self.n, len(spread)) - 1)

    def between(self, ends: tuple[float, float]) -> Tensor:
        """[N], even in its logarithm."""
        low, high = torch.log(torch.tensor(ends, device=self.generator.device))
        return torch.exp(low + (high - low) * self.uniform(self.n))


def draw(to: Draw) -> Fields:
    """All parameters of a recipe.

    The numbers of crop, flip, jitter, grey and blur come first, always all and in one order, so
    that a run repeats whatever other operations join the recipe later.
    """
    config = to.config
    fields = draw_crop(to)
    jittered = to.uniform(to.n, 1) < config.jitter
    fields |= draw_flip(to) | draw_color(to, jittered) | draw_grey(to) | draw_blur(to)
    for factor in ("turn", "affine", "texture", "tone", "randaugment", "occlusion", "noise"):
        fields |= FACTOR_DRAWS[factor](to)
    return fields


def draw_crop(to: Draw) -> Fields:
    draws = to.uniform(to.n, ATTEMPTS, 4)
    return {"box": random_boxes(draws, to.aspect, to.crop_scale, to.config.crop_ratio)}


def draw_flip(to: Draw) -> Fields:
    flip = to.happens(to.config.flip)
    return {"flip": flip} if to.config.flip else {}


def draw_color(to: Draw, jittered: Tensor | None = None) -> Fields:
    """``jittered``: bool [N, 1], which images; drawn where it is not given."""
    config = to.config
    if jittered is None:
        jittered = to.uniform(to.n, 1) < config.jitter
    spread = (config.brightness, config.contrast, config.saturation, config.hue)
    limits = torch.tensor(spread, device=to.generator.device)
    neutral = torch.tensor([1.0, 1.0, 1.0, 0.0], device=to.generator.device)
    color = neutral + jittered.float() * limits * (2 * to.uniform(to.n, 4) - 1)
    order = to.uniform(to.n, 4).argsort(1)
    return {"color": color, "order": order} if config.jitter else {}


def draw_grey(to: Draw) -> Fields:
    grey = to.happens(to.config.greyscale)
    return {"grey": grey} if to.config.greyscale else {}


def draw_blur(to: Draw) -> Fields:
    low, high = to.config.blur_sigma
    sigma = to.happens(to.config.blur) * (low + (high - low) * to.uniform(to.n))
    return {"sigma": sigma} if to.config.blur else {}


def draw_turn(to: Draw) -> Fields:
    if not to.config.turn:
        return {}
    turns = 1 + (3 * to.uniform(to.n)).long().clamp_(max=2)
    return {"turns": turns * to.happens(to.config.turn)}


def draw_affine(to: Draw) -> Fields:
    config = to.config
    if not config.affine:
        return {}
    on = to.happens(config.affine).float()
    return {
        "angle": on * to.around((config.rotation,)).squeeze(1),
        "scale": torch.where(on > 0, to.between(config.scale), 1.0),
        "shear": on[:, None] * to.around(config.shear),
        "translation": on[:, None] * to.around(config.translation),
    }


def draw_texture(to: Draw) -> Fields:
    config, side = to.config, to.config.texture_size
    if not config.texture:
        return {}
    shape, device = (to.n, 3, 3, side, side), to.generator.device
    kernel = torch.randn(shape, generator=to.generator, device=device) / (3**0.5 * side)
    share = to.happens(config.texture) * to.uniform(to.n)
    return {"texture_kernel": kernel, "texture_share": share}


def draw_tone(to: Draw) -> Fields:
    config, fields = to.config, {}
    if config.gamma:
        exponent = to.between(config.gamma_range)
        fields["gamma"] = torch.where(to.happens(config.gamma), exponent, 1.0)
    if config.sharpness:
        low, high = config.sharpness_range
        factor = low + (high - low) * to.uniform(to.n)
        fields["sharpness"] = torch.where(to.happens(config.sharpness), factor, 1.0)
    if config.autocontrast:
        fields["autocontrast"] = to.happens(config.autocontrast)
    if config.equalise:
        fields["equalise"] = to.happens(config.equalise)
    if config.posterise:
        fields["bits"] = torch.where(to.happens(config.posterise), config.posterise_bits, 8)
    if config.solarise:
        # 2 lies above every value
        fields["threshold"] = torch.where(
            to.happens(config.solarise), config.solarise_threshold, 2.0
        )
    return fields


def draw_randaugment(to: Draw) -> Fields:
    config = to.config
    if config.randaugment == "none":
        return {}
    length, magnitude = config.randaugment_length, config.randaugment_magnitude
    op, value = draw_augment(to.n, config.randaugment, length, magnitude, to.generator)
    return {"augment_op": op, "augment_value": value}


def draw_occlusion(to: Draw) -> Fields:
    config = to.config
    if not config.occlusion:
        return {}
    box = cover_boxes(to.uniform(to.n, 4), config.occlusion_area, config.occlusion_ratio)
    fields = {"occlusion": box * to.happens(config.occlusion)[:, None]}
    if config.occlusion_by == "view":
        further = 1 + (max(to.n - 1, 1) * to.uniform(to.n)).long().clamp_(max=max(to.n - 2, 0))
        fields["occluder"] = further
    elif config.occlusion_by == "color":
        fields["occlusion_color"] = to.uniform(to.n, 3)
    else:
        mean = torch.tensor(config.mean, device=to.generator.device)
        fields["occlusion_color"] = mean.repeat(to.n, 1)
    return fields


def draw_noise(to: Draw) -> Fields:
    config = to.config
    if not config.noise:
        return {}
    low, high = config.noise_std
    std = to.happens(config.noise) * (low + (high - low) * to.uniform(to.n))
    device = to.generator.device
    seed = torch.randint(2**62, (to.n,), generator=to.generator, device=device)
    return {"noise": std, "noise_seed": seed}


#: How each factor is drawn.
FACTOR_DRAWS: dict[str, Callable[[Draw], Fields]] = {
    "crop": draw_crop,
    "flip": draw_flip,
    "turn": draw_turn,
    "affine": draw_affine,
    "texture": draw_texture,
    "color": draw_color,
    "grey": draw_grey,
    "blur": draw_blur,
    "tone": draw_tone,
    "randaugment": draw_randaugment,
    "occlusion": draw_occlusion,
    "noise": draw_noise,
}
