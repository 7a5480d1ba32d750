"""Letters as strokes in a unit square, our own geometry.

The ten letters are chosen so that turning an image by 90, 180 or 270 degrees is never mistaken for
an upright image: turned, none looks like itself or like another of the ten. So H, I, N, O, S, X
and Z are out, and with L, M, U and V also J, E, C and A. Mirror symmetry (M, T, U, V, Y) does no
harm. The largest correlation of a turned letter with an upright one, over small shifts, turns and
stretches of the latter, is 0.76 (L turned, beside F); 0.75 of G and of M turned, beside themselves.
"""

import itertools
import math

#: The classes, in the order of their numbers.
LETTERS = "FGKLMRTUVY"

Point = tuple[float, float]


def letter_segments(letter: str) -> list[tuple[Point, Point]]:
    """Straight pieces of a letter of ``LETTERS``, arcs cut into short ones.

    Coordinates (x to the right, y downwards) are centred: the letter's height and width are each
    within [-0.5, 0.5], its extent in either direction symmetric about 0.
    """
    lines = _lines()[letter]
    xs = [x for line in lines for x, _ in line]
    ys = [y for line in lines for _, y in line]
    across, down = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    centred = [[(x - across, y - down) for x, y in line] for line in lines]
    return [pair for line in centred for pair in itertools.pairwise(line)]


def _lines() -> dict[str, list[list[Point]]]:
    """Polylines of each letter; y runs from 0 (top) to 1 (foot)."""
    return {
        "F": [[(0.85, 0), (0.18, 0), (0.18, 1)], [(0.18, 0.48), (0.72, 0.48)]],
        "G": [[*_arc(0.52, 0.5, 0.4, 0.5, -50, -335, 14), (0.9, 0.56), (0.55, 0.56)]],
        "K": [[(0.15, 0), (0.15, 1)], [(0.85, 0), (0.15, 0.58)], [(0.38, 0.40), (0.88, 1)]],
        "L": [[(0.2, 0), (0.2, 1), (0.85, 1)]],
        "M": [[(0.08, 1), (0.08, 0), (0.5, 0.65), (0.92, 0), (0.92, 1)]],
        "R": [
            [(0.18, 1), (0.18, 0), *_arc(0.55, 0.26, 0.3, 0.26, -90, 90, 8), (0.18, 0.52)],
            [(0.5, 0.52), (0.88, 1)],
        ],
        "T": [[(0.05, 0), (0.95, 0)], [(0.5, 0), (0.5, 1)]],
        "U": [[(0.12, 0), *_arc(0.5, 0.62, 0.38, 0.38, 180, 0, 10), (0.88, 0)]],
        "V": [[(0.08, 0), (0.5, 1), (0.92, 0)]],
        "Y": [[(0.08, 0), (0.5, 0.5), (0.92, 0)], [(0.5, 0.5), (0.5, 1)]],
    }


def _arc(
    x: float, y: float, across: float, down: float, start: float, end: float, pieces: int
) -> list[Point]:
    """Points on an ellipse about (x, y), from ``start`` to ``end`` degrees (0 right, 90 down)."""
    angles = [math.radians(start + (end - start) * k / pieces) for k in range(pieces + 1)]
    return [(x + across * math.cos(a), y + down * math.sin(a)) for a in angles]
