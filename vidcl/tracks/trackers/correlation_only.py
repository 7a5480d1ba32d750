"""The correlation filters alone: place and scale, without flow."""

import numpy as np

from vidcl.tracks.boxes import centres_sizes, from_centres
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.trackers.base import Moved
from vidcl.tracks.trackers.correlation import (
    COVER,
    MAX_SHIFT,
    PSR_HIGH,
    PSR_LOW,
    SIDE,
    CorrelationFilters,
    peaks,
)
from vidcl.tracks.trackers.scale_filters import ScaleFilters

#: Peak-to-sidelobe ratio from which a change of scale is believed, and fully believed. (A response
#: over few rings cannot have a high one.)
SCALE_PSR_LOW, SCALE_PSR_HIGH = 2.0, 3.5
#: A box grows or shrinks at most by this factor in one frame.
MAX_GROWTH = 1.15


class CorrelationTracker:
    """First the place, then the scale, each as far as its filter is confident (DSST, Danelljan et
    al. 2014). Fast things leave the filters' reach: half a box per frame.

    The confidence is that in the place: 0 up to a peak-to-sidelobe ratio of ``PSR_LOW``, where a
    peak is as high as chance makes one, and 1 from ``PSR_HIGH`` on. It tells when a region was
    lost, not whether it is still the same: filters soon agree with whatever they have learnt.
    """

    needs_flow = False

    def __init__(self) -> None:
        self._filters = CorrelationFilters()
        self._scales = ScaleFilters()

    def add(self, scene: Scene, boxes: np.ndarray) -> None:
        self._filters.add(scene.picture, boxes)
        self._scales.add(scene.grey, boxes)

    def keep(self, rows: np.ndarray) -> None:
        self._filters.keep(rows)
        self._scales.keep(rows)

    def step(self, scene: Scene, boxes: np.ndarray) -> Moved:
        centres, sizes = centres_sizes(boxes)
        places, ratios = peaks(self._filters.respond(scene.picture, boxes))
        shifts = places / SIDE * COVER * sizes
        near = (np.abs(shifts) < MAX_SHIFT * sizes).all(axis=1)
        confidence = near * _ramp(ratios, PSR_LOW, PSR_HIGH)
        centres = centres + confidence[:, None] * shifts

        scales, ratios = self._scales.scales(scene.grey, from_centres(centres, sizes))
        growth = np.clip(scales, 1 / MAX_GROWTH, MAX_GROWTH)
        growth **= _ramp(ratios, SCALE_PSR_LOW, SCALE_PSR_HIGH)
        moved = from_centres(centres, sizes * growth[:, None])

        self._filters.learn(scene.picture, moved)
        self._scales.learn(scene.grey, moved)
        return Moved(moved, np.zeros(len(boxes)), confidence)


def _ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 up to ``low``, 1 from ``high`` on, straight between."""
    return np.clip((values - low) / (high - low), 0.0, 1.0)
