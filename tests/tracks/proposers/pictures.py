"""Pictures with things in them."""

import numpy as np

from tests.tracks.clips import texture
from vidcl.tracks.motion.scene import Scene

#: Where ``things`` puts its two objects.
THINGS = np.array([[24.0, 30, 64, 78], [92, 50, 140, 88]])


def things() -> np.ndarray:
    """Two plain things on a smooth ground, uint8 [120, 160, 3]."""
    image = texture(3, 120, 160, grain=40, low=120)
    for (x0, y0, x1, y1), colour in zip(
        THINGS.astype(int), ((200, 30, 30), (20, 60, 200)), strict=True
    ):
        image[y0:y1, x0:x1] = colour
    return image


def scene_of(image: np.ndarray, with_flow: bool = False) -> Scene:
    """A scene that has seen one picture."""
    scene = Scene(160, with_flow=with_flow)
    scene.advance(image)
    return scene


def boxes_within(generator: np.random.Generator, count: int, width: int, height: int) -> np.ndarray:
    """Random boxes inside a picture, float64 [count, 4]."""
    low = generator.uniform(0, [width - 6, height - 6], (count, 2))
    high = low + generator.uniform(4, [width, height], (count, 2))
    return np.concatenate([low, np.minimum(high, [width, height])], axis=1)
