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


def normalise(patches: np.ndarray) -> np.ndarray:
    """uint8 [N, S, S, 3] as rows of zero mean and unit norm, float32 [N, S * S * 3].

    The mean is taken per channel, so that a change of light changes little.
    """
    rows = patches.astype(np.float32)
    rows -= rows.mean(axis=(1, 2), keepdims=True)
    rows = rows.reshape(len(rows), int(np.prod(rows.shape[1:])))
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
    bins = (patches >> 5).astype(np.int64)
    index = (bins[..., 0] * BINS + bins[..., 1]) * BINS + bins[..., 2]
    away = np.abs(np.arange(COLOUR_SIDE) + 0.5 - COLOUR_SIDE / 2) / (COLOUR_SIDE / 4)
    from_middle = np.maximum(away[:, None], away[None, :])
    return _histograms(index, from_middle < 0.8), _histograms(index, from_middle > 1.15)


def affinity(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Bhattacharyya coefficient of histograms [N, B] of sum 1, row by row: [N] in [0, 1]."""
    return np.sqrt(first * second).sum(axis=1)


def _histograms(index: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Smoothed histograms of the bins [N, S, S] under ``mask`` [S, S]: float32 [N, BINS ** 3]."""
    count, total = len(index), BINS**3
    rows = index[:, mask] + total * np.arange(count)[:, None]
    out = np.bincount(rows.ravel(), minlength=count * total).astype(np.float32)
    out = out.reshape(count, BINS, BINS, BINS)
    for axis in (1, 2, 3):
        shape = np.moveaxis(out, axis, 1)
        smooth = 0.5 * shape
        smooth[:, 1:] += 0.25 * shape[:, :-1]
        smooth[:, :-1] += 0.25 * shape[:, 1:]
        out = np.moveaxis(smooth, 1, axis)
    out = out.reshape(count, total)
    return out / np.maximum(out.sum(axis=1, keepdims=True), 1e-9)
