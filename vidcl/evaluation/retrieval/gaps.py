"""How far apart two views are: on a circle, on a line, or on the sphere of viewing directions."""

from dataclasses import dataclass

import numpy as np

#: Pairs whose gap is computed at a time.
PAIRS = 1 << 20
#: Angles between directions come out of products that round: 45 degrees may come as 44.9999999.
SPHERE_DIGITS = 9


@dataclass(frozen=True)
class Views:
    """Which rows show one instance, and how far apart they are.

    ``positions`` [N] are degrees (``circular``) or any line; None: no gaps, leave-one-out. With
    ``polar`` [N], degrees from the top, 0 to 180, positions are azimuths and the gap is the angle
    between the two viewing directions, 0 to 180.
    """

    instances: np.ndarray
    positions: np.ndarray | None
    circular: bool
    min_gap: float
    polar: np.ndarray | None = None

    def members(self) -> list[np.ndarray]:
        """For every row, the sorted rows of its instance, itself among them."""
        _, index = np.unique(self.instances, return_inverse=True)
        order = np.argsort(index, kind="stable")
        groups = np.split(order, np.cumsum(np.bincount(index))[:-1])
        return [groups[i] for i in index]

    def gaps(self, row: int | np.ndarray, others: np.ndarray) -> np.ndarray:
        """The gap between a row (or as many rows) and others; infinite without positions."""
        if self.positions is None:
            return np.full(len(others), np.inf)
        if self.polar is not None:
            return sphere_gap(
                self.positions[row], self.polar[row], self.positions[others], self.polar[others]
            )
        gap = np.abs(self.positions[others] - self.positions[row])
        if self.circular:
            gap = gap % 360.0
            gap = np.minimum(gap, 360.0 - gap)
        return gap

    def pair_gaps(self, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
        """``gaps`` of many pairs, float64 [P]."""
        gaps = np.empty(len(rows))
        for first in range(0, len(rows), PAIRS):
            part = slice(first, first + PAIRS)
            gaps[part] = self.gaps(rows[part], others[part])
        return gaps

    @property
    def kind(self) -> str:
        """What a gap is, in words; empty without positions."""
        if self.positions is None:
            return ""
        if self.polar is not None:
            return "degrees between the viewing directions"
        return "degrees of azimuth" if self.circular else "along the track"


def sphere_gap(
    azimuth: np.ndarray, polar: np.ndarray, other_azimuth: np.ndarray, other_polar: np.ndarray
) -> np.ndarray:
    """The angle between viewing directions in degrees, 0 to 180, rounded to 1e-9.

    Azimuths in degrees, polar angles in degrees from the top; arrays that broadcast. By the
    arctangent of sine and cosine, which is accurate at small and at large angles alike.
    """
    first, second = _direction(azimuth, polar), _direction(other_azimuth, other_polar)
    cosine = sum(a * b for a, b in zip(first, second, strict=True))
    across = (
        first[1] * second[2] - first[2] * second[1],
        first[2] * second[0] - first[0] * second[2],
        first[0] * second[1] - first[1] * second[0],
    )
    sine = np.sqrt(sum(part * part for part in across))
    return np.round(np.degrees(np.arctan2(sine, cosine)), SPHERE_DIGITS)


def _direction(azimuth: np.ndarray, polar: np.ndarray) -> tuple[np.ndarray, ...]:
    turn, tilt = np.radians(azimuth), np.radians(polar)
    return np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.cos(tilt)
