"""Tracks made by hand."""

import numpy as np

from vidcl.tracks.track import SCORES, Track

TIMES = (np.arange(30) / 12).astype(np.float32)


def track(steps: list[int], left: float = 0.0, reason: str = "lost", shift: float = 1.0) -> Track:
    """A region in the followed frames ``steps``, moving to the right."""
    x = left + shift * np.array(steps, np.float32)
    boxes = np.stack([x, 0 * x, x + 20, 0 * x + 20], axis=1).astype(np.float32)
    return Track(
        kind="region",
        proposer="grid",
        tracker="flow",
        shot=0,
        times=TIMES[steps],
        boxes=boxes,
        crop_boxes=boxes + 1,
        crops=[],
        sizes=np.full((len(steps), 2), 20, np.uint16),
        end_reason=reason,  # type: ignore[arg-type]
        scores={name: np.array(steps, np.float32) / 100 for name in SCORES},
    )
