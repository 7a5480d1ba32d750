"""Two small pictures that every factor changes more the stronger it is."""

import numpy as np


def hill() -> np.ndarray:
    """uint8 [48, 64, 3]: broad colours over a fine grain."""
    y, x = np.mgrid[0:48, 0:64] / np.array([47, 63]).reshape(2, 1, 1)
    grain = 12 * np.cos(9 * np.pi * x) * np.cos(7 * np.pi * y)
    planes = (60 + 150 * x, 200 - 140 * y, 40 + 90 * (x + y))
    return np.stack([np.clip(plane + grain, 0, 255) for plane in planes], axis=2).astype(np.uint8)


def cone() -> np.ndarray:
    """uint8 [50, 50, 3]: a bright tilted disc that fades to the edges, over stripes."""
    y, x = np.mgrid[-1:1:50j, -1:1:50j]
    bright = 210 - 120 * np.hypot(x - 0.2, 0.8 * y)
    stripes = 10 * np.sin(16 * (x + 0.5 * y))
    planes = (bright + stripes, 0.8 * bright + 50 * x, 70 + 60 * y - stripes)
    return np.stack([np.clip(plane, 0, 255) for plane in planes], axis=2).astype(np.uint8)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Mean squared, in levels."""
    return float(((one.astype(np.float64) - other) ** 2).mean())
