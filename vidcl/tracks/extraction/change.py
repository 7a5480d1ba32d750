"""How much a track's look changes along it, and from each crop to the next."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

#: Crops compared with the first one, at most; they are spread evenly over the rest of the track.
_COMPARED = 16
#: Grey levels (root mean square) that every thumbnail shares with every other: what compression
#: leaves on a flat picture, so that flat pictures do not seem to change.
_NOISE = 2.0


@dataclass(frozen=True)
class LookChange:
    """The change of look of a track of T crops; 0 is none, about 1 unrelated, 2 the negative.

    Attributes:
        overall: mean over later crops (16 at most) of the change against the first; 0 if T = 1.
        steps: float32 [T], change of each crop against the one before; 0 for the first.
    """

    overall: float
    steps: np.ndarray


def look_change(crops: Sequence[bytes]) -> LookChange:
    """Change between crops is 1 - r, r the correlation of their pixels.

    Pixels are those of grey thumbnails (an eighth of the canvas, 20 x 20 for 160 px), so that
    brightness and contrast do not count. The covariance and both variances have the square of
    ``_NOISE`` grey levels added: two flat crops have not changed, a flat and a textured one are
    unrelated.

    Raises:
        ValueError: a crop is not a picture.
    """
    steps = np.zeros(len(crops), np.float32)
    if len(crops) < 2:
        return LookChange(0.0, steps)
    looks = np.stack([_look(crop) for crop in crops])
    steps[1:] = np.clip(1.0 - (looks[1:] * looks[:-1]).sum(axis=1), 0.0, 2.0)
    picked = np.unique(np.linspace(1, len(crops) - 1, _COMPARED).round().astype(int))
    overall = float(np.clip(1.0 - (looks[picked] @ looks[0]).mean(), 0.0, 2.0))
    return LookChange(overall, steps)


def _look(jpeg: bytes) -> np.ndarray:
    """float32 [pixels + 1] of norm 1; the product of two is their correlation."""
    grey = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8)
    if grey is None:
        raise ValueError("a crop is not a picture OpenCV can decode")
    values = np.full(grey.size + 1, _NOISE * np.sqrt(grey.size), np.float32)
    values[:-1] = grey.ravel()
    values[:-1] -= values[:-1].mean()
    return values / np.linalg.norm(values)
