"""Push one silhouette over another until it covers a wanted share."""

import numpy as np

_STEPS = 32


def cover(
    coverage: np.ndarray,
    corner: np.ndarray,
    occluder: np.ndarray,
    side: float,
    share: float,
) -> tuple[np.ndarray, float]:
    """Place an occluder so that it hides about ``share`` of an object.

    It comes from ``side`` straight towards the middle of the object, and stops where the hidden
    share is nearest to the wanted one (for a share of 0: where it just does not touch).

    Args:
        coverage: float32 [h, w] of the object, in [0, 1].
        corner: int [2] x, y of its upper left pixel.
        occluder: float32 [h', w'] coverage of the occluder.
        side: degrees, 0 is right, 90 is below.
        share: wanted hidden share, in [0, 1).

    Returns:
        Corner int64 [2] of the occluder, and the share that it hides there.
    """
    size, other = np.array(coverage.shape[::-1]), np.array(occluder.shape[::-1])
    reach = float(np.hypot(*(size + other))) / 2 + 1
    direction = np.array([np.cos(np.radians(side)), np.sin(np.radians(side))])
    distances = np.linspace(reach, 0, _STEPS)[:, None]
    shifts = np.rint((size - other) / 2 + distances * direction).astype(np.int64)
    hidden = np.array([_hidden(coverage, occluder, shift) for shift in shifts])
    best = int(np.abs(hidden - share).argmin())
    if share == 0:
        best = int(np.flatnonzero(hidden == 0)[-1])
    return corner + shifts[best], float(hidden[best])


def _hidden(coverage: np.ndarray, occluder: np.ndarray, shift: np.ndarray) -> float:
    """Share of ``coverage`` under the occluder whose corner lies at ``shift`` within it."""
    x, y = int(shift[0]), int(shift[1])
    height, width = coverage.shape
    inner = occluder[max(-y, 0) : max(height - y, 0), max(-x, 0) : max(width - x, 0)]
    rows, columns = inner.shape
    part = coverage[max(y, 0) : max(y, 0) + rows, max(x, 0) : max(x, 0) + columns]
    if not part.size:
        return 0.0
    total = float(coverage.sum(dtype=np.float64))
    return float((part * inner).sum(dtype=np.float64)) / total
