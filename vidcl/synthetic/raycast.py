"""Closed-form intersection of parallel rays with ellipsoids, boxes and cylinders.

A ray through the picture point (u, v) is the line (u, v, t) in camera axes, t growing away from the
camera. In the coordinates of one part, scaled so that the part becomes the unit primitive, it is
``o + t d``: ``d`` is the same for every ray of a picture and ``o`` is affine in (u, v). So every
quantity that the formulas need is one broadcast sum of a row and a column.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

MISS = float("inf")
_SMALL = 1e-6


@dataclass(frozen=True)
class Rays:
    """The pixel grid of B pictures: u of every column and v of every row, in object units."""

    u: Tensor  # float32 [B, W]
    v: Tensor  # float32 [B, H]

    def affine(self, per_u: Tensor, per_v: Tensor, constant: Tensor) -> Tensor:
        """``per_u * u + per_v * v + constant`` with coefficients [B]: float32 [B, H, W]."""
        row = per_u[:, None] * self.u + constant[:, None]
        column = per_v[:, None] * self.v
        return row[:, None, :] + column[:, :, None]


def entry_depth(kind: str, matrix: Tensor, offset: Tensor, rays: Rays) -> Tensor:
    """Depth t at which each ray enters a part, or ``inf`` where it misses: float32 [B, H, W].

    Args:
        kind: "ellipsoid", "box" or "cylinder" (axis y).
        matrix: float32 [B, 3, 3], camera axes to unit-primitive coordinates.
        offset: float32 [B, 3], so that local = matrix @ camera + offset.
        rays: the pixel grid.
    """
    return {"ellipsoid": _ellipsoid, "box": _box, "cylinder": _cylinder}[kind](matrix, offset, rays)


def _ellipsoid(matrix: Tensor, offset: Tensor, rays: Rays) -> Tensor:
    """|o + t d| = 1. With o split along d and across it: t = -(o.d)/dd - sqrt((1 - |o_x|^2)/dd)."""
    d = matrix[:, :, 2]
    dd = (d * d).sum(1)
    # Two unit vectors across d; the first is made with the axis that d leans on least.
    helper = torch.zeros_like(d).scatter_(1, d.abs().argmin(1, keepdim=True), 1.0)
    e1 = _unit(torch.linalg.cross(d, helper))
    e2 = _unit(torch.linalg.cross(d, e1))
    across1 = _project(e1, matrix, offset, rays)
    across2 = _project(e2, matrix, offset, rays)
    inside = 1.0 - across1 * across1 - across2 * across2
    middle = _project(-d / dd[:, None], matrix, offset, rays)
    depth = middle - (inside.clamp(min=0.0) / dd[:, None, None]).sqrt()
    return torch.where(inside > 0, depth, MISS)


def _box(matrix: Tensor, offset: Tensor, rays: Rays) -> Tensor:
    """The three slabs |o_k + t d_k| <= 1."""
    near, far = _slab(0, matrix, offset, rays)
    for axis in (1, 2):
        low, high = _slab(axis, matrix, offset, rays)
        near, far = torch.maximum(near, low), torch.minimum(far, high)
    return torch.where(near < far, near, MISS)


def _cylinder(matrix: Tensor, offset: Tensor, rays: Rays) -> Tensor:
    """The circle in x, z and the slab in y."""
    dx, dz = matrix[:, 0, 2], matrix[:, 2, 2]
    # Seen along its axis, the rays hardly move in x and z; a slight slant stands for none.
    is_along = dx * dx + dz * dz < _SMALL
    dx = torch.where(is_along, _SMALL**0.5, dx)
    dz = torch.where(is_along, 0.0, dz)
    dd = dx * dx + dz * dz
    zero = torch.zeros_like(dx)
    root = dd.sqrt()
    across = _project(torch.stack([dz / root, zero, -dx / root], 1), matrix, offset, rays)
    middle = _project(torch.stack([-dx / dd, zero, -dz / dd], 1), matrix, offset, rays)
    inside = 1.0 - across * across
    half = (inside.clamp(min=0.0) / dd[:, None, None]).sqrt()
    low, high = _slab(1, matrix, offset, rays)
    near, far = torch.maximum(middle - half, low), torch.minimum(middle + half, high)
    return torch.where((inside > 0) & (near < far), near, MISS)


def _slab(axis: int, matrix: Tensor, offset: Tensor, rays: Rays) -> tuple[Tensor, Tensor]:
    """Depths at which the rays enter and leave |local[axis]| <= 1."""
    d = matrix[:, axis, 2]
    # A ray along the slab never crosses it; a tiny slope gives the same answer without a division
    # by zero.
    d = torch.where(d.abs() < _SMALL, torch.full_like(d, _SMALL), d)
    middle = rays.affine(-matrix[:, axis, 0] / d, -matrix[:, axis, 1] / d, -offset[:, axis] / d)
    half = (1.0 / d).abs()[:, None, None]
    return middle - half, middle + half


def _project(weights: Tensor, matrix: Tensor, offset: Tensor, rays: Rays) -> Tensor:
    """``weights . o`` for every ray; weights [B, 3]."""
    return rays.affine(
        (weights * matrix[:, :, 0]).sum(1),
        (weights * matrix[:, :, 1]).sum(1),
        (weights * offset).sum(1),
    )


def _unit(vector: Tensor) -> Tensor:
    return vector / (vector * vector).sum(1, keepdim=True).sqrt()
