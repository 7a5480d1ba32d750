"""The gradient penalty of InvCLR (Foster, Pukdee, Rainforth 2021, eq. 9), and without gradients."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor


def gradient_penalty(
    features: Tensor,
    leaves: Mapping[str, Tensor],
    redraws: Mapping[str, Tensor],
    generator: torch.Generator | None = None,
    scale: Mapping[str, float] | None = None,
    normalise: bool = True,
) -> Tensor:
    """(grad_a (e . f(a)) . (a' - a))^2, mean over the redraws a'; one value per image.

    With e a random sign vector, fresh for each image, its mean is to first order the squared change
    of f when the parameters a are drawn anew: twice the conditional variance of f. One more
    backward pass, whatever the number of redraws. That BatchNorm lets an image's parameters act on
    the others is passed over, as in the authors' code.

    Args:
        features: [N, D], a function of ``leaves`` with a gradient.
        leaves: a by name, [N, ...] each.
        redraws: a' by name, [R, N, ...] each.
        generator: draws the signs, on the CPU.
        scale: factors on a' - a by name; 1 where none is given (ours).
        normalise: take f at unit length.

    Returns:
        [N], differentiable in what ``features`` depends on.
    """
    f = _wide(features, normalise)
    signs = 2 * torch.randint(0, 2, f.shape, generator=generator).to(f) - 1
    slopes = torch.autograd.grad((signs * f).sum(), list(leaves.values()), create_graph=True)
    change = torch.zeros(1, dtype=f.dtype, device=f.device)
    for (name, leaf), slope in zip(leaves.items(), slopes, strict=True):
        steps = (redraws[name] - leaf.detach()).reshape(*redraws[name].shape[:2], -1)  # [R, N, A]
        steps = steps * (scale or {}).get(name, 1.0)
        change = change + (steps * slope.reshape(len(slope), -1)).sum(2)  # [R, N]
    return change.square().mean(0)


def change_penalty(
    features: Tensor, others: Tensor, normalise: bool = True, relative: bool = False
) -> Tensor:
    """|f(a') - f(a)|^2: what the gradient penalty stands for, measured (ours).

    Over draws of a and a' its mean is twice the conditional variance of f.

    Args:
        features, others: [N, D], f(a) and f(a'), both with their gradients; N at least 2 with
            ``relative``.
        normalise: take both at unit length; the penalty is then at most 4.
        relative: divide by its mean over pairs of different images, twice the variance of f.
            Without that a representation lowers it by drawing all images together.

    Returns:
        [N].
    """
    f = _wide(features, normalise)
    change = (f - _wide(others, normalise)).square().sum(1)
    return change / (2 * f.var(0).sum()) if relative else change


def _wide(features: Tensor, normalise: bool) -> Tensor:
    """In single precision or better, at unit length if asked."""
    f = features if features.dtype == torch.float64 else features.float()
    return F.normalize(f, dim=1) if normalise else f
