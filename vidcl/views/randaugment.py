"""RandAugment (Cubuk et al. 2020): some operations, drawn per image, one after the other.

Two sets of operations and magnitudes: torchvision's ``RandAugment`` and the
``rand-n2-m10-mstd0.5`` of timm that InfoMin (Tian et al. 2020) was published with, where each drawn
operation happens with probability 1/2 and its magnitude is normal about M, cut at 10.
"""

from typing import Literal

import torch
from torch import Tensor

from vidcl.views import color, tone
from vidcl.views.affine import warp_pixels

#: Units of the values: rotate in degrees counter-clockwise; posterise in bits kept; solarise a
#: threshold and solarise_add an addend in [0, 1]; saturation, contrast, brightness and sharpness
#: factors; shear the tangent; translate a share of the side, to the right and down.
OPERATIONS = (
    *("identity", "autocontrast", "equalise", "invert", "rotate", "posterise", "solarise"),
    *("solarise_add", "saturation", "contrast", "brightness", "sharpness"),
    *("shear_x", "shear_y", "translate_x", "translate_y"),
)

#: torchvision's RandAugment has these and the identity.
TORCHVISION = tuple(op for op in OPERATIONS if op not in ("invert", "solarise_add"))
#: timm's has these.
TIMM = OPERATIONS[1:]

#: Operations whose value has a random sign.
_SIGNED = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")
_FACTORS = ("saturation", "contrast", "brightness", "sharpness")


def draw_augment(
    n: int,
    space: Literal["torchvision", "timm"],
    length: int,
    magnitude: float,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Operations int64 [N, length] and their values [N, length]."""
    device = generator.device
    names = TORCHVISION if space == "torchvision" else TIMM
    codes = torch.tensor([OPERATIONS.index(name) for name in names], device=device)
    chosen = torch.randint(len(names), (n, length), generator=generator, device=device)
    sign = 1 - 2.0 * (torch.rand(n, length, generator=generator, device=device) < 0.5)
    if space == "torchvision":
        level = torch.full((n, length), float(round(magnitude)), device=device)
        applied = torch.ones(n, length, dtype=torch.bool, device=device)
    else:
        level = magnitude + 0.5 * torch.randn(n, length, generator=generator, device=device)
        level = level.clamp(0, 10)
        applied = torch.rand(n, length, generator=generator, device=device) < 0.5
    values = torch.stack([value_of(name, space, level, sign) for name in names], 2)
    values = values.gather(2, chosen.unsqueeze(2)).squeeze(2)
    op = torch.where(applied, codes[chosen], 0)
    return op, torch.where(op > 0, values, 0.0)


def value_of(name: str, space: str, level: Tensor, sign: Tensor) -> Tensor:
    """An operation's value at a level: of 0 to 30 (torchvision) or 0 to 10 (timm)."""
    part = level / (30 if space == "torchvision" else 10)
    if name == "rotate":
        return sign * 30 * part
    if name in ("shear_x", "shear_y"):
        return sign * 0.3 * part
    if name in ("translate_x", "translate_y"):
        return sign * (150 / 331 if space == "torchvision" else 0.45) * part
    if name in _FACTORS:
        return 1 + sign * 0.9 * part if space == "torchvision" else 0.1 + 1.8 * part
    if name == "posterise":
        return 8 - (4 * part).round() if space == "torchvision" else (4 * part).floor()
    if name == "solarise":
        return 1 - part if space == "torchvision" else (256 * part).floor() / 255
    if name == "solarise_add":
        return (110 * part).floor() / 255
    return torch.zeros_like(level)


def apply_augment(images: Tensor, op: Tensor, value: Tensor, fill: tuple[float, ...]) -> Tensor:
    """Each image through its own operations.

    Args:
        images: float [N, 3, S, S] in [0, 1].
        op, value: [N, L], from ``draw_augment``.
        fill: the colour that enters at the edges.
    """
    for place in range(op.shape[1]):
        for code, name in enumerate(OPERATIONS):
            which = (op[:, place] == code).nonzero().squeeze(1)
            if code and len(which):
                some = images.index_select(0, which)
                changed = apply_operation(name, some, value[which, place], fill)
                images = images.index_copy(0, which, changed)
    return images


def apply_operation(name: str, images: Tensor, value: Tensor, fill: tuple[float, ...]) -> Tensor:
    """One of ``OPERATIONS`` on [N, 3, S, S] in [0, 1] with a value [N] per image."""
    value = value.to(images.dtype)
    if name in ("rotate", "shear_x", "shear_y", "translate_x", "translate_y"):
        return warp_pixels(images, pixel_map(name, value, images.shape[-1]), fill)
    if name == "autocontrast":
        return tone.autocontrast(images)
    if name == "equalise":
        return tone.equalise(images)
    if name == "invert":
        return 1 - images
    if name == "posterise":
        return tone.posterise(images, value.long())
    if name == "solarise":
        return tone.solarise(images, value)
    if name == "solarise_add":
        raised = (images + value.view(-1, 1, 1, 1)).clamp(max=1)
        return torch.where(images < 128 / 255, raised, images)
    if name == "sharpness":
        return tone.sharpness(images, value)
    if name == "saturation":
        matrix = color.saturation(value)
    elif name == "contrast":
        luma = torch.tensor(color.GREY, device=images.device, dtype=images.dtype)
        matrix = color.contrast(value, images.mean((2, 3)) @ luma)
    elif name == "brightness":
        matrix = color.brightness(value)
    else:
        return images
    return color.apply_color(images, matrix).clamp(0, 1)


def pixel_map(name: str, value: Tensor, size: int) -> Tensor:
    """[N, 2, 3]: from places in the result to places in the image, in pixels.

    Rotation is about the centre, shear about the corner, as in Pillow and torchvision.
    """
    one, zero = torch.ones_like(value), torch.zeros_like(value)
    if name == "rotate":
        cos, sin = torch.cos(torch.deg2rad(value)), torch.sin(torch.deg2rad(value))
        half = size / 2
        shift = half - half * (cos - sin), half - half * (sin + cos)
        rows = (cos, -sin, shift[0], sin, cos, shift[1])
    elif name == "shear_x":
        rows = (one, value, zero, zero, one, zero)
    elif name == "shear_y":
        rows = (one, zero, zero, value, one, zero)
    elif name == "translate_x":
        rows = (one, zero, -(value * size).trunc(), zero, one, zero)
    else:
        rows = (one, zero, zero, zero, one, -(value * size).trunc())
    return torch.stack(rows, 1).view(-1, 2, 3)
