"""A probability fitted to evidence, and how far it may be believed."""

import numpy as np

from vidcl.errors import VidclError


def logistic(evidence: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """Probabilities float64 [T] of evidence [T, F] under weights and, last, constant [F + 1]."""
    return 1.0 / (1.0 + np.exp(-(evidence @ fitted[:-1] + fitted[-1])))


def fit_logistic(
    evidence: np.ndarray, on: np.ndarray, shares: np.ndarray, penalty: float = 0.01
) -> np.ndarray:
    """Logistic regression by Newton steps: weights of the raw features and, last, the constant.

    Least is the weighted mean of the cross-entropy plus ``penalty / 2`` times the squares of the
    weights of the standardised features; the constant is free.

    Args:
        evidence: float64 [T, F].
        on: bool [T], what is to be predicted.
        shares: float64 [T], larger than 0: how much each row counts against the others.
        penalty: larger than 0, which keeps the weights finite where the rows can be parted.

    Returns:
        float64 [F + 1].

    Raises:
        VidclError: all rows are alike in ``on``, or the steps do not settle.
    """
    if on.all() or not on.any():
        state = "on" if on.all() else "off"
        raise VidclError(f"All boxes are {state} their objects; give longer or other sequences.")
    shares = shares / shares.sum()
    mean, spread = evidence.mean(axis=0), np.maximum(evidence.std(axis=0), 1e-9)
    rows = (evidence - mean) / spread
    wide = np.concatenate([rows, np.ones((len(on), 1))], axis=1)
    pull = np.append(np.full(rows.shape[1], penalty), 0.0)
    found = np.zeros(wide.shape[1])
    for _ in range(100):
        predicted = logistic(rows, found)
        slope = wide.T @ (shares * (predicted - on)) + pull * found
        bend = (wide.T * (shares * predicted * (1 - predicted))) @ wide + np.diag(pull)
        step = np.linalg.solve(bend, slope)
        found = found - step
        if np.abs(step).max() < 1e-10:
            weights = found[:-1] / spread
            return np.append(weights, found[-1] - weights @ mean)
    raise VidclError("The fit does not settle; give more sequences or a larger penalty.")


def area_under_roc(scores: np.ndarray, on: np.ndarray) -> float:
    """Chance that a box on its object scores higher than one that is not, ties counting half; NaN
    where there is only one kind.

    Args:
        scores: [T].
        on: bool [T].
    """
    pairs = float(on.sum()) * float((~on).sum())
    if not pairs:
        return float("nan")
    _, which, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[which]  # from 1; equal scores share theirs
    return float((ranks[on].sum() - on.sum() * (on.sum() + 1) / 2) / pairs)


def calibration(predicted: np.ndarray, on: np.ndarray) -> list[tuple[int, float, float]]:
    """Of ten equal ranges of the probability: boxes, mean prediction and share on their object,
    NaN where there are none.

    Args:
        predicted: [T] in [0, 1].
        on: bool [T].
    """
    place = np.minimum((predicted * 10).astype(int), 9)
    out = []
    for k in range(10):
        here = place == k
        count = int(here.sum())
        means = (predicted[here].mean(), on[here].mean()) if count else (np.nan, np.nan)
        out.append((count, float(means[0]), float(means[1])))
    return out
