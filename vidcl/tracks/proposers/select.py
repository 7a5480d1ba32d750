"""Which of the boxes found are worth starting."""

import numpy as np

from vidcl.tracks.boxes import areas, fits, intersections, iou, suppress
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.proposers.base import Proposed

#: Proposals that overlap more than this with a better one are dropped. A stricter limit loses
#: objects to a box that holds only a part of them.
MAX_IOU = 0.5
#: So are those that overlap a followed region more than this, ...
MAX_FOLLOWED_IOU = 0.3
#: ... or that lie within it, or hold it, by this share of the smaller one.
MAX_COVER = 0.6


#: Of the room for regions, so much is left for boxes that the proposer is sure of.
RESERVE = 0.2


def select(found: Proposed, followed: np.ndarray, scene: Scene, config: FollowConfig) -> np.ndarray:
    """The boxes worth starting, best first: allowed in size and shape, apart from each other and
    from what is followed already, no more than there is room for; float64 [N, 4].

    Args:
        followed: float64 [M, 4], working pixels.
    """
    room = config.max_regions - len(followed)
    width, height = scene.size
    fitting = fits(
        found.boxes,
        width,
        height,
        min_side=config.min_side,
        max_area=config.max_area,
        max_aspect=config.max_aspect,
    )
    sure = np.arange(len(found.boxes)) < (len(found.boxes) if found.sure is None else found.sure)
    allowed, sure = found.boxes[fitting], sure[fitting]
    if len(followed) and len(allowed):
        common = intersections(allowed, followed)
        smaller = np.minimum(areas(allowed)[:, None], areas(followed)[None, :])
        taken = (iou(allowed, followed) > MAX_FOLLOWED_IOU) | (common > MAX_COVER * smaller)
        free = ~taken.any(axis=1)
        allowed, sure = allowed[free], sure[free]
    if room <= 0 or not len(allowed):
        return np.zeros((0, 4))
    order = suppress(allowed, -np.arange(len(allowed), dtype=np.float64), MAX_IOU)
    unsure_room = room - int(RESERVE * config.max_regions)
    has_room = np.arange(len(order)) < np.where(sure[order], room, unsure_room)
    return allowed[order[has_room]]
