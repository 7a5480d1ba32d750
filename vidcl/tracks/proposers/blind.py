"""Proposers that do not look: controls."""

import numpy as np

from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.proposers.base import Proposed, Unseeing


class GridProposer(Unseeing):
    """Boxes of two sizes on a regular grid, whatever is there: a control."""

    def propose(self, scene: Scene) -> Proposed:
        width, height = scene.size
        boxes = []
        for share in (0.5, 0.33):
            side = share * min(width, height)
            for y in _centres(height, side):
                for x in _centres(width, side):
                    boxes.append([x - side / 2, y - side / 2, x + side / 2, y + side / 2])
        return Proposed(np.array(boxes), np.zeros(len(boxes)))


def _centres(length: float, side: float) -> np.ndarray:
    count = max(1, int(length // side))
    return (np.arange(count) + 0.5) * length / count


class RandomProposer(Unseeing):
    """Boxes of random size, shape and place: a control."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def propose(self, scene: Scene) -> Proposed:
        width, height = scene.size
        draw = self._generator
        count = 32
        side = min(width, height) * np.exp(draw.uniform(np.log(0.2), np.log(0.6), count))
        aspect = np.exp(draw.uniform(np.log(0.5), np.log(2.0), count))
        w = np.minimum(side * np.sqrt(aspect), width)
        h = np.minimum(side / np.sqrt(aspect), height)
        x, y = draw.uniform(0, 1, count) * (width - w), draw.uniform(0, 1, count) * (height - h)
        return Proposed(np.stack([x, y, x + w, y + h], axis=1), np.zeros(count))
