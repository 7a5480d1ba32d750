"""What makes a box look as if it held one object: measures by which boxes are ranked."""

import cv2
import numpy as np

from vidcl.tracks.boxes import areas
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.proposers.edges import EdgeMap

#: Weaker edges do not count.
WEAKEST = 0.1
#: Edges are one contour as long as their direction stays within one of so many sectors.
SECTORS = 4
#: A contour may stick out by so many pixels and still count as inside.
SLACK = 1.0
#: Larger boxes need more contour inside: its mass is divided by width + height to this power.
SIZE_POWER = 1.25
#: The ring around a box to compare with, as a share of its sides, on each side.
RING = 0.25
#: A box that comes so close to a border of the picture touches it, as a share of the short side.
TOUCH = 0.01
#: A box that touches two borders and is larger than this share of the picture is background.
BACKGROUND = 0.2


def enclosure(edges: EdgeMap, boxes: np.ndarray) -> np.ndarray:
    """How much contour lies wholly inside each box for its size, float64 [N], not negative.

    The idea of Edge Boxes (Zitnick & Dollar 2014): contours that leave a box speak of something
    else. Here a contour is a connected run of edges of one direction; it counts with all its
    strength or, if it sticks out of the box, not at all.

    Args:
        boxes: float64 [N, 4], pixels of the edge map.
    """
    masses, around = contours(edges)
    inside = np.ones((len(boxes), len(masses)), bool)
    for side in range(2):
        inside &= around[:, side] >= boxes[:, side, None] - SLACK
        inside &= around[:, side + 2] <= boxes[:, side + 2, None] + SLACK
    sides = (boxes[:, 2:] - boxes[:, :2]).sum(axis=1)
    return (inside @ masses) / np.maximum(sides, 1e-9) ** SIZE_POWER


def contours(edges: EdgeMap) -> tuple[np.ndarray, np.ndarray]:
    """Summed strength [G] and box [G, 4] of every contour, float64."""
    sector = np.floor(edges.normal * (SECTORS / np.pi)).astype(np.int64) % SECTORS
    masses: list[np.ndarray] = []
    boxes: list[np.ndarray] = []
    for index in range(SECTORS):
        chosen = (edges.strength > WEAKEST) & (sector == index)
        _, labels, stats, _ = cv2.connectedComponentsWithStats(chosen.astype(np.uint8))
        masses.append(np.bincount(labels.ravel(), edges.strength.ravel())[1:])
        left, top, width, height = stats[1:, :4].T.astype(np.float64)
        boxes.append(np.stack([left, top, left + width, top + height], axis=1))
    return np.concatenate(masses), np.concatenate(boxes)


def moving_support(scene: Scene, boxes: np.ndarray) -> np.ndarray:
    """How well each box agrees with what moves, float64 [N] in [0, 1]; 0 where nothing does.

    The mean of two measures on the positive part of the foreground's belief: the Dice overlap of
    the box with all that moves, which asks for the whole of it, and the mean inside less the mean
    in a ring around the box, which tells one of several moving things from the others.

    Args:
        boxes: float64 [N, 4], working pixels, inside the picture.
    """
    sums = cv2.integral(np.maximum(scene.foreground.belief, 0))
    width, height = scene.size
    margin = RING * (boxes[:, 2:] - boxes[:, :2])
    low = np.maximum(boxes[:, :2] - margin, 0)
    high = np.minimum(boxes[:, 2:] + margin, [width, height])
    grown = np.concatenate([low, high], axis=1)
    area, inside = areas(boxes), box_sums(sums, boxes)
    ring = (box_sums(sums, grown) - inside) / np.maximum(areas(grown) - area, 1)
    dice = 2 * inside / np.maximum(area + sums[-1, -1], 1e-9)
    contrast = inside / np.maximum(area, 1e-9) - ring
    return np.clip(0.5 * dice + 0.5 * np.maximum(contrast, 0), 0, 1)


def box_sums(sums: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Sums within boxes float64 [N, 4], rounded to pixels, from an integral image [H + 1, W + 1]
    (``cv2.integral``); [N]."""
    limit = np.array([sums.shape[1] - 1, sums.shape[0] - 1] * 2)
    x0, y0, x1, y1 = np.clip(np.rint(boxes).astype(np.int64), 0, limit).T
    return sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]


def background(boxes: np.ndarray, width: float, height: float) -> np.ndarray:
    """Which boxes are probably background, bool [N]: large and touching two borders or more.

    A thing in front seldom fills a corner of the picture; sky, road and walls do.
    """
    near = TOUCH * min(width, height)
    low = boxes[:, :2] <= near
    high = boxes[:, 2:] >= np.array([width, height]) - near
    touched = low.sum(axis=1) + high.sum(axis=1)
    return (touched >= 2) & (areas(boxes) > BACKGROUND * width * height)


def relative(scores: np.ndarray) -> np.ndarray:
    """Scores as shares of the picture's best, the mean of its best three, float64 [N] in [0, 1].

    Zeros stay zeros; one outlier does not push down all others.
    """
    if not len(scores):
        return np.zeros(0)
    best = float(np.sort(scores)[-3:].mean())
    return np.clip(scores / best, 0, 1) if best > 0 else np.zeros(len(scores))
