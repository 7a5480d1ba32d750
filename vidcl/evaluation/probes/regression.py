"""Linear regression probe: how well real-valued factors can be read off frozen features."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from vidcl.errors import VidclError


@dataclass(frozen=True)
class RidgeFit:
    """A linear map from raw features: weights float64 [D, T], intercept float64 [T]."""

    weights: np.ndarray
    intercept: np.ndarray

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Predictions float64 [N, T] for features [N, D]."""
        return np.asarray(features, np.float64) @ self.weights + self.intercept


def feature_scale(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation per feature, float64 [D]; the latter infinite where constant.

    A feature whose spread is no more than the rounding of its type counts as constant; dividing by
    infinity makes it 0, where dividing by its spread would make rounding look like signal.
    """
    wide = np.asarray(features, np.float64)
    mean, spread = wide.mean(0), wide.std(0)
    kind = features.dtype if np.issubdtype(features.dtype, np.floating) else np.float64
    rounding = 8 * np.finfo(kind).eps * np.abs(wide).max(0)
    return mean, np.where(spread > rounding, spread, np.inf)


def fit_ridge(features: np.ndarray, targets: np.ndarray, l2: float = 1e-8) -> RidgeFit:
    """Ridge regression in closed form, in float64.

    Features are standardised (mean 0, standard deviation 1 over the rows given), targets are not.
    Minimises, per target, mean_n (y_n - w . z_n - c)^2 + l2 * |w|^2 over w and c; the intercept c
    is not penalised. Solved in the eigenvectors of the features' correlation matrix; directions
    whose variance is rounding are left out, so constant and collinear features do no harm and
    l2 = 0 gives the solution of smallest |w|.

    Args:
        features: [N, D], finite.
        targets: [N, T], finite.
        l2: weight of the penalty, >= 0, relative to features of unit variance.

    Raises:
        VidclError: wrong shapes, no rows, values that are not finite, or a negative l2.
    """
    features, targets = np.asarray(features), np.asarray(targets)
    check_matrix(features, "features")
    check_matrix(targets, "targets")
    _check_rows(features, targets)
    if not l2 >= 0:
        raise VidclError(f"The ridge penalty l2 must be at least 0, not {l2}.")
    wanted = targets.astype(np.float64)
    mean, spread = feature_scale(features)
    z = (features.astype(np.float64) - mean) / spread
    centre = wanted.mean(0)
    values, vectors = np.linalg.eigh(z.T @ z / len(z))
    kept = values > len(values) * np.finfo(np.float64).eps * max(values[-1], 0.0)
    values, vectors = values[kept], vectors[:, kept]
    onto = vectors.T @ (z.T @ (wanted - centre)) / len(z)
    weights = vectors @ (onto / (values + l2)[:, None]) / spread[:, None]
    return RidgeFit(weights, centre - mean @ weights)


def regression_scores(predicted: np.ndarray, targets: np.ndarray) -> dict[str, Any]:
    """Errors of predictions [N, T] against targets [N, T].

    Returns:
        ``mse``: list of T mean squared errors, in the targets' squared units; ``mean_mse``: their
        mean; ``r2``: list of T values 1 - mse / variance of the test target (1 is perfect, 0 is as
        good as the test mean, below 0 is worse), None for a target that does not vary;
        ``n``: number of rows.

    Raises:
        VidclError: the shapes differ, there are no rows, or a value is not finite.
    """
    predicted, targets = np.asarray(predicted, np.float64), np.asarray(targets, np.float64)
    check_matrix(predicted, "predictions")
    check_matrix(targets, "targets")
    if predicted.shape != targets.shape:
        raise VidclError(
            f"Predictions {list(predicted.shape)} and targets {list(targets.shape)} differ in "
            f"shape: give one prediction per target."
        )
    mse = ((predicted - targets) ** 2).mean(0)
    variance = targets.var(0)
    r2 = [
        float(1 - error / spread) if np.ptp(column) > 0 else None
        for error, spread, column in zip(mse, variance, targets.T, strict=True)
    ]
    return {
        "mse": [float(error) for error in mse],
        "mean_mse": float(mse.mean()),
        "r2": r2,
        "n": len(targets),
    }


def regression_probe(
    train_features: np.ndarray,
    train_targets: np.ndarray,
    test_features: np.ndarray,
    test_targets: np.ndarray,
    *,
    l2: float = 1e-8,
) -> dict[str, Any]:
    """Fit ``fit_ridge`` on the training rows and score it on the test rows.

    To score one fit on several test sets (a nuisance shifted, say), call ``fit_ridge`` once and
    ``regression_scores`` for each.

    Args:
        train_features, test_features: [N, D] and [M, D].
        train_targets, test_targets: [N, T] and [M, T].
        l2: as for ``fit_ridge``; 1e-8 is Foster et al.'s weight for Spirograph.

    Returns:
        What ``regression_scores`` returns.

    Raises:
        VidclError: as ``fit_ridge`` and ``regression_scores``, or test features of another width.
    """
    fit = fit_ridge(train_features, train_targets, l2)
    test_features = np.asarray(test_features)
    check_matrix(test_features, "test features")
    if test_features.shape[1] != len(fit.weights):
        raise VidclError(
            f"Test features have {test_features.shape[1]} columns, training features "
            f"{len(fit.weights)}: embed both with one encoder."
        )
    _check_rows(test_features, np.asarray(test_targets))
    return regression_scores(fit.predict(test_features), test_targets)


def check_matrix(values: np.ndarray, what: str) -> None:
    """Raise a VidclError unless ``values`` is a matrix of finite numbers with at least one row."""
    if values.ndim != 2 or 0 in values.shape:
        raise VidclError(f"The {what} must be a matrix with rows, not of shape {values.shape}.")
    if not np.isfinite(values).all():
        raise VidclError(f"The {what} hold values that are not finite: look at what made them.")


def _check_rows(features: np.ndarray, targets: np.ndarray) -> None:
    if len(features) != len(targets):
        raise VidclError(
            f"There are {len(features)} rows of features and {len(targets)} of targets: "
            f"give one target per feature."
        )
