"""Rotations and the extent of an object in the picture.

Camera axes: x right, y down (as pixels), z away from the camera. Object axes: x right, y up, z to
the front. All angles are degrees, all arrays float64.
"""

import numpy as np


def rotation(axis: int, degrees: float | np.ndarray) -> np.ndarray:
    """Right-handed rotation about a coordinate axis: float64 [..., 3, 3]."""
    angle = np.radians(np.asarray(degrees, dtype=np.float64))
    cos, sin = np.cos(angle), np.sin(angle)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.zeros((*angle.shape, 3, 3))
    matrix[..., axis, axis] = 1.0
    matrix[..., i, i] = matrix[..., j, j] = cos
    matrix[..., j, i], matrix[..., i, j] = sin, -sin
    return matrix


def object_to_camera(azimuth: np.ndarray, elevation: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """Rotations [B, 3, 3] that bring object axes to camera axes.

    Args:
        azimuth: [B] turn of the object about its own vertical axis.
        elevation: [B] height of the camera above the horizontal through the object.
        roll: [B] in-plane rotation.
    """
    flip = np.diag([1.0, -1.0, -1.0])
    return rotation(2, roll) @ flip @ rotation(0, elevation) @ rotation(1, azimuth)


def light_vector(angle: float | np.ndarray, around: float | np.ndarray) -> np.ndarray:
    """Unit vectors [..., 3] in camera axes that point to the light.

    Args:
        angle: degrees between the light and the direction from the object to the camera.
        around: degrees about the view axis; 0 is right, 90 is up.
    """
    tilt, turn = np.radians(angle), np.radians(around)
    sideways = np.sin(tilt)
    vector = (sideways * np.cos(turn), -sideways * np.sin(turn), -np.cos(tilt))
    return np.stack(np.broadcast_arrays(*vector), axis=-1)


def part_extents(kind: str, axes: np.ndarray) -> np.ndarray:
    """Largest reach of a part along each outer axis from its centre: [..., 3].

    Args:
        kind: "ellipsoid", "box" or "cylinder".
        axes: [..., 3, 3] whose columns are the part's half axes in the outer coordinates.
    """
    if kind == "box":
        return np.abs(axes).sum(-1)
    if kind == "ellipsoid":
        return np.sqrt((axes**2).sum(-1))
    return np.sqrt(axes[..., 0] ** 2 + axes[..., 2] ** 2) + np.abs(axes[..., 1])
