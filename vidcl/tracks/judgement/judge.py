"""How well a step of a region went: motion, looks, sharpness, and one number for all."""

import numpy as np

from vidcl.tracks.boxes import areas, clip_boxes
from vidcl.tracks.judgement.confidence import confidence, features
from vidcl.tracks.judgement.looks import SIDE, affinity, colours, normalise, sharpness
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.patches import cut_patches

#: How fast a template takes on a new look, per followed frame.
RATE = 0.15


class Judge:
    """What is remembered of all regions, in the order of the regions: the first look and a slowly
    adapting one, the first colours, the first size, the sharpest step."""

    def __init__(self) -> None:
        pixels = SIDE * SIDE * 3
        self._memory: dict[str, np.ndarray] = {
            "first": np.zeros((0, pixels), np.float32),
            "recent": np.zeros((0, pixels), np.float32),
            "colours": np.zeros((0, 512), np.float32),
            "size": np.zeros(0),
            "sharpest": np.zeros(0),
        }

    def add(self, scene: Scene, boxes: np.ndarray) -> None:
        """Remember the look of new regions, float64 [N, 4], working pixels."""
        patches = cut_patches(scene.picture, boxes, SIDE)
        looks = normalise(patches)
        new = {
            "first": looks,
            "recent": looks,
            "colours": colours(scene.picture, boxes)[0],
            "size": np.sqrt(areas(boxes)),
            "sharpest": sharpness(patches),
        }
        self._memory = {k: np.concatenate([v, new[k]]) for k, v in self._memory.items()}

    def keep(self, rows: np.ndarray) -> None:
        """Forget all regions but ``rows`` (indices)."""
        self._memory = {k: v[rows] for k, v in self._memory.items()}

    def evidence(self, scene: Scene, boxes: np.ndarray, error: np.ndarray) -> np.ndarray:
        """What speaks for each box, float64 [N, 5]; see ``confidence.features``.

        Args:
            boxes: float64 [N, 4], working pixels.
            error: float64 [N], forward-backward error as a share of each box's size.
        """
        looks = normalise(cut_patches(scene.picture, boxes, SIDE))
        inside, around = colours(scene.picture, boxes)
        sizes = areas(boxes)
        shown = areas(clip_boxes(boxes, *scene.size))
        return features(
            first=(looks * self._memory["first"]).sum(axis=1),
            contrast=affinity(inside, self._memory["colours"]) - affinity(inside, around),
            error=error,
            growth=np.sqrt(np.maximum(sizes, 1e-6)) / np.maximum(self._memory["size"], 1e-3),
            visible=shown / np.maximum(sizes, 1e-9),
        )

    def score(self, scene: Scene, boxes: np.ndarray, error: np.ndarray) -> dict[str, np.ndarray]:
        """Scores of all regions, float64 [N] each in [0, 1], 1 best.

        ``appearance`` is the correlation with the adapting template, negative ones being 0;
        ``blur`` is sharpness relative to the sharpest step so far; ``total`` is the probability
        that the box still holds what it began on. Templates then adapt, the less the worse the
        match.
        """
        total = confidence(self.evidence(scene, boxes, error))
        patches = cut_patches(scene.picture, boxes, SIDE)
        looks = normalise(patches)
        memory = self._memory
        appearance = np.clip((looks * memory["recent"]).sum(axis=1), 0.0, 1.0)
        rate = (RATE * appearance)[:, None]
        memory["recent"] = _unit((1 - rate) * memory["recent"] + rate * looks)
        sharp = sharpness(patches)
        memory["sharpest"] = np.maximum(memory["sharpest"] * 0.99, sharp)
        blur = np.clip(sharp / np.maximum(memory["sharpest"], 1e-6), 0.0, 1.0)
        return {"appearance": appearance.astype(np.float64), "blur": blur, "total": total}


def forward_backward_score(error: np.ndarray, limit: float) -> np.ndarray:
    """1 without error, 0.5 at the limit, towards 0 beyond it; [N] in [0, 1]."""
    return 1.0 / (1.0 + (error / limit) ** 2)


def _unit(rows: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.maximum(norms, 1e-6)).astype(np.float32)
