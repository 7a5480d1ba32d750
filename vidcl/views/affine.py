"""Rotation, scale, shear and translation joined with crop, flip and quarter turns in one map.

Everything is one affine map from the view to the image, so the image is sampled once. Angles are
angles in the true image: the squeeze of the square canvas is undone before the image turns and done
again after it. Maps that keep the axes stay with the separable resize of ``warp``. Of the others,
each image is first blurred along its axes by as much as the view shrinks it, so that a bilinear
sample then is antialiased: a step of s pixels calls for a triangle of variance s^2 / 6, of which
the bilinear sample brings 1 / 6.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcl.views.blur import blur
from vidcl.views.params import ViewParams


def axis_aligned(params: ViewParams) -> tuple[Tensor, Tensor]:
    """Each view's box after scale and translation, and whether ``warp`` can make the view.

    Returns:
        Boxes [N, 4] as shares of width and height, and bool [N]: neither turned freely nor sheared,
        and within the image.
    """
    box = params.box
    plain = torch.ones(len(box), dtype=torch.bool, device=box.device)
    if params.scale is not None and params.translation is not None:
        low, high = box[:, :2], box[:, 2:]
        moved, grown = params.translation, params.scale[:, None]
        centre = (low + high) / 2 - moved * (high - low) / grown
        half = (high - low) / (2 * grown)
        changed = (grown[:, 0] != 1) | (moved != 0).any(1)
        scaled = torch.cat([centre - half, centre + half], 1)
        box = torch.where(changed[:, None], scaled, box)
        plain &= ~changed | ((scaled >= 0) & (scaled <= 1)).all(1)
    if params.angle is not None:
        plain &= params.angle == 0
    if params.shear is not None:
        plain &= (params.shear == 0).all(1)
    return box, plain


def view_to_image(params: ViewParams) -> Tensor:
    """[N, 2, 3]: from places (u, v, 1) in a view to places (x, y) in its image, as shares of both.

    The image is cropped, mirrored and given quarter turns, all about the crop's centre; rotation,
    shear, scale and translation move the true image's content beneath the crop as torchvision's
    ``affine`` does (its angle is clockwise, ours is not).
    """
    box = params.box
    one, zero = torch.ones_like(box[:, 0]), torch.zeros_like(box[:, 0])
    identity = _matrix(one, zero, zero, one)
    total = _power(_matrix(zero, -one, one, zero), params.turns, identity)
    if params.flip is not None:
        mirrored = torch.where(params.flip, -one, one)
        total = _matrix(mirrored, zero, zero, one) @ total
    aspect = one if params.aspect is None else params.aspect.to(box.dtype)
    side = (box[:, 2:] - box[:, :2]) * torch.stack([aspect, one], 1)  # of the crop, in heights
    total = side.unsqueeze(2) * total
    scale = one if params.scale is None else params.scale
    angle = zero if params.angle is None else torch.deg2rad(-params.angle)
    skew = torch.zeros_like(box[:, :2]) if params.shear is None else torch.deg2rad(params.shear)
    x, y = skew.unbind(1)
    a = torch.cos(angle - y) / torch.cos(y)
    b = -a * torch.tan(x) - torch.sin(angle)
    c = torch.sin(angle - y) / torch.cos(y)
    d = -c * torch.tan(x) + torch.cos(angle)
    undo = _matrix(d, -b, -c, a) / scale[:, None, None]  # the determinant of [[a, b], [c, d]] is 1
    total = undo @ total
    shift = -total.sum(2, keepdim=True) / 2  # (u, v) count from a corner, the map from the centre
    if params.translation is not None:
        shift = shift - undo @ (params.translation * side).unsqueeze(2)
    unsqueezed = torch.stack([1 / aspect, one], 1).unsqueeze(2)
    centre = ((box[:, :2] + box[:, 2:]) / 2).unsqueeze(2)
    return torch.cat([unsqueezed * total, unsqueezed * shift + centre], 2)


def sample(images: Tensor, matrix: Tensor, size: int, fill: tuple[float, ...]) -> Tensor:
    """Bilinear views of images through an affine map, antialiased where it shrinks.

    Args:
        images: float [N, C, H, W].
        matrix: [N, 2, 3], from places in the view to places in the image, as shares.
        size: side S of the views.
        fill: what lies outside of the image, per channel.

    Returns:
        [N, C, S, S].
    """
    n, channels, height, width = images.shape
    steps = torch.linalg.vector_norm(matrix[:, :, :2], dim=2) / size  # [N, 2], of x and y
    steps = steps * torch.tensor([width, height], device=matrix.device, dtype=matrix.dtype)
    spread = ((steps.square() - 1) / 6).clamp(min=1e-6).sqrt()  # 1e-3 pixels blur nothing
    radius = min(height, width) - 1
    smooth = blur(images, spread[:, 0], radius, spread[:, 1])
    around = torch.tensor(fill, device=images.device, dtype=images.dtype).view(-1, 1, 1)
    grid = F.affine_grid(_centred(matrix), [n, channels, size, size], align_corners=False)
    # zero outside of the image less the fill is the fill outside of the image
    out = F.grid_sample(smooth - around, grid.to(images.dtype), align_corners=False)
    return out + around


def warp_pixels(images: Tensor, matrix: Tensor, fill: tuple[float, ...]) -> Tensor:
    """[N, C, S, S] through [N, 2, 3] in pixels (x, y counted from the corner), not antialiased."""
    size = images.shape[-1]
    shares = torch.cat([matrix[:, :, :2], matrix[:, :, 2:] / size], 2)
    around = torch.tensor(fill, device=images.device, dtype=images.dtype).view(-1, 1, 1)
    grid = F.affine_grid(_centred(shares), list(images.shape), align_corners=False)
    return F.grid_sample(images - around, grid.to(images.dtype), align_corners=False) + around


def _centred(matrix: Tensor) -> Tensor:
    """From shares in [0, 1] to ``grid_sample``'s coordinates in [-1, 1], on both sides."""
    linear, shift = matrix[:, :, :2], matrix[:, :, 2:]
    return torch.cat([linear, linear.sum(2, keepdim=True) + 2 * shift - 1], 2)


def _matrix(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    return torch.stack([a, b, c, d], 1).view(-1, 2, 2)


def _power(turn: Tensor, turns: Tensor | None, identity: Tensor) -> Tensor:
    """``turn`` to the power of each image's ``turns`` (0 to 3)."""
    if turns is None:
        return identity
    powers = torch.stack([identity, turn, turn @ turn, turn @ turn @ turn], 1)
    return powers[torch.arange(len(turns), device=turns.device), turns]
