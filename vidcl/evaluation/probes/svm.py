"""The VOC07 probe: one-vs-rest linear SVMs on frozen features, mean average precision."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from vidcl.errors import VidclError
from vidcl.evaluation.bootstrap import LEVEL
from vidcl.evaluation.probes.average_precision import (
    area_ap,
    average_precisions,
    eleven_point_ap,
    precision_recall,
)
from vidcl.evaluation.probes.entry import check_pair, probe_entry
from vidcl.evaluation.probes.splits import stratified_folds
from vidcl.evaluation.probes.svm_fit import fit_svms
from vidcl.evaluation.probes.svm_solver import TOLERANCE

#: 10^-7..10^2 and 2^-19..2^-4, as the VOC07 runs of Goyal et al. 2019 (VISSL) search.
COSTS = tuple(sorted({10.0**power for power in range(-7, 3)} | {2.0**-k for k in range(4, 20)}))


def svm_probe(
    train_features: np.ndarray,
    train_targets: np.ndarray,
    test_features: np.ndarray,
    test_targets: np.ndarray,
    *,
    names: Sequence[str] | None = None,
    train_groups: np.ndarray | None = None,
    test_groups: np.ndarray | None = None,
    costs: Sequence[float] = COSTS,
    folds: int = 3,
    positive_weight: float = 2.0,
    difficult: Literal["left_out", "negative"] = "left_out",
    bootstrap: int = 1000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Mean average precision of one linear SVM per class, in the protocol of Goyal et al. 2019.

    Rows are divided by (their length + 1e-5). Per class and cost an SVM (squared hinge, L2, the
    intercept regularised, positives weighing twice) is cross-validated over 3 stratified folds, not
    shuffled; the cost of the best mean average precision (the smaller on a tie) is fitted on all
    training rows. Difficult examples are left out of the class's test, as in their code, and also
    of its training, where their code takes them for negatives (``difficult="negative"``).

    Args:
        train_features, test_features: [N, D] and [M, D], finite.
        train_targets, test_targets: int [N, C] and [M, C]: 1 shown, -1 absent, 0 difficult.
        names: of the C classes.
        train_groups, test_groups: [N] and [M], instances: folds and resamples keep them whole;
            each row is one by default.
        positive_weight: of a positive row's cost against a negative one's.
        bootstrap: resamples of test instances for the intervals; 0 for none.
        progress: called with (blocks of classes done, blocks in all).

    Returns:
        Two entries ``svm``: ``mAP``, the area under the best precision at each recall or beyond
        (what VISSL prints), and ``mAP 11-point``, VOC2007's own. Chance is the mean share of
        positives.

    Raises:
        VidclError: shapes, values that are not finite, targets other than -1, 0, 1, a class with
            too few positives or negatives, or settings out of range.
    """
    train_features, test_features = np.asarray(train_features), np.asarray(test_features)
    check_pair(train_features, test_features)
    train, test = np.asarray(train_targets), np.asarray(test_targets)
    _check(train, test, len(train_features), len(test_features))
    if not costs or min(costs) <= 0 or folds < 2 or positive_weight <= 0:
        raise VidclError("The SVM probe needs costs and a weight above 0, and two folds or more.")
    titles = [str(k) for k in range(train.shape[1])] if names is None else [str(n) for n in names]
    if len(titles) != train.shape[1]:
        raise VidclError(f"There are {len(titles)} names for {train.shape[1]} classes: match them.")
    groups = np.arange(len(train)) if train_groups is None else np.asarray(train_groups)
    if difficult == "negative":
        train = np.where(train == 0, -1, train)
    fold = np.stack([_folds(train[:, k], groups, folds, title) for k, title in enumerate(titles)])
    for k, title in enumerate(titles):
        if not (test[:, k] > 0).any():
            raise VidclError(f"No test row shows '{title}': leave the class out.")

    ladder = sorted(costs)
    chosen, crossed, scores = fit_svms(
        _unit(train_features),
        train,
        fold.T,
        _unit(test_features),
        ladder,
        positive_weight,
        progress,
    )
    told = np.arange(len(test)) if test_groups is None else np.asarray(test_groups)
    parts = [(test[:, k] > 0, scores[:, k], test[:, k] != 0) for k in range(len(titles))]
    per_class = [average_precisions(p[use], s[use]) for p, s, use in parts]
    spread = _bootstrap(parts, told, bootstrap, seed)
    settings = {
        "solver": "primal Newton, squared hinge, L2, intercept regularised",
        "tolerance": TOLERANCE,
        "normalisation": "row / (length + 1e-5)",
        "costs": [float(cost) for cost in ladder],
        "chosen_costs": dict(zip(titles, [ladder[k] for k in chosen], strict=True)),
        "cross_validated_ap": dict(zip(titles, crossed.max(0).tolist(), strict=True)),
        "folds": folds,
        "positive_weight": positive_weight,
        "difficult": {"training": difficult, "test": "left_out"},
        "difficult_rows": {
            "training": int((train_targets == 0).sum()),
            "test": int((test == 0).sum()),
        },
        "train_rows": len(train),
        "test_rows": len(test),
        "classes": len(titles),
        "bootstrap": bootstrap,
        "seed": seed,
    }
    chance = float(np.mean([positive[use].mean() for positive, _, use in parts]))
    return [
        probe_entry(
            "svm",
            metric,
            float(np.mean([values[reading] for values in per_class])),
            interval=spread[reading],
            chance=chance,
            settings=settings
            | {"per_class": dict(zip(titles, [v[reading] for v in per_class], strict=True))},
        )
        for metric, reading in (("mAP", "area"), ("mAP 11-point", "eleven_point"))
    ]


