"""What happens to each image of a batch: the parameters of all operations, factor by factor."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from vidcl.errors import VidclError

#: Fields of ``ViewParams`` that belong together: drawn, shared and drawn anew as one.
FACTORS: dict[str, tuple[str, ...]] = {
    "crop": ("box",),
    "flip": ("flip",),
    "turn": ("turns",),
    "affine": ("angle", "scale", "shear", "translation"),
    "texture": ("texture_kernel", "texture_share"),
    "color": ("color", "order"),
    "grey": ("grey",),
    "blur": ("sigma",),
    "tone": ("gamma", "sharpness", "autocontrast", "equalise", "bits", "threshold"),
    "randaugment": ("augment_op", "augment_value"),
    "occlusion": ("occlusion", "occlusion_color", "occluder"),
    "noise": ("noise", "noise_seed"),
}

#: Fields with regard to which a view has a useful gradient (HSV hue and the interior of RandAugment
#: excepted). The centre and size of the crop are the box.
DIFFERENTIABLE = ("box", "angle", "scale", "shear", "translation", "color", "gamma", "sigma")

#: Fields that choose, count, threshold or seed: no gradient passes to them. ``sharpness``,
#: ``texture_*``, ``noise`` and ``occlusion_color`` do pass one, but nothing relies on it.
NOT_DIFFERENTIABLE = (
    *("flip", "turns", "order", "grey", "autocontrast", "equalise", "bits", "threshold"),
    *("augment_op", "augment_value", "occlusion", "occluder", "noise_seed"),
)

#: Values at which a factor does nothing, whatever its other fields hold.
_IDLE = {
    "color": (1.0, 1.0, 1.0, 0.0),
    "texture_share": (0.0,),
    "occlusion": (0.0,) * 4,
    "noise": (0.0,),
}


@dataclass(frozen=True)
class ViewParams:
    """What happens to each of N images. A field is None where the recipe lacks the operation.

    Attributes:
        box: float [N, 4], the crop x0, y0, x1, y1 as shares of width and height.
        flip: bool [N], mirrored left and right.
        turns: int64 [N], quarter turns of the view, counter-clockwise, 0 to 3.
        angle: float [N], degrees about the crop's centre in the true image, counter-clockwise.
        scale: float [N], how much larger things appear (1 is none).
        shear: float [N, 2], degrees along x and y, as in ``torchvision``'s ``affine``.
        translation: float [N, 2], shift of the content as shares of the crop's width and height.
        aspect: float [N], true width over height of the image, needed by ``angle`` and ``shear``.
            It belongs to the image and to no factor.
        texture_kernel: float [N, 3, 3, K, K], a random convolution.
        texture_share: float [N] in [0, 1], its share of the result; 0 is none.
        color: float [N, 4], factors of brightness, contrast and saturation (1 is none) and the turn
            of the hue in [-0.5, 0.5] (0 is none).
        order: int64 [N, 4], the order of these four.
        grey: bool [N].
        sigma: float [N], standard deviation of the blur in pixels of the view; 0 is none.
        gamma: float [N], exponent; 1 is none.
        sharpness: float [N], 0 smooth, 1 none, 2 sharp.
        autocontrast, equalise: bool [N].
        bits: int64 [N], bits kept of every channel, 0 to 8; 8 is none.
        threshold: float [N], pixels at or above it are inverted; above 1 is none.
        augment_op: int64 [N, L], index into ``randaugment.OPERATIONS``; 0 is none.
        augment_value: float [N, L], in the operation's unit.
        occlusion: float [N, 4], x0, y0, x1, y1 as shares of the view; an empty box is none.
        occlusion_color: float [N, 3] in [0, 1]; None where another image covers.
        occluder: int64 [N], how many places further in the batch the covering image stands.
        noise: float [N], standard deviation of Gaussian noise on values in [0, 1]; 0 is none.
        noise_seed: int64 [N], decides the noise.
    """

    box: Tensor
    flip: Tensor | None = None
    turns: Tensor | None = None
    angle: Tensor | None = None
    scale: Tensor | None = None
    shear: Tensor | None = None
    translation: Tensor | None = None
    aspect: Tensor | None = None
    texture_kernel: Tensor | None = None
    texture_share: Tensor | None = None
    color: Tensor | None = None
    order: Tensor | None = None
    grey: Tensor | None = None
    sigma: Tensor | None = None
    gamma: Tensor | None = None
    sharpness: Tensor | None = None
    autocontrast: Tensor | None = None
    equalise: Tensor | None = None
    bits: Tensor | None = None
    threshold: Tensor | None = None
    augment_op: Tensor | None = None
    augment_value: Tensor | None = None
    occlusion: Tensor | None = None
    occlusion_color: Tensor | None = None
    occluder: Tensor | None = None
    noise: Tensor | None = None
    noise_seed: Tensor | None = None

    def __len__(self) -> int:
        return len(self.box)

    def __getitem__(self, index: slice | Tensor) -> "ViewParams":
        """Parameters of some of the images."""
        return ViewParams(**{name: value[index] for name, value in self.tensors().items()})

    def tensors(self) -> dict[str, Tensor]:
        """The fields that are there."""
        named = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: value for name, value in named if value is not None}

    def to(self, device: torch.device | str) -> "ViewParams":
        """The same parameters on a device."""
        moved = {name: v.to(device, non_blocking=True) for name, v in self.tensors().items()}
        return ViewParams(**moved)

    def replace(self, **values: Tensor) -> "ViewParams":
        """The same with some fields set."""
        return replace(self, **values)

    def share(self, other: "ViewParams", factors: Iterable[str]) -> "ViewParams":
        """The same with these factors' parameters taken from ``other`` (names: ``FACTORS``).

        Raises:
            VidclError: there is no such factor, or the two are of different numbers of images.
        """
        if len(other) != len(self):
            raise VidclError(
                f"Parameters of {len(other)} views cannot be shared with {len(self)}; draw both "
                f"for the same images."
            )
        taken = {name: getattr(other, name) for factor in factors for name in fields_of(factor)}
        return replace(self, **taken)

    def where(self, mask: Tensor, other: "ViewParams") -> "ViewParams":
        """This where ``mask`` (bool [N]) holds, ``other`` elsewhere; both of one recipe."""
        rest = other.tensors()
        return ViewParams(
            **{
                name: torch.where(mask.view(-1, *[1] * (value.ndim - 1)), value, rest[name])
                for name, value in self.tensors().items()
            }
        )

    def same(self, other: "ViewParams", factor: str) -> Tensor:
        """bool [N]: for which images a factor does the same (both not at all, for one)."""
        equal = torch.ones(len(self), dtype=torch.bool, device=self.box.device)
        idle = torch.zeros_like(equal)
        for name in fields_of(factor):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine is None or theirs is None:
                continue
            mine, theirs = mine.view(len(self), -1), theirs.view(len(self), -1)
            equal &= (mine == theirs).all(1)
            if name in _IDLE:
                off = torch.tensor(_IDLE[name], dtype=mine.dtype, device=mine.device)
                idle |= ((mine == off) & (theirs == off)).all(1)
        return equal | idle


def fields_of(factor: str) -> tuple[str, ...]:
    """The fields of a factor.

    Raises:
        VidclError: there is no such factor.
    """
    if factor not in FACTORS:
        raise VidclError(
            f"There is no factor {factor!r} of views; choose from {', '.join(FACTORS)}."
        )
    return FACTORS[factor]
