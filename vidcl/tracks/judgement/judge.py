"""How well a step of a region went: appearance, sharpness, and one number for all."""

import numpy as np

from vidcl.tracks.patches import cut_patches

#: Side of the patches compared.
SIDE = 16
#: How fast a template takes on a new look, per followed frame.
RATE = 0.15


class Judge:
    """Templates of all regions, in the order of the regions."""

    def __init__(self) -> None:
        self._templates = np.zeros((0, SIDE * SIDE * 3), np.float32)
        self._sharpest = np.zeros(0)

    def add(self, picture: np.ndarray, boxes: np.ndarray) -> None:
        """Remember the look of new regions: uint8 [H, W, 3], float64 [N, 4]."""
        patches = cut_patches(picture, boxes, SIDE)
        self._templates = np.concatenate([self._templates, normalise(patches)])
        self._sharpest = np.concatenate([self._sharpest, sharpness(patches)])

    def keep(self, rows: np.ndarray) -> None:
        """Forget all regions but ``rows`` (indices)."""
        self._templates, self._sharpest = self._templates[rows], self._sharpest[rows]

    def score(self, picture: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Appearance and blur scores of all regions, float64 [N] each in [0, 1].

        Appearance is the correlation with the template, negative ones being 0; blur is sharpness
        relative to the sharpest step so far. Templates then adapt, the less the worse the match.
        """
        patches = cut_patches(picture, boxes, SIDE)
        looks = normalise(patches)
        appearance = np.clip((looks * self._templates).sum(axis=1), 0.0, 1.0)
        rate = (RATE * appearance)[:, None]
        mixed = (1 - rate) * self._templates + rate * looks
        norms = np.linalg.norm(mixed, axis=1, keepdims=True)
        self._templates = (mixed / np.maximum(norms, 1e-6)).astype(np.float32)
        sharp = sharpness(patches)
        self._sharpest = np.maximum(self._sharpest * 0.99, sharp)
        blur = np.clip(sharp / np.maximum(self._sharpest, 1e-6), 0.0, 1.0)
        return appearance.astype(np.float64), blur


def normalise(patches: np.ndarray) -> np.ndarray:
    """uint8 [N, S, S, 3] as rows of zero mean and unit norm, float32 [N, S * S * 3].

    The mean is taken per channel, so that a change of light changes little.
    """
    rows = patches.astype(np.float32)
    rows -= rows.mean(axis=(1, 2), keepdims=True)
    rows = rows.reshape(len(rows), -1)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)


def sharpness(patches: np.ndarray) -> np.ndarray:
    """Mean absolute difference of neighbouring pixels, float64 [N], per channel value."""
    values = patches.astype(np.int16)
    across = np.abs(np.diff(values, axis=2)).mean(axis=(1, 2, 3))
    down = np.abs(np.diff(values, axis=1)).mean(axis=(1, 2, 3))
    return (across + down).astype(np.float64)


def forward_backward_score(error: np.ndarray, limit: float) -> np.ndarray:
    """1 without error, 0.5 at the limit, towards 0 beyond it; [N] in [0, 1]."""
    return 1.0 / (1.0 + (error / limit) ** 2)


def total_score(*scores: np.ndarray) -> np.ndarray:
    """Geometric mean of the scores, [N] in [0, 1]."""
    return np.prod(np.stack(scores), axis=0) ** (1.0 / len(scores))
