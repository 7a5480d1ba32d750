"""Transitions between shots, made of their frames, to measure and test how cuts are found."""

from collections.abc import Callable

import cv2
import numpy as np

#: A list of frames, uint8 [H, W, 3] each, all of one size.
Frames = list[np.ndarray]


def dissolve(before: Frames, after: Frames, length: int) -> tuple[Frames, tuple[int, int]]:
    """The last ``length`` frames of one shot mixed with the first of another.

    Returns:
        The frames, and the numbers of the first mixed frame and of the first pure one after it.
    """
    start = len(before) - length
    mixed = []
    for k in range(length):
        share = (k + 1) / (length + 1)
        mixed.append(cv2.addWeighted(before[start + k], 1 - share, after[k], share, 0))
    return before[:start] + mixed + after[length:], (start, start + length)


def fade(
    before: Frames, after: Frames, length: int, hold: int, level: int
) -> tuple[Frames, tuple[int, int]]:
    """One shot fades to the grey ``level`` (0 to 255) over ``length`` frames, which stays for about
    ``hold`` frames, and another fades in from it over as many.

    Returns:
        The frames, and the numbers of the first faded frame and of the first pure one after it.
    """
    empty = np.full_like(before[0], level)
    out, (start, _) = dissolve(before, [empty] * length, length)
    back, (_, pure) = dissolve([empty] * (length + hold), after, length)
    return out + back, (start, len(out) + pure)


def flash(
    frames: Frames, at: int, length: int, light: Callable[[np.ndarray], np.ndarray]
) -> Frames:
    """The frames, ``length`` of them lit, from number ``at`` on."""
    lit = [light(image.astype(np.float32)) for image in frames[at : at + length]]
    bright = [np.clip(image, 0, 255).astype(np.uint8) for image in lit]
    return frames[:at] + bright + frames[at + length :]


def _spot(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width] / np.array([height, width]).reshape(2, 1, 1)
    return image + 320 * np.exp(-(((x - 0.35) / 0.3) ** 2) - ((y - 0.45) / 0.4) ** 2)[..., None]


#: What a flash does to a frame, float32 [H, W, 3]; clipped afterwards.
FLASHES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "white": lambda image: np.full_like(image, 255),
    "brighter": lambda image: 1.5 * image + 90,
    "spot": _spot,
}