def _folds(targets: np.ndarray, groups: np.ndarray, folds: int, title: str) -> np.ndarray:
    """The fold of every row that is not difficult; -1 for those that are."""
    own = np.flatnonzero(targets != 0)
    fold = np.full(len(targets), -1)
    for value, what in ((1, "show"), (-1, "do not show")):
        have = len(np.unique(groups[targets == value]))
        if have < folds:
            raise VidclError(
                f"Only {have} training instances {what} '{title}' and "
                f"{folds} folds need as many: give more rows or leave the class out."
            )
    fold[own] = stratified_folds(targets[own] > 0, groups[own], folds)
    return fold


def _bootstrap(
    parts: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]],
    groups: np.ndarray,
    samples: int,
    seed: int,
) -> dict[str, list[float] | None]:
    """95 % intervals of the two means, resampling test instances alike for all classes."""
    if samples < 1:
        return {"area": None, "eleven_point": None}
    _, member = np.unique(groups, return_inverse=True)
    generator = np.random.default_rng(seed)
    drawn = np.full((samples, 2), np.nan)
    count = int(member.max()) + 1
    # In order once, since sorting what is sorted is quick.
    ordered = []
    for positive, scores, use in parts:
        own = np.flatnonzero(use)[np.argsort(-scores[use], kind="stable")]
        ordered.append((own, positive[own], scores[own]))
    for sample in range(samples):
        times = np.bincount(generator.integers(count, size=count), minlength=count)[member]
        curves = [
            precision_recall(positive, scores, times[own])
            for own, positive, scores in ordered
            if times[own][positive].any()
        ]
        if curves:
            drawn[sample] = (
                np.mean([area_ap(*curve) for curve in curves]),
                np.mean([eleven_point_ap(*curve) for curve in curves]),
            )
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(drawn, (tail, 1 - tail), axis=0)
    return {"area": [low[0], high[0]], "eleven_point": [low[1], high[1]]}


def _unit(features: np.ndarray) -> np.ndarray:
    wide = np.asarray(features, np.float64)
    return wide / (np.linalg.norm(wide, axis=1, keepdims=True) + 1e-5)


def _check(train: np.ndarray, test: np.ndarray, rows: int, test_rows: int) -> None:
    for targets, count, which in ((train, rows, "training"), (test, test_rows, "test")):
        if targets.ndim != 2 or len(targets) != count or targets.shape[1] != train.shape[1]:
            raise VidclError(
                f"The {which} targets have shape {targets.shape} for {count} rows of features: "
                f"give one row of targets per feature and the same classes on both sides."
            )
        if not np.isin(targets, (-1, 0, 1)).all():
            raise VidclError(
                f"The {which} targets must be 1 (shown), -1 (absent) or 0 (difficult)."
            )
