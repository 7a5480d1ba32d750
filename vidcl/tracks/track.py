"""The one record everything is trained on: a region of the world seen at several times."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Kind = Literal["frame", "region", "image"]

#: Why a track ended. ``end`` is the end of the segment, ``cut`` a shot cut, ``lost`` a box that no
#: longer looks like what it began on, ``mixed`` one that holds two moving things or a part of one,
#: ``still`` one found because it moved and in which nothing moves any more, ``border`` leaving the
#: picture, ``size`` a box that became too small, too large or too flat, ``overlap`` a merge with an
#: older track, ``given`` the end of boxes that came from outside, ``damage`` a stretch of corrupt
#: frames.
EndReason = Literal[
    "end", "cut", "lost", "mixed", "still", "border", "size", "overlap", "given", "damage"
]

#: The per-step scores every track carries, each float32 in [0, 1], 1 best.
SCORES = ("forward_backward", "appearance", "blur", "total")


@dataclass
class Track:
    """One region of one shot at the times its crops were kept.

    Attributes:
        kind: ``frame`` (the whole picture), ``region`` (a followed box) or ``image`` (a still).
        proposer: what found the first box (``motion``, ``grid``, ``random``, ``given``, ``frame``).
        tracker: what moved it (``flow_cf``, ``static``, ``given``, ``frame``, ...).
        shot: number of the shot within its video, from 0.
        times: float32 [T], presentation times in seconds, strictly increasing.
        boxes: float32 [T, 4], xyxy in source pixels (after rotation), inside the picture.
        crop_boxes: float32 [T, 4], the box of each crop: the square about the box, or the box
            itself, times the margin; possibly outside the picture (its edges are then replicated).
        scores: name in ``SCORES`` -> float32 [T].
        crops: T JPEG files on the store's square canvas.
        sizes: uint16 [T, 2], true width and height of each crop in source pixels before squaring.
        end_reason: why it ended.
    """

    kind: Kind
    proposer: str
    tracker: str
    shot: int
    times: np.ndarray
    boxes: np.ndarray
    crop_boxes: np.ndarray
    crops: list[bytes]
    sizes: np.ndarray
    end_reason: EndReason
    scores: dict[str, np.ndarray] = field(default_factory=dict)
    label: str | None = None

    def __len__(self) -> int:
        return len(self.times)
