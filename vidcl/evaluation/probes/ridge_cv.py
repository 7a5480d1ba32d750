"""Regression probe: R2 of numeric labels by ridge, its penalty cross-validated over instances."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vidcl.errors import VidclError
from vidcl.evaluation.bootstrap import LEVEL
from vidcl.evaluation.probes.entry import check_pair, probe_entry
from vidcl.evaluation.probes.regression import check_matrix
from vidcl.evaluation.probes.splits import group_folds

#: Penalties relative to features of unit mean variance.
PENALTIES = tuple(10.0**power for power in range(-6, 4))


def ridge_cv_probe(
    train_features: np.ndarray,
    train_columns: Mapping[str, np.ndarray],
    test_features: np.ndarray,
    test_columns: Mapping[str, np.ndarray],
    *,
    angles: Sequence[str] = ("azimuth",),
    train_groups: np.ndarray | None = None,
    test_groups: np.ndarray | None = None,
    penalties: Sequence[float] = PENALTIES,
    folds: int = 5,
    bootstrap: int = 1000,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """How well numeric labels can be read off the features linearly.

    A column of degrees around the circle is read as its sine and cosine, whose squared errors and
    variances are summed. The penalty has the least squared error over folds of training instances,
    the larger one on a tie; the fit on all training rows is scored on the test rows by
    R2 = 1 - squared error / squared distance from the test mean.

    Args:
        train_features, test_features: [N, D] and [M, D], finite.
        train_columns, test_columns: name -> numbers [N] and [M]; those of training are probed.
        angles: which of them are angles in degrees.
        train_groups, test_groups: [N] and [M], instances; each row is one by default.
        bootstrap: resamples of test instances for the intervals; 0 for none.
        seed: deals the folds and draws the resamples.

    Returns:
        One entry ``regression``, ``R2 NAME`` per column; chance is 0, the test mean's.

    Raises:
        VidclError: shapes, values that are not finite, a column that test lacks or that does not
            vary, a single training instance, or settings out of range.
    """
    train_features, test_features = np.asarray(train_features), np.asarray(test_features)
    check_pair(train_features, test_features)
    if not penalties or min(penalties) <= 0 or folds < 2:
        raise VidclError("The regression probe needs penalties above 0 and two folds or more.")
    groups = np.arange(len(train_features)) if train_groups is None else np.asarray(train_groups)
    told = np.arange(len(test_features)) if test_groups is None else np.asarray(test_groups)
    fold = group_folds(groups, folds, np.random.default_rng(seed))
    ladder = sorted(penalties, reverse=True)
    targets = {}
    for name, column in train_columns.items():
        if name not in test_columns:
            raise VidclError(f"The test rows have no column '{name}': regress on another.")
        turn = name in angles
        targets[name] = (
            _target(column, turn, f"{name} of the training rows", len(train_features)),
            _target(test_columns[name], turn, f"{name} of the test rows", len(test_features)),
        )
    if not targets:
        raise VidclError("There is no numeric label column to regress on: name one.")
    stacked = np.concatenate([train for train, _ in targets.values()], axis=1)
    errors = cross_validated_errors(train_features, stacked, fold, ladder)
    path = fit_path(train_features, stacked)
    entries = []
    first = 0
    for name, (train, test) in targets.items():
        width = train.shape[1]
        own = slice(first, first + width)
        first += width
        total = errors[:, own].sum(1)
        penalty = ladder[int(total.argmin())]
        wrong = (path.predict(test_features, [penalty])[0][:, own] - test) ** 2
        value, interval = _r2(wrong, test, told, bootstrap, seed)
        entries.append(
            probe_entry(
                "regression",
                f"R2 {name}",
                value,
                interval=interval,
                chance=0.0,
                settings={
                    "model": "ridge on centred features over the root of their mean variance",
                    "column": name,
                    "as": "sine and cosine" if width == 2 else "number",
                    "penalty": penalty,
                    "penalties": sorted(penalties),
                    "folds": int(fold.max()) + 1,
                    "folds_over": "training instances",
                    "cross_validated_mse": float(total.min() / len(train)),
                    "train_rows": len(train),
                    "test_rows": len(test),
                    "bootstrap": bootstrap,
                    "seed": seed,
                },
            )
        )
    return entries


@dataclass(frozen=True)
class RidgePath:
    """Ridge regression with every penalty, from one decomposition, in float64.

    Features are centred and divided by the root of their mean variance, all alike. Dividing each by
    its own deviation, as ``fit_ridge`` does for studies, would blow up a unit that hardly ever
    fires in training and fires in the test. Minimises, per target,
    mean_n (y_n - w . z_n - c)^2 + penalty * |w|^2 over w and c.

    Attributes:
        mean: float64 [D]; scale: their common divisor.
        values, vectors: eigenvalues [R] and eigenvectors [D, R] of the covariance of z.
        onto: covariance of eigenvectors and targets [R, T]; centre: targets' mean [T].
    """

    mean: np.ndarray
    scale: float
    values: np.ndarray
    vectors: np.ndarray
    onto: np.ndarray
    centre: np.ndarray

    def predict(self, features: np.ndarray, penalties: Sequence[float]) -> np.ndarray:
        """Predictions float64 [P, N, T] for features [N, D], penalty by penalty."""
        seen = (np.asarray(features, np.float64) - self.mean) / self.scale @ self.vectors
        parts = [seen @ (self.onto / (self.values + one)[:, None]) for one in penalties]
        return np.stack(parts) + self.centre


def fit_path(features: np.ndarray, targets: np.ndarray) -> RidgePath:
    """Decompose features [N, D] for targets [N, T]; constant features predict the mean."""
    wide = np.asarray(features, np.float64)
    mean, centre = wide.mean(0), targets.mean(0)
    z = wide - mean
    scale = float(np.sqrt((z**2).mean())) or 1.0
    z /= scale
    values, vectors = np.linalg.eigh(z.T @ z / len(z))
    kept = values > len(values) * np.finfo(np.float64).eps * max(values[-1], 0.0)
    values, vectors = values[kept], vectors[:, kept]
    onto = vectors.T @ (z.T @ (targets - centre)) / len(z)
    return RidgePath(mean, scale, values, vectors, onto, centre)


def cross_validated_errors(
    features: np.ndarray, targets: np.ndarray, fold: np.ndarray, penalties: Sequence[float]
) -> np.ndarray:
    """Summed squared errors float64 [P, T] over the held-out folds, for every penalty."""
    errors = np.zeros((len(penalties), targets.shape[1]))
    for number in range(int(fold.max()) + 1):
        held = fold == number
        told = fit_path(features[~held], targets[~held]).predict(features[held], penalties)
        errors += ((told - targets[held]) ** 2).sum(1)
    return errors


def _target(column: np.ndarray, angle: bool, what: str, rows: int) -> np.ndarray:
    column = np.asarray(column)
    if column.dtype.kind not in "iufb":
        raise VidclError(f"The column {what} holds no numbers: regress on another.")
    values = column.astype(np.float64).reshape(-1, 1)
    check_matrix(values, f"values {what}")
    if len(values) != rows:
        raise VidclError(f"There are {len(values)} values {what} for {rows} features: match them.")
    if np.ptp(values) == 0:
        raise VidclError(f"The values {what} do not vary: leave the column out.")
    if not angle:
        return values
    radians = np.radians(values)
    return np.concatenate((np.sin(radians), np.cos(radians)), axis=1)


def _r2(
    wrong: np.ndarray, test: np.ndarray, groups: np.ndarray, samples: int, seed: int
) -> tuple[float, list[float] | None]:
    """R2 of squared errors [M, T], and its interval over resampled groups."""
    value = 1 - wrong.sum() / ((test - test.mean(0)) ** 2).sum()
    if samples < 1:
        return float(value), None
    _, member = np.unique(groups, return_inverse=True)
    count = int(member.max()) + 1

    def summed(values: np.ndarray) -> np.ndarray:
        return np.stack([np.bincount(member, weights=column) for column in values.T], axis=1)

    # Centred first, so that the sums of squares keep their digits.
    centred = test - test.mean(0)
    error, one, two = summed(wrong).sum(1), summed(centred), summed(centred**2).sum(1)
    size = np.bincount(member)
    generator = np.random.default_rng(seed)
    drawn = np.full(samples, np.nan)
    for sample in range(samples):
        draw = generator.integers(count, size=count)
        spread = two[draw].sum() - (one[draw].sum(0) ** 2).sum() / size[draw].sum()
        if spread > 1e-12 * two.sum():
            drawn[sample] = 1 - error[draw].sum() / spread
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(drawn, (tail, 1 - tail))
    return float(value), [float(low), float(high)]
