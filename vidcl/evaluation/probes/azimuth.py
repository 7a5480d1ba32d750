"""How much of the viewpoint a feature tells."""

import numpy as np

from vidcl.errors import VidclError
from vidcl.evaluation.probes.regression import fit_ridge

#: Objects are dealt into so many parts; each is predicted by a fit on the others.
FOLDS = 5


def nearest_angle(features: np.ndarray, azimuth: np.ndarray, instance: np.ndarray) -> float:
    """Mean angle in degrees between a view and the most similar other view of the same object.

    Small where the feature orders an object's views by how it is turned; 90 where it does not.

    Args:
        features: float [N, D], compared by cosine.
        azimuth: float [N], degrees.
        instance: [N], of any kind; each with at least two views.

    Raises:
        VidclError: an object has one view alone.
    """
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    angles = []
    for name in np.unique(instance):
        rows = np.flatnonzero(instance == name)
        if len(rows) < 2:
            raise VidclError(f"The object {name} has one view: leave it out.")
        scores = unit[rows] @ unit[rows].T
        np.fill_diagonal(scores, -np.inf)
        angles.append(angle_between(azimuth[rows], azimuth[rows][scores.argmax(1)]))
    return float(np.concatenate(angles).mean())


def angle_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Degrees from 0 to 180 between directions in degrees."""
    return np.abs((a - b + 180.0) % 360.0 - 180.0)


def gap_r2(
    features: np.ndarray, azimuth: np.ndarray, instance: np.ndarray, l2: float = 0.01
) -> float:
    """How well the angle between two views of an object can be told from their two features.

    R² of the angle's cosine, predicted linearly from ``|a - b|`` of the features at unit length,
    for objects that the fit has not seen; one number over all folds. 1 is perfect, 0 no better than
    the mean, below 0 worse. Needs no common front of the objects, and no feature that names it.

    Args:
        features: float [N, D].
        azimuth: float [N], degrees.
        instance: [N]; objects are dealt into ``FOLDS`` parts in sorted order.
        l2: weight of the ridge, see ``fit_ridge``.

    Raises:
        VidclError: there are fewer objects than folds.
    """
    names, number = np.unique(instance, return_inverse=True)
    if len(names) < FOLDS:
        raise VidclError(f"There are {len(names)} objects: give at least {FOLDS}.")
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    first, second = np.triu_indices(len(azimuth), 1)
    same = number[first] == number[second]
    first, second = first[same], second[same]
    told = np.abs(unit[first] - unit[second])
    wanted = np.cos(np.radians(azimuth[first] - azimuth[second]))[:, None]
    error = total = 0.0
    for fold in range(FOLDS):
        test = number[first] % FOLDS == fold
        fit = fit_ridge(told[~test], wanted[~test], l2)
        error += float(((fit.predict(told[test]) - wanted[test]) ** 2).sum())
        total += float(((wanted[test] - wanted[~test].mean(0)) ** 2).sum())
    return 1.0 - error / total
