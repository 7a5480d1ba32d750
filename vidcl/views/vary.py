"""Continuous parameters of a view drawn anew, where their operation happens."""

from dataclasses import replace

import torch
from torch import Tensor

from vidcl.errors import VidclError
from vidcl.views.draw import FACTOR_DRAWS, Draw
from vidcl.views.params import DIFFERENTIABLE, FACTORS, ViewParams

#: Differentiable parameter -> the setting that is the probability of its operation, and the value
#: at which the operation does not happen. A crop always happens.
_HAPPENS: dict[str, tuple[str, tuple[float, ...]]] = {
    "color": ("jitter", (1.0, 1.0, 1.0, 0.0)),
    "gamma": ("gamma", (1.0,)),
    "sigma": ("blur", (0.0,)),
    "angle": ("affine", (0.0,)),
    "scale": ("affine", (1.0,)),
    "shear": ("affine", (0.0, 0.0)),
    "translation": ("affine", (0.0, 0.0)),
}


def vary(params: ViewParams, name: str, to: Draw) -> Tensor:
    """One parameter of N images drawn for R x N, image by image within each repeat: [R * N, ...].

    Raises:
        VidclError: it is not differentiable, or these views lack its operation.
    """
    if name not in DIFFERENTIABLE:
        raise VidclError(
            f"A view is not differentiable along {name!r}: choose from {', '.join(DIFFERENTIABLE)}."
        )
    present = getattr(params, name)
    if present is None:
        setting = _HAPPENS[name][0]
        raise VidclError(
            f"The views have no {name!r} to differentiate along: set --views.{setting} above 0."
        )
    factor = next(factor for factor, names in FACTORS.items() if name in names)
    if name not in _HAPPENS:
        return FACTOR_DRAWS[factor](to)[name]
    setting, idle = _HAPPENS[name]
    always = replace(to, config=to.config.model_copy(update={setting: 1.0}))
    drawn = FACTOR_DRAWS[factor](always)[name]
    flat = present.view(len(params), -1)
    off = (flat == torch.tensor(idle, dtype=flat.dtype, device=flat.device)).all(1)
    repeats = len(drawn) // len(params)
    keep = off.repeat(repeats).view(-1, *[1] * (present.ndim - 1))
    return torch.where(keep, present.repeat(repeats, *[1] * (present.ndim - 1)), drawn)
