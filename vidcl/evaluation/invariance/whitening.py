"""Coordinates in which features have unit variance in every direction."""

from dataclasses import dataclass

import numpy as np

from vidcl.errors import VidclError
from vidcl.evaluation.feature_file import FeatureSource


@dataclass(frozen=True)
class Whitening:
    """The affine map to whitened coordinates."""

    mean: np.ndarray
    """float64 [D]."""
    root: np.ndarray
    """float64 [D, D], root root^T is the inverse of the covariance."""
    shrinkage: float
    """0..1, the share of the covariance that was replaced by a multiple of the identity."""

    def apply(self, features: np.ndarray) -> np.ndarray:
        """[n, D] to float64 [n, D]. Lengths here are Mahalanobis distances to the mean."""
        return (features - self.mean) @ self.root


def fit_whitening(source: FeatureSource, shrinkage: float | None = None) -> Whitening:
    """Whiten by the mean and the covariance of all N rows, in two passes.

    Args:
        source: features [N, D].
        shrinkage: s of (1 - s) covariance + s (trace / D) identity; None takes the value of Ledoit
            and Wolf (2004), which is near 0 for many more images than units and keeps the inverse
            from being noise where there are few: with N <= D and s = 0 all whitened images are
            equally far from each other, whatever the features are. 0 is the plain inverse.

    Raises:
        VidclError: a value is not finite, no feature varies, or the covariance cannot be inverted.
    """
    total = np.zeros(source.units)
    for batch in source.batches():
        total += batch.sum(axis=0, dtype=np.float64)
    mean = total / source.rows
    if not np.isfinite(mean).all():
        raise VidclError("Some features are NaN or infinite: embed the images again.")
    covariance = np.zeros((source.units, source.units))
    fourth = 0.0
    for batch in source.batches():
        centred = batch - mean
        covariance += centred.T @ centred
        fourth += float((np.einsum("nd,nd->n", centred, centred) ** 2).sum())
    covariance /= source.rows
    level = float(np.trace(covariance)) / source.units
    # rounding leaves some variance to features that are all alike
    if level <= 1e-12 * max(1e-30, float(np.square(mean).mean())):
        raise VidclError("All features are alike, so they cannot be whitened: train the encoder.")
    if shrinkage is None:
        shrinkage = _ledoit_wolf(covariance, level, fourth, source.rows)
    covariance *= 1 - shrinkage
    covariance[np.diag_indices(source.units)] += shrinkage * level
    try:
        root = np.linalg.inv(np.linalg.cholesky(covariance)).T
    except np.linalg.LinAlgError as error:
        raise VidclError(
            "The features' covariance has no inverse (fewer images than units, or units that do "
            "not vary): whiten with shrinkage."
        ) from error
    return Whitening(mean, np.ascontiguousarray(root), float(shrinkage))


def _ledoit_wolf(covariance: np.ndarray, level: float, fourth: float, rows: int) -> float:
    """The shrinkage that minimises the expected squared error of the covariance."""
    square = float((covariance**2).sum())
    noise = (fourth / rows - square) / rows
    distance = square - len(covariance) * level**2
    if distance <= 0:
        return 1.0
    return float(np.clip(noise / distance, 0.0, 1.0))
