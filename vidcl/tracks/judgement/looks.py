"""How alike two looks are: pixels, sharpness, colours inside and around a box."""

import numpy as np

from vidcl.tracks.boxes import centres_sizes, from_centres
from vidcl.tracks.patches import cut_patches

#: Side of the patches whose pixels are compared.
SIDE = 16
#: Side of the patches, twice the box, whose colours are counted.
COLOUR_SIDE = 24
#: Bins per channel of a colour histogram.
BINS = 8
#: Along each channel half of a count stays in its bin and a quarter goes to each neighbour.
_SMOOTH = 0.5 * np.eye(BINS) + 0.25 * np.eye(BINS, k=1) + 0.25 * np.eye(BINS, k=-1)
_RED, _GREEN_BLUE = _SMOOTH.astype(np.float32), np.kron(_SMOOTH, _SMOOTH).astype(np.float32)


def normalise(patches: np.ndarray) -> np.ndarray:
    """uint8 [N, S, S, 3] as rows of zero mean and unit norm, float32 [N, S * S * 3].

    The mean is taken per channel, so that a change of light changes little.
    """
    count, height, width, channels = patches.shape
    pixels = patches.reshape(count, height * width, channels).astype(np.float32)
    # sums of whole numbers are exact in any order, and a product is the fastest
    pixels -= np.ones((1, height * width), np.float32) @ pixels / (height * width)
    rows = pixels.reshape(count, height * width * channels)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)


def sharpness(patches: np.ndarray) -> np.ndarray:
    """Mean absolute difference of neighbouring pixels, float64 [N], per channel value."""
    values = patches.astype(np.int16)
    across = np.abs(np.diff(values, axis=2)).mean(axis=(1, 2, 3))
    down = np.abs(np.diff(values, axis=1)).mean(axis=(1, 2, 3))
    return (across + down).astype(np.float64)


def colours(picture: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colour histograms inside boxes and around them, float32 [N, 512] each, rows of sum 1.

    Inside is the middle 80 % of the box, around is the ring from 1.15 to 2 times its size; the
    histograms are joint RGB with 8 bins per channel, smoothed over neighbouring bins.

    Args:
        picture: uint8 [H, W, 3].
        boxes: float64 [N, 4], xyxy, possibly outside the picture.
    """
    centres, sizes = centres_sizes(boxes)
    patches = cut_patches(picture, from_centres(centres, 2 * sizes), COLOUR_SIDE)
    red, green, blue = np.moveaxis(patches >> 5, 3, 0).astype(np.int64, order="C")
    index = ((red * BINS + green) * BINS + blue).reshape(len(boxes), COLOUR_SIDE**2)
    away = np.abs(np.arange(COLOUR_SIDE) + 0.5 - COLOUR_SIDE / 2) / (COLOUR_SIDE / 4)
    from_middle = np.maximum(away[:, None], away[None, :]).ravel()
    return _histograms(index, from_middle < 0.8), _histograms(index, from_middle > 1.15)


def affinity(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Bhattacharyya coefficient of histograms [N, B] of sum 1, row by row: [N] in [0, 1]."""
    return np.sqrt(first * second).sum(axis=1)


def _histograms(index: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Smoothed histograms of the bins [N, P] under ``mask`` [P]: float32 [N, BINS ** 3]."""
    count, total = len(index), BINS**3
    rows = index[:, mask] + total * np.arange(count)[:, None]
    counts = np.bincount(rows.ravel(), minlength=count * total).astype(np.float32)
    smooth = _RED @ counts.reshape(count, BINS, BINS * BINS) @ _GREEN_BLUE
    out = smooth.reshape(count, total)
    return out / np.maximum(out.sum(axis=1, keepdims=True), 1e-9)
