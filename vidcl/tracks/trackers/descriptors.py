"""What a region looks like in a few hundred numbers, without a network."""

import cv2
import numpy as np

from vidcl.tracks.boxes import centres_sizes

#: Cells along each side of a box.
CELLS = 5
#: Directions that edges are sorted into, over half a turn.
DIRECTIONS = 6
#: Edges per direction, then grey, red - green, yellow - blue.
CHANNELS = DIRECTIONS + 3
#: So many boxes are read at once: their corners fit a processor's cache.
_TOGETHER = 128


def describe_regions(picture: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Gradient orientations (Dalal & Triggs 2005) and colours on a grid of cells.

    Each channel's mean over every cell is read from an integral image, so thousands of boxes cost
    little more than one (integral channel features, Dollar et al. 2009). From each channel its
    mean over the box is taken, so what counts is how the box is divided, not its overall colour or
    contrast; orientations and colours then have one half of the say each.

    Args:
        picture: uint8 [H, W, 3].
        boxes: float64 [N, 4], xyxy, finite; what is outside the picture counts as nothing.

    Returns:
        float32 [N, CELLS * CELLS * CHANNELS], of unit norm, or zeros where a box shows nothing but
        one colour or lies outside.
    """
    sums = cv2.integral(channels(picture), sdepth=cv2.CV_64F)
    out = np.empty((len(boxes), CELLS * CELLS * CHANNELS), np.float32)
    for first in range(0, len(boxes), _TOGETHER):
        means = cell_means(sums, boxes[first : first + _TOGETHER]).astype(np.float32)
        means -= means.mean(axis=(1, 2), keepdims=True)
        edges = means[..., :DIRECTIONS].reshape(len(means), -1)
        colours = means[..., DIRECTIONS:].reshape(len(means), -1)
        rows = np.concatenate([unit(edges), unit(colours)], axis=1)
        out[first : first + _TOGETHER] = unit(rows)
    return out


def channels(picture: np.ndarray) -> np.ndarray:
    """float32 [H, W, CHANNELS] of uint8 [H, W, 3], in units of the full range of values.

    An edge's strength is shared by the two directions next to its own.
    """
    colours = picture.astype(np.float32) / 255
    red, green, blue = colours[..., 0], colours[..., 1], colours[..., 2]
    grey = (red + green + blue) / 3
    replicate = cv2.BORDER_REPLICATE
    strength, angle = cv2.cartToPolar(
        cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=1, borderType=replicate),
        cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=1, borderType=replicate),
    )
    # an edge has no sign: the second half turn is the first again
    direction = np.where(angle < np.pi, angle, angle - np.pi) * np.float32(DIRECTIONS / np.pi)
    out = np.empty((*grey.shape, CHANNELS), np.float32)
    for k in range(DIRECTIONS):
        away = np.abs(direction - k)
        away = np.minimum(away, DIRECTIONS - away)
        out[..., k] = strength * np.maximum(1 - away, 0)
    out[..., DIRECTIONS] = grey
    out[..., DIRECTIONS + 1] = red - green
    out[..., DIRECTIONS + 2] = (red + green) / 2 - blue
    return out


def cell_means(sums: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Means over the cells of each box, exact to fractions of a pixel.

    Args:
        sums: float64 [H + 1, W + 1, C], the integral image of a picture's channels.
        boxes: float64 [N, 4].

    Returns:
        float64 [N, CELLS, CELLS, C] (rows, columns); of a cell partly outside the picture the mean
        of its inside, 0 of one wholly outside.
    """
    height, width = sums.shape[0] - 1, sums.shape[1] - 1
    sums = sums.reshape(-1, sums.shape[2])
    centres, sizes = centres_sizes(boxes)
    ticks = np.arange(CELLS + 1) / CELLS - 0.5
    x = np.clip(centres[:, :1] + sizes[:, :1] * ticks, 0, width)
    y = np.clip(centres[:, 1:] + sizes[:, 1:] * ticks, 0, height)
    column, row = np.minimum(x.astype(int), width - 1), np.minimum(y.astype(int), height - 1)
    right, down = (x - column)[:, None, :, None], (y - row)[:, :, None, None]
    at = row[:, :, None] * (width + 1) + column[:, None, :]
    above = sums[at] * (1 - right) + sums[at + 1] * right
    below = sums[at + width + 1] * (1 - right) + sums[at + width + 2] * right
    corners = above * (1 - down) + below * down
    totals = np.diff(np.diff(corners, axis=1), axis=2)
    areas = np.diff(y, axis=1)[:, :, None, None] * np.diff(x, axis=1)[:, None, :, None]
    return np.where(areas > 1e-6, totals / np.maximum(areas, 1e-6), 0.0)


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of float [N, D] scaled to unit norm; those of hardly any length become zeros."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows * np.where(norms > 1e-6, 1 / np.maximum(norms, 1e-6), 0).astype(rows.dtype)
