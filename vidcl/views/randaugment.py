"""RandAugment (Cubuk et al. 2020): some operations, drawn per image, one after the other.

Two sets of operations and magnitudes: torchvision's ``RandAugment`` and the
``rand-n2-m10-mstd0.5`` of timm that InfoMin (Tian et al. 2020) was published with, where each drawn
operation happens with probability 1/2, its magnitude is normal about M, cut at 10, and what moves
pixels is interpolated as Pillow does, bilinearly or bicubically at random.
"""

from typing import Literal

import torch
from torch import Tensor

from vidcl.views import color, pillow, tone
from vidcl.views.affine import warp_pixels

#: Operations that move pixels.
_MOVES = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")

#: Units of the values: rotate in degrees counter-clockwise; posterise in bits kept; solarise a
#: threshold and solarise_add an addend in [0, 1]; saturation, contrast, brightness and sharpness
#: factors; shear the tangent; translate a share of the side, to the right and down.
OPERATIONS = (
    *("identity", "autocontrast", "equalise", "invert", "rotate", "posterise", "solarise"),
    *("solarise_add", "saturation", "contrast", "brightness", "sharpness"),
    *("shear_x", "shear_y", "translate_x", "translate_y"),
    # as Pillow moves pixels: translations are not of whole pixels
    *(f"{name}_bilinear" for name in _MOVES),
    *(f"{name}_bicubic" for name in _MOVES),
)

#: torchvision's RandAugment has these and the identity.
TORCHVISION = tuple(op for op in OPERATIONS[:16] if op not in ("invert", "solarise_add"))
#: timm's has these; of those that move pixels the bilinear and the bicubic one.
TIMM = OPERATIONS[1:16]

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
    drawn = codes[chosen]
    if space == "timm":
        cubic = torch.rand(n, length, generator=generator, device=device) < 0.5
        for name in _MOVES:
            linear, curved = (OPERATIONS.index(f"{name}_{by}") for by in ("bilinear", "bicubic"))
            moved = torch.where(cubic, curved, linear)
            drawn = torch.where(drawn == OPERATIONS.index(name), moved, drawn)
    op = torch.where(applied, drawn, 0)
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
    if name in _MOVES:
        return warp_pixels(images, pixel_map(name, value, images.shape[-1]), fill)
    move, _, by = name.rpartition("_")
    if move in _MOVES:
        matrix = pixel_map(move, value, images.shape[-1], whole=False)
        cubic = torch.full_like(value, by == "bicubic", dtype=torch.bool)
        return pillow.transform(images, matrix, fill, cubic)
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


def pixel_map(name: str, value: Tensor, size: int, whole: bool = True) -> Tensor:
    """[N, 2, 3]: from places in the result to places in the image, in pixels.

    Rotation is about the centre, shear about the corner, as in Pillow and torchvision.

    Args:
        whole: translate by whole pixels, as torchvision does.
    """
    shift = (value * size).trunc() if whole else value * size
    one, zero = torch.ones_like(value), torch.zeros_like(value)
    if name == "rotate":
        cos, sin = torch.cos(torch.deg2rad(value)), torch.sin(torch.deg2rad(value))
        half = size / 2
        to_x, to_y = half - half * (cos - sin), half - half * (sin + cos)
        rows = (cos, -sin, to_x, sin, cos, to_y)
    elif name == "shear_x":
        rows = (one, value, zero, zero, one, zero)
    elif name == "shear_y":
        rows = (one, zero, zero, value, one, zero)
    elif name == "translate_x":
        rows = (one, zero, -shift, zero, one, zero)
    else:
        rows = (one, zero, zero, zero, one, -shift)
    return torch.stack(rows, 1).view(-1, 2, 3)
