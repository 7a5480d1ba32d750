"""How much a track's look changes along it."""

from collections.abc import Sequence

import cv2
import numpy as np

#: Crops compared with the first one, at most; they are spread evenly over the rest of the track.
_COMPARED = 16


def look_change(crops: Sequence[bytes]) -> float:
    """Mean over later crops of 1 - r, r the correlation of its pixels with the first crop's.

    Pixels are those of a grey thumbnail (an eighth of the canvas, 20 x 20 for 160 px), centred and
    scaled to unit norm, so that brightness and contrast do not count. 0 is no change, about 1 is
    unrelated, 2 the negative. A track of one crop has 0; a flat crop correlates 0 with any other.

    Raises:
        ValueError: a crop is not a picture.
    """
    if len(crops) < 2:
        return 0.0
    picked = np.unique(np.linspace(1, len(crops) - 1, _COMPARED).round().astype(int))
    first = _thumbnail(crops[0])
    later = np.stack([_thumbnail(crops[index]) for index in picked])
    return float(np.clip(1.0 - (later @ first).mean(), 0.0, 2.0))


def _thumbnail(jpeg: bytes) -> np.ndarray:
    """float32 [pixels], mean 0 and norm 1 (or all 0 where the picture is flat)."""
    grey = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8)
    if grey is None:
        raise ValueError("a crop is not a picture OpenCV can decode")
    values = grey.astype(np.float32).ravel()
    values -= values.mean()
    norm = float(np.linalg.norm(values))
    return values / norm if norm > 1e-3 else np.zeros_like(values)
