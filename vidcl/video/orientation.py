"""How a stored picture is turned and flipped for display."""

from typing import Any

import numpy as np
from av.video.frame import VideoFrame


def rotation_of(frame: VideoFrame) -> int:
    """Degrees counter-clockwise the picture is to be turned by: 0, 90, 180 or 270.

    Other angles are taken to the nearest of these. A picture that is mirrored too is flipped left
    to right first (``orientation_of``).
    """
    return orientation_of(frame)[0]


def orientation_of(frame: VideoFrame) -> tuple[int, bool]:
    """(degrees counter-clockwise, mirrored): flip left to right if mirrored, then turn."""
    extras = frame.side_data
    data: Any = extras.get("DISPLAYMATRIX") if len(extras) else None
    if data is None:
        return 0, False
    # 3 x 3, row-major, native order: x' = a x + c y, y' = b x + d y in 16.16 fixed point.
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].astype(float)
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    degrees = -np.degrees(np.arctan2(b, a)) if (a, b) != (0.0, 0.0) else 0.0
    return (round(degrees / 90) * 90) % 360, bool(mirrored)


def upright(image: np.ndarray, rotation: int, mirrored: bool) -> np.ndarray:
    """A stored picture [H, W, 3] as it is shown; rows may be apart, pixels are not."""
    if mirrored:
        image = image[:, ::-1]
    if rotation:
        image = np.rot90(image, rotation // 90)
    _, width, channels = image.shape
    rows, columns, values = image.strides
    if rows >= width * columns and columns == channels * values:
        return image
    return np.ascontiguousarray(image)
