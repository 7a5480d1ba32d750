"""What part of each image a view shows, and at which angle: one sampling of the image."""

import torch
from torch import Tensor

from vidcl.views import bands, warp
from vidcl.views.affine import axis_aligned, sample, view_to_image
from vidcl.views.params import ViewParams


def look(
    images: Tensor,
    params: ViewParams,
    size: int,
    fill: tuple[float, ...],
    scale: float = 1.0,
    dtype: torch.dtype = torch.float32,
    quick: bool = False,
) -> Tensor:
    """Crop, flip, quarter turns, rotation, scale, shear and translation.

    Args:
        images: uint8 or float [N, C, H, W], values up to ``scale``.
        size: side S of the views.
        fill: what lies outside of the images, in [0, 1].
        dtype: of the sums and of the result.
        quick: without gradients, on a CPU, by ``bands``; the result may lie in memory transposed.

    Returns:
        [N, C, S, S]. Images that are neither turned freely nor sheared, and whose view lies within
        them, are resized axis by axis, the others sampled bilinearly; where a batch has both, each
        goes its way. Which way is decided by the parameters' values, so at an angle of exactly 0
        the gradient with regard to the angle is 0.
    """
    if params.angle is None:
        return _resize(images, params, params.box, size, dtype, quick)
    box, plain = axis_aligned(params)
    if bool(plain.all()):
        return _resize(images, params, box, size, dtype, quick)
    there, others = plain.nonzero().squeeze(1), (~plain).nonzero().squeeze(1)
    matrix = view_to_image(params[others]).to(params.box.dtype)
    # bfloat16 cannot tell neighbouring places of a large image apart
    wide = images[others].to(params.box.dtype)
    sampled = sample(wide, matrix, size, tuple(scale * value for value in fill))
    out = sampled.new_zeros(len(images), images.shape[1], size, size)
    out = out.index_copy(0, others, sampled)
    if len(there):
        resized = _resize(images[there], params[there], box[there], size, dtype, quick)
        out = out.index_copy(0, there, resized.to(out.dtype))
    return out


def _resize(
    images: Tensor, params: ViewParams, box: Tensor, size: int, dtype: torch.dtype, quick: bool
) -> Tensor:
    """Crop, flip and quarter turns, axis by axis."""
    none = torch.zeros(len(images), dtype=torch.bool, device=images.device)
    mirror_x = none if params.flip is None else params.flip
    mirror_y = none
    turns = params.turns
    if turns is not None:
        # a quarter turn counter-clockwise is a mirror left and right, then a transposition
        mirror_x = mirror_x ^ ((turns == 1) | (turns == 2))
        mirror_y = (turns == 2) | (turns == 3)
    if quick:
        out = bands.crop_resize(images, box, mirror_x, mirror_y, size, dtype)
    else:
        out = warp.crop_resize(images.to(dtype), box, mirror_x, mirror_y, size)
    if turns is not None:
        out = torch.where((turns % 2 == 1).view(-1, 1, 1, 1), out.transpose(2, 3), out)
    return out
