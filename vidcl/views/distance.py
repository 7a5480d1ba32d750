"""Two patches of one image at a set distance (Tian et al. 2020, section 4.1)."""

import torch
from torch import Tensor

from vidcl.errors import VidclError


def distant_boxes(
    boxes: Tensor, distance: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Pairs of boxes of the given sizes, apart by ``distance`` of their sides, both in the image.

    The second lies ``distance`` widths left or right of the first and as many heights above or
    below it, the four diagonal directions alike; where the pair lies is drawn evenly over all
    places at which both fit.

    Args:
        boxes: float [N, 4], x0, y0, x1, y1 as shares of width and height; their sizes count.
        distance: 0 (the same patch twice) or more; from 1 on the patches share no pixel.

    Returns:
        The queries' and the keys' boxes, float [N, 4] each.

    Raises:
        VidclError: a pair does not fit into its image.
    """
    size = boxes[:, 2:] - boxes[:, :2]
    room = 1 - size * (1 + distance)
    if bool((room < -1e-6).any()):
        largest = float((1 / size.amax(1)).min()) - 1
        raise VidclError(
            f"Two patches {distance:g} of their sides apart do not fit into every image: give a "
            f"smaller views.crop_scale, or a views.distance of at most {max(largest, 0.0):.3g}."
        )
    device = generator.device
    place = torch.rand(len(boxes), 2, generator=generator, device=device)
    first = torch.randint(0, 2, (len(boxes), 2), generator=generator, device=device)
    corner = place * room.clamp(min=0)
    query = corner + first * distance * size
    key = corner + (1 - first) * distance * size
    return torch.cat([query, query + size], 1), torch.cat([key, key + size], 1)
