"""One-vs-rest SVMs, the cost of each class chosen by cross-validation."""

from collections.abc import Callable, Sequence

import numpy as np

from vidcl.evaluation.probes.average_precision import precision_recall, step_ap
from vidcl.evaluation.probes.svm_solver import Basis, principal_basis, solve_svm

#: Margins held at a time, float64: 64 MiB; so many classes are fitted together.
BLOCK_VALUES = 1 << 23


def fit_svms(
    features: np.ndarray,
    targets: np.ndarray,
    fold: np.ndarray,
    test_features: np.ndarray,
    ladder: Sequence[float],
    positive_weight: float,
    progress: Callable[[int, int], None] | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Choose every class's cost by cross-validated average precision and fit it on all rows.

    Args:
        features, test_features: float [N, D] and [M, D], as the SVM is to see them.
        targets: int [N, C] in -1, 0, 1; a 0 is left out.
        fold: int [N, C], which fold a row is held out in; -1 where it is left out.
        ladder: costs, ascending; the first of equal ones is chosen.
        positive_weight: of a positive row's cost against a negative one's.
        progress: called with (blocks of classes done, blocks in all).

    Returns:
        The chosen places on the ladder int [C], the average precision by cost and class, meaned
        over folds, and the scores of the test rows [M, C].
    """
    basis = principal_basis(features)
    classes = targets.shape[1]
    block = max(1, BLOCK_VALUES // (len(targets) * (int(fold.max()) + 2)))
    firsts = range(0, classes, block)
    parts = []
    for done, first in enumerate(firsts):
        own = slice(first, first + block)
        parts.append(_fit_block(basis, targets[:, own], fold[:, own], ladder, positive_weight))
        if progress is not None:
            progress(done + 1, len(firsts))
    chosen, crossed, final = (np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))
    return chosen, crossed, basis.of(test_features) @ final


def _fit_block(
    basis: Basis,
    targets: np.ndarray,
    fold: np.ndarray,
    ladder: Sequence[float],
    positive_weight: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of some classes: chosen costs [C], AP by cost and class, weights [R, C].

    Their folds, and the fits on all rows, are solved together, cost after cost.
    """
    rows, classes = targets.shape
    folds = int(fold.max()) + 1
    weight = np.where(targets > 0, positive_weight, 1.0) * (targets != 0)
    # Columns: every fold left out in turn, then none.
    kept = np.stack([(fold != k) * weight for k in range(folds)] + [weight], axis=1)
    kept = kept.reshape(rows, -1)
    signs = np.tile(np.where(targets > 0, 1.0, -1.0), (1, folds + 1))
    best = np.full(classes, -1.0)
    chosen = np.zeros(classes, np.int64)
    final = np.zeros((basis.coordinates.shape[1], classes))
    crossed = np.zeros((len(ladder), classes))
    weights = None
    for place, cost in enumerate(ladder):
        weights, _ = solve_svm(basis, signs, cost * kept, weights)
        scores = basis.coordinates @ weights[:, : folds * classes]
        for k in range(classes):
            held = [np.flatnonzero((fold[:, k] == f) & (targets[:, k] != 0)) for f in range(folds)]
            crossed[place, k] = np.mean(
                [
                    step_ap(*precision_recall(targets[own, k] > 0, scores[own, f * classes + k]))
                    for f, own in enumerate(held)
                ]
            )
        better = crossed[place] > best
        best[better], chosen[better] = crossed[place][better], place
        final[:, better] = weights[:, folds * classes :][:, better]
    return chosen, crossed, final
