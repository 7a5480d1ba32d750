"""The object classes: each is a template of three to five parts.

Object axes: x right, y up, z to the front (towards the camera at azimuth 0). Lengths are relative;
an instance is scaled so that its radius is 1. A cylinder's axis is its own y axis.
"""

from typing import Literal, NamedTuple

Primitive = Literal["ellipsoid", "box", "cylinder"]


class PartTemplate(NamedTuple):
    """One part: shape, centre, half sizes along its own axes, rotation in degrees (x, y, z)."""

    kind: Primitive
    centre: tuple[float, float, float]
    half: tuple[float, float, float]
    rotation: tuple[float, float, float] = (0.0, 0.0, 0.0)


def _part(
    kind: Primitive,
    centre: tuple[float, float, float],
    half: tuple[float, float, float],
    rotation: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> PartTemplate:
    return PartTemplate(kind, centre, half, rotation)


TEMPLATES: dict[str, tuple[PartTemplate, ...]] = {
    "snowman": (
        _part("ellipsoid", (0.0, -0.5, 0.0), (0.6, 0.5, 0.6)),
        _part("ellipsoid", (0.0, 0.2, 0.0), (0.42, 0.38, 0.42)),
        _part("box", (0.0, 0.72, 0.0), (0.34, 0.22, 0.34)),
        _part("cylinder", (0.0, 0.2, 0.5), (0.16, 0.25, 0.16), (90.0, 0.0, 0.0)),
    ),
    "lamp": (
        _part("cylinder", (0.0, -0.75, 0.0), (0.55, 0.16, 0.55)),
        _part("box", (0.0, -0.15, 0.0), (0.16, 0.5, 0.16)),
        _part("cylinder", (0.0, 0.55, 0.0), (0.62, 0.32, 0.5)),
        _part("ellipsoid", (0.42, -0.25, 0.1), (0.24, 0.24, 0.24)),
    ),
    "truck": (
        _part("box", (-0.2, -0.1, 0.0), (0.55, 0.32, 0.42)),
        _part("box", (0.55, 0.1, 0.0), (0.28, 0.5, 0.4)),
        _part("cylinder", (-0.4, -0.5, 0.0), (0.26, 0.5, 0.26), (90.0, 0.0, 0.0)),
        _part("cylinder", (0.5, -0.5, 0.0), (0.26, 0.5, 0.26), (90.0, 0.0, 0.0)),
        _part("ellipsoid", (-0.2, 0.35, 0.0), (0.4, 0.25, 0.32)),
    ),
    "robot": (
        _part("box", (0.0, -0.1, 0.0), (0.42, 0.5, 0.3)),
        _part("box", (0.0, 0.68, 0.0), (0.28, 0.25, 0.28)),
        _part("cylinder", (-0.62, 0.0, 0.05), (0.17, 0.48, 0.17), (0.0, 0.0, -12.0)),
        _part("cylinder", (0.62, 0.0, 0.05), (0.17, 0.48, 0.17), (0.0, 0.0, 12.0)),
        _part("ellipsoid", (0.0, -0.75, 0.1), (0.5, 0.2, 0.42)),
    ),
    "table": (
        _part("box", (0.0, 0.4, 0.0), (0.75, 0.16, 0.6)),
        _part("cylinder", (0.0, -0.2, 0.0), (0.2, 0.5, 0.2)),
        _part("ellipsoid", (0.0, -0.65, 0.0), (0.5, 0.18, 0.5)),
        _part("cylinder", (0.3, 0.7, 0.15), (0.2, 0.22, 0.2)),
    ),
    "mushroom": (
        _part("cylinder", (0.0, -0.4, 0.0), (0.26, 0.5, 0.26)),
        _part("ellipsoid", (0.0, 0.3, 0.0), (0.75, 0.38, 0.7)),
        _part("ellipsoid", (0.48, -0.6, 0.25), (0.28, 0.3, 0.28)),
    ),
    "dumbbell": (
        _part("ellipsoid", (-0.6, 0.1, 0.0), (0.38, 0.42, 0.42)),
        _part("box", (0.6, 0.1, 0.0), (0.3, 0.38, 0.38)),
        _part("cylinder", (0.0, 0.1, 0.0), (0.2, 0.5, 0.2), (0.0, 0.0, 90.0)),
        _part("box", (0.0, -0.4, 0.0), (0.24, 0.36, 0.34)),
    ),
    "tower": (
        _part("box", (0.0, -0.6, 0.0), (0.52, 0.28, 0.52)),
        _part("cylinder", (0.0, -0.02, 0.0), (0.4, 0.34, 0.4)),
        _part("box", (0.0, 0.45, 0.0), (0.3, 0.2, 0.3), (0.0, 45.0, 0.0)),
        _part("ellipsoid", (0.0, 0.78, 0.0), (0.26, 0.24, 0.26)),
    ),
    "chair": (
        _part("box", (0.0, -0.1, 0.0), (0.5, 0.15, 0.5)),
        _part("box", (0.0, 0.45, -0.4), (0.5, 0.5, 0.14)),
        _part("cylinder", (-0.32, -0.55, 0.0), (0.16, 0.36, 0.3)),
        _part("cylinder", (0.32, -0.55, 0.0), (0.16, 0.36, 0.3)),
        _part("ellipsoid", (0.0, 0.15, 0.1), (0.3, 0.18, 0.28)),
    ),
    "bird": (
        _part("ellipsoid", (0.0, -0.1, 0.0), (0.42, 0.4, 0.6)),
        _part("ellipsoid", (0.0, 0.45, 0.42), (0.28, 0.28, 0.28)),
        _part("box", (0.0, 0.4, 0.75), (0.13, 0.12, 0.24)),
        _part("box", (0.0, 0.05, -0.68), (0.36, 0.12, 0.3), (25.0, 0.0, 0.0)),
        _part("cylinder", (0.0, -0.6, 0.0), (0.22, 0.22, 0.22)),
    ),
    "camera": (
        _part("box", (0.0, -0.1, 0.0), (0.68, 0.44, 0.3)),
        _part("cylinder", (0.12, -0.1, 0.48), (0.34, 0.3, 0.34), (90.0, 0.0, 0.0)),
        _part("box", (-0.3, 0.5, 0.0), (0.26, 0.2, 0.24)),
        _part("ellipsoid", (0.42, 0.42, 0.0), (0.22, 0.2, 0.22)),
    ),
    "teapot": (
        _part("ellipsoid", (0.0, -0.1, 0.0), (0.55, 0.46, 0.55)),
        _part("cylinder", (0.0, 0.42, 0.0), (0.28, 0.18, 0.28)),
        _part("cylinder", (0.62, 0.1, 0.0), (0.15, 0.42, 0.15), (0.0, 0.0, -40.0)),
        _part("box", (-0.62, 0.05, 0.0), (0.2, 0.34, 0.15)),
    ),
}
"""Class name -> parts, in the fixed order that numbers the classes."""
