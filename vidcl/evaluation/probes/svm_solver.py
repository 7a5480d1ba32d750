"""Many linear support vector machines at once, in the primal, each to a certified accuracy.

One column is one problem, with the objective of LIBLINEAR's L2-regularised squared-hinge SVM
(scikit-learn's ``LinearSVC``), the intercept regularised like any weight:

    f(w) = |w|^2 / 2 + sum_n c_n max(0, 1 - y_n w . (x_n, 1))^2

Newton steps by preconditioned conjugate gradients (Keerthi and DeCoste 2005, Chapelle 2007), in the
coordinates of the features' principal directions, where the Hessian is close to diagonal. f is
1-strongly convex, so f(w) - min f <= |grad f(w)|^2 / 2: that bound is the stopping rule.
"""

from dataclasses import dataclass

import numpy as np

from vidcl.errors import VidclError

#: Relative accuracy of the objective.
TOLERANCE = 1e-8
MOST_NEWTON, MOST_CG = 200, 250
_ARMIJO = 1e-4


@dataclass(frozen=True)
class Basis:
    """Features with a constant column, seen in their principal directions.

    Attributes:
        coordinates: float64 [N, R].
        squares: their squares.
        directions: float64 [D + 1, R]; ``[x, 1] @ directions`` are a row's coordinates.
    """

    coordinates: np.ndarray
    squares: np.ndarray
    directions: np.ndarray

    def of(self, features: np.ndarray) -> np.ndarray:
        """Coordinates float64 [M, R] of further features [M, D]."""
        return _with_one(features) @ self.directions


def principal_basis(features: np.ndarray) -> Basis:
    """The basis of features [N, D] with a column of ones; directions of rounding are left out."""
    rows = _with_one(features)
    if len(rows) >= rows.shape[1]:
        values, directions = np.linalg.eigh(rows.T @ rows)
        kept = values > values[-1] * rows.shape[1] * np.finfo(np.float64).eps
        directions = np.ascontiguousarray(directions[:, kept])
    else:
        values, vectors = np.linalg.eigh(rows @ rows.T)
        kept = values > values[-1] * len(rows) * np.finfo(np.float64).eps
        directions = rows.T @ (vectors[:, kept] / np.sqrt(values[kept]))
    coordinates = rows @ directions
    return Basis(coordinates, coordinates**2, directions)


def solve_svm(
    basis: Basis,
    targets: np.ndarray,
    costs: np.ndarray,
    start: np.ndarray | None = None,
    *,
    tolerance: float = TOLERANCE,
) -> tuple[np.ndarray, np.ndarray]:
    """Minimise f for every column.

    Args:
        targets: [N, P], of -1 and 1.
        costs: float [N, P], >= 0; 0 leaves a row out of a problem.
        start: weights [R, P] to start from; zeros by default. A solution for smaller costs saves
            most of the way.

    Returns:
        Weights float64 [R, P] on ``basis.coordinates``, and f there [P], at most
        ``tolerance * f`` above the minimum.

    Raises:
        VidclError: a problem did not reach the tolerance.
    """
    z = basis.coordinates
    targets = targets.astype(np.float64)
    weights = np.zeros((z.shape[1], targets.shape[1])) if start is None else start.copy()
    margins = z @ weights
    values = _objective(weights, margins, targets, costs)
    going = np.arange(targets.shape[1])
    for _ in range(MOST_NEWTON):
        w, m, y, c = weights[:, going], margins[:, going], targets[:, going], costs[:, going]
        active = np.where(y * m < 1, c, 0.0)
        slope = w - 2 * (z.T @ (active * (y - m)))
        open_ = (slope**2).sum(0) / 2 > tolerance * values[going]
        going = going[open_]
        if not len(going):
            return weights, values
        w, m, y, c = w[:, open_], m[:, open_], y[:, open_], c[:, open_]
        slope, active = slope[:, open_], active[:, open_]
        step = _newton_step(basis, active, slope)
        along = z @ step
        length = _line_search(w, m, step, along, y, c, values[going], (slope * step).sum(0))
        weights[:, going] = w + length * step
        margins[:, going] = m + length * along
        values[going] = _objective(weights[:, going], margins[:, going], y, c)
    raise VidclError(
        f"{len(going)} support vector machines did not converge in {MOST_NEWTON} steps: "
        f"leave out the largest costs."
    )


def _newton_step(basis: Basis, active: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Conjugate gradients on (I + 2 Z' A Z) s = -slope, to a tenth of the slope or closer."""
    z = basis.coordinates
    diagonal = 1 + 2 * (basis.squares.T @ active)
    solution = np.zeros_like(slope)
    rest = -slope
    scaled = rest / diagonal
    direction = scaled
    size = (rest * scaled).sum(0)
    # Closer as the minimum nears, so that the last steps are full Newton steps.
    norm = np.sqrt((slope**2).sum(0))
    wanted = np.minimum(0.1, np.sqrt(norm / (1 + norm)) * 0.1) * norm
    for _ in range(MOST_CG):
        bent = direction + 2 * (z.T @ (active * (z @ direction)))
        curve = (direction * bent).sum(0)
        amount = np.where(curve > 0, size / np.where(curve > 0, curve, 1.0), 0.0)
        solution = solution + amount * direction
        rest = rest - amount * bent
        if (np.sqrt((rest**2).sum(0)) <= wanted).all():
            break
        scaled = rest / diagonal
        fresh = (rest * scaled).sum(0)
        direction = (
            scaled + np.where(size > 0, fresh / np.where(size > 0, size, 1.0), 0) * direction
        )
        size = fresh
    return solution


def _line_search(
    w: np.ndarray,
    m: np.ndarray,
    step: np.ndarray,
    along: np.ndarray,
    y: np.ndarray,
    c: np.ndarray,
    value: np.ndarray,
    slope: np.ndarray,
) -> np.ndarray:
    """Halve each column's step [P] until f falls as its slope promises."""
    length = np.ones(len(value))
    for _ in range(60):
        now = _objective(w + length * step, m + length * along, y, c)
        # The last term: f cannot be told closer than its rounding.
        bad = now > value + _ARMIJO * length * slope + 1e-14 * value
        if not bad.any():
            break
        length[bad] /= 2
    return length


def _objective(w: np.ndarray, m: np.ndarray, y: np.ndarray, c: np.ndarray) -> np.ndarray:
    return (w**2).sum(0) / 2 + (c * np.maximum(0.0, 1 - y * m) ** 2).sum(0)


def _with_one(features: np.ndarray) -> np.ndarray:
    wide = np.asarray(features, np.float64)
    return np.concatenate((wide, np.ones((len(wide), 1))), axis=1)
