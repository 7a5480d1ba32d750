"""Support vector machines against scikit-learn's LinearSVC, and the VOC07 protocol around them."""

import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.evaluation.probes.svm import COSTS, svm_probe
from vidcl.evaluation.probes.svm_solver import principal_basis, solve_svm


def data(n=150, dim=12, classes=3, seed=0, difficult=0.05):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, dim)) * np.exp(np.linspace(1, -1, dim)) + 0.3
    way = np.random.default_rng(77).normal(size=(dim, classes))
    score = x @ way + rng.normal(size=(n, classes))
    targets = np.where(score > np.quantile(score, 0.75, axis=0), 1, -1).astype(np.int8)
    targets[rng.random((n, classes)) < difficult] = 0
    return x, targets


def unit(x):
    return x / (np.linalg.norm(x, axis=1, keepdims=True) + 1e-5)


def objective(weights, x, y, cost):
    """As LIBLINEAR has it; the last weight is the intercept's."""
    margin = y * (np.append(x, np.ones((len(x), 1)), axis=1) @ weights)
    return weights @ weights / 2 + (cost * np.maximum(0, 1 - margin) ** 2).sum()


@pytest.mark.parametrize(("n", "dim"), [(150, 12), (20, 40)])
def test_every_cost_reaches_liblinears_minimum(n, dim):
    svm = pytest.importorskip("sklearn.svm")
    x, targets = data(n, dim, difficult=0.0)
    x = unit(x)
    basis = principal_basis(x)
    start = None
    for cost in COSTS:
        costs = np.where(targets > 0, 2.0, 1.0) * cost
        weights, values = solve_svm(basis, targets, costs, start)
        for k in range(targets.shape[1]):
            plain = basis.directions @ weights[:, k]
            mine = objective(plain, x, targets[:, k], costs[:, k])
            assert mine == pytest.approx(values[k], rel=1e-9)
            theirs = svm.LinearSVC(
                C=cost, class_weight={1: 2, -1: 1}, dual=False, tol=1e-9, max_iter=100_000
            ).fit(x, targets[:, k])
            reached = objective(
                np.append(theirs.coef_[0], theirs.intercept_), x, targets[:, k], costs[:, k]
            )
            assert mine <= reached * (1 + 1e-8)
            scores = basis.of(x) @ weights[:, k]
            assert scores == pytest.approx(theirs.decision_function(x), abs=3e-3)
        start = weights


def test_the_start_and_the_company_do_not_move_the_minimum():
    x, targets = data(difficult=0.0)
    basis = principal_basis(unit(x))
    costs = np.where(targets > 0, 2.0, 1.0) * 10
    whole, values = solve_svm(basis, targets, costs)
    _, again = solve_svm(basis, targets, costs, whole + 3.0)
    assert again == pytest.approx(values, rel=1e-7)
    one, alone = solve_svm(basis, targets[:, 1:2], costs[:, 1:2])
    assert alone[0] == pytest.approx(values[1], rel=1e-7)
    assert basis.coordinates @ one[:, 0] == pytest.approx(basis.coordinates @ whole[:, 1], abs=2e-3)


def test_a_row_without_cost_is_a_row_less():
    x, targets = data(difficult=0.0)
    x = unit(x)
    costs = np.ones(targets.shape)
    costs[100:] = 0
    _, values = solve_svm(principal_basis(x), targets, costs)
    _, fewer = solve_svm(principal_basis(x[:100]), targets[:100], costs[:100])
    assert values == pytest.approx(fewer, rel=1e-7)


