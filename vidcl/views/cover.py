"""Occlusion: a rectangle of one colour, or of another view of the batch."""

import torch
from torch import Tensor


def occlude(
    images: Tensor, boxes: Tensor, colors: Tensor | None = None, occluder: Tensor | None = None
) -> Tensor:
    """Cover a rectangle of every image; a pixel is covered where its centre is in the box.

    Args:
        images: float [N, 3, H, W].
        boxes: [N, 4], x0, y0, x1, y1 as shares; an empty box covers nothing.
        colors: [N, 3], the rectangles' colours; or
        occluder: int64 [N], how many places further in the batch (and round its end) the image
            stands that covers with the same part of itself.
    """
    n, _, height, width = images.shape
    x = (torch.arange(width, device=images.device, dtype=boxes.dtype) + 0.5) / width
    y = (torch.arange(height, device=images.device, dtype=boxes.dtype) + 0.5) / height
    x0, y0, x1, y1 = boxes[:, :, None].unbind(1)  # [N, 1] each
    across, down = (x >= x0) & (x < x1), (y >= y0) & (y < y1)
    inside = (down[:, :, None] & across[:, None, :]).unsqueeze(1)
    if occluder is not None:
        others = images[(torch.arange(n, device=images.device) + occluder) % n]
    else:
        assert colors is not None
        others = colors.to(images.dtype)[:, :, None, None]
    return torch.where(inside, others, images)