@pytest.mark.parametrize("difficult", ["left_out", "negative"])
def test_the_probe_is_the_published_protocol(difficult):
    """Class by class and cost by cost with scikit-learn, as VISSL does it."""
    svm = pytest.importorskip("sklearn.svm")
    selection = pytest.importorskip("sklearn.model_selection")
    metrics = pytest.importorskip("sklearn.metrics")
    x, targets = data()
    test, truth = data(120, seed=1)
    costs = (1e-3, 0.03, 1.0, 30.0)
    entries = svm_probe(x, targets, test, truth, costs=costs, difficult=difficult, bootstrap=0)
    settings = entries[0]["settings"]
    for k in range(3):
        y = targets[:, k].astype(int)
        kept = np.full(len(y), True) if difficult == "negative" else y != 0
        y = np.where(y > 0, 1, -1)[kept]
        best = (-1.0, None)
        for cost in costs:
            one = svm.LinearSVC(
                C=cost, class_weight={1: 2, -1: 1}, dual=False, tol=1e-8, max_iter=100_000
            )
            told = selection.cross_val_score(
                one, unit(x)[kept], y, cv=3, scoring="average_precision"
            ).mean()
            best = max(best, (told, -cost))
        chosen = -best[1]
        assert settings["chosen_costs"][str(k)] == chosen
        assert settings["cross_validated_ap"][str(k)] == pytest.approx(best[0], abs=1e-4)
        one = svm.LinearSVC(
            C=chosen, class_weight={1: 2, -1: 1}, dual=False, tol=1e-8, max_iter=100_000
        ).fit(unit(x)[kept], y)
        shown = truth[:, k] != 0
        score = one.decision_function(unit(test))[shown]
        precision, recall, _ = metrics.precision_recall_curve(truth[shown, k] > 0, score)
        best_beyond = np.maximum.accumulate(precision)
        area = -(np.diff(recall) * best_beyond[:-1]).sum()
        eleven = np.mean([precision[recall >= t - 1e-12].max() for t in np.linspace(0, 1, 11)])
        assert entries[0]["settings"]["per_class"][str(k)] == pytest.approx(area, abs=1e-4)
        assert entries[1]["settings"]["per_class"][str(k)] == pytest.approx(eleven, abs=1e-4)
    for entry in entries:
        assert entry["value"] == pytest.approx(
            np.mean(list(entry["settings"]["per_class"].values()))
        )
    assert [entry["metric"] for entry in entries] == ["mAP", "mAP 11-point"]
    assert entries[0]["chance"] == pytest.approx(
        np.mean([(truth[:, k] > 0).sum() / (truth[:, k] != 0).sum() for k in range(3)])
    )


def test_the_interval_is_that_of_resampled_rows():
    x, targets = data(difficult=0.1)
    test, truth = data(60, seed=1)
    entries = svm_probe(x, targets, test, truth, costs=(1.0,), bootstrap=400)
    low, high = entries[0]["interval"]
    assert low < entries[0]["value"] < high
    # twice the rows, each an instance twice: the same interval; as rows of their own a narrower one
    twice = {"test_features": np.tile(test, (2, 1)), "test_targets": np.tile(truth, (2, 1))}
    groups = np.tile(np.arange(60), 2)
    same = svm_probe(x, targets, **twice, test_groups=groups, costs=(1.0,), bootstrap=400)
    assert same[0]["interval"] == pytest.approx([low, high])
    more = svm_probe(x, targets, **twice, costs=(1.0,), bootstrap=400)[0]["interval"]
    assert more[1] - more[0] < 0.85 * (high - low)


def test_blocks_of_classes_change_nothing(monkeypatch):
    x, targets = data()
    test, truth = data(60, seed=1)
    whole = svm_probe(x, targets, test, truth, costs=(0.1, 1.0), bootstrap=0)
    monkeypatch.setattr("vidcl.evaluation.probes.svm_fit.BLOCK_VALUES", 2 * 4 * 150)
    parts = svm_probe(x, targets, test, truth, costs=(0.1, 1.0), bootstrap=0)
    assert parts[0]["settings"]["chosen_costs"] == whole[0]["settings"]["chosen_costs"]
    assert parts[0]["value"] == pytest.approx(whole[0]["value"])


def test_equal_costs_go_to_the_smaller():
    labels = np.tile([1, -1], 30)[:, None]
    x = np.concatenate((labels, np.ones((60, 1))), axis=1)
    entries = svm_probe(x, labels, x, labels, costs=(10.0, 0.1, 1.0), bootstrap=0)
    assert entries[0]["value"] == 1.0
    assert entries[0]["settings"]["chosen_costs"] == {"0": 0.1}


def test_the_grid_is_the_published_one():
    assert len(COSTS) == 26
    assert {2.0**-19, 2.0**-4, 1e-7, 1e2} <= set(COSTS)


def spoilt(targets, value, rows=slice(None)):
    targets = targets.copy()
    targets[rows, 1] = value
    return targets


X, TARGETS = data()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train_targets": spoilt(TARGETS, -1)}, "Only 0 training instances show '1'"),
        ({"train_targets": spoilt(TARGETS, 1)}, "do not show '1'"),
        ({"test_targets": spoilt(TARGETS, 0)}, "No test row shows '1'"),
        ({"train_targets": spoilt(TARGETS, 5)}, "must be 1"),
        ({"test_targets": TARGETS[:, :2]}, "same classes"),
        ({"train_targets": TARGETS[:9]}, "one row of targets"),
        ({"train_features": np.full(X.shape, np.nan)}, "not finite"),
        ({"test_features": X[:, :3]}, "one encoder"),
        ({"costs": ()}, "above 0"),
        ({"folds": 1}, "two folds"),
        ({"names": ["a"]}, "match them"),
    ],
)
def test_what_cannot_be_measured_is_refused(change, words):
    given = {
        "train_features": X,
        "train_targets": TARGETS,
        "test_features": X,
        "test_targets": TARGETS,
        "costs": (1.0,),
        "bootstrap": 0,
    }
    with pytest.raises(VidclError, match=words):
        svm_probe(**(given | change))
