"""Regression with a cross-validated penalty against loops and scikit-learn."""

import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.evaluation.probes.ridge_cv import cross_validated_errors, fit_path, ridge_cv_probe
from vidcl.evaluation.probes.splits import group_folds


def data(instances=30, views=5, dim=10, noise=0.5, seed=0):
    rng = np.random.default_rng(seed)
    instance = np.repeat(np.arange(instances), views)
    azimuth = rng.uniform(0, 360, len(instance))
    scale = rng.uniform(1, 3, len(instance))
    told = np.stack([np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth)), scale], axis=1)
    x = told @ np.random.default_rng(5).normal(size=(3, dim))
    x += noise * rng.normal(size=x.shape) + rng.normal(size=(instances, dim))[instance] * 0.3
    return x, {"azimuth": azimuth, "scale": scale}, instance


@pytest.mark.parametrize("penalty", [1e-6, 0.1, 100.0])
def test_the_path_solves_the_normal_equations(penalty):
    x, columns, _ = data()
    x[:, 4] *= 50
    y = np.stack(list(columns.values()), axis=1)
    z = (x - x.mean(0)) / np.sqrt(x.var(0).mean())
    design = np.append(z, np.ones((len(z), 1)), axis=1)
    inner = design.T @ design + len(z) * penalty * np.diag([1.0] * 10 + [0.0])
    said = design @ np.linalg.inv(inner) @ design.T @ y
    assert fit_path(x, y).predict(x, [9.0, penalty])[1] == pytest.approx(said, abs=1e-8)


def test_the_errors_of_all_penalties_are_those_of_separate_fits():
    x, columns, instance = data()
    x[:, 3] = x[:, 2]  # collinear
    y = np.stack(list(columns.values()), axis=1)
    fold = group_folds(instance, 4, np.random.default_rng(0))
    penalties = (1e-6, 0.1, 100.0)
    told = cross_validated_errors(x, y, fold, penalties)
    for place, penalty in enumerate(penalties):
        errors = np.zeros(2)
        for number in range(4):
            fit = fit_path(x[fold != number], y[fold != number])
            wrong = fit.predict(x[fold == number], [penalty])[0] - y[fold == number]
            errors += (wrong**2).sum(0)
        assert told[place] == pytest.approx(errors)


def test_a_unit_that_hardly_fires_in_training_does_no_harm():
    x, columns, instance = data()
    test, truth, _ = data(seed=1)
    plain = ridge_cv_probe(x, columns, test, truth, train_groups=instance, bootstrap=0)
    rare, often = np.zeros((150, 1)), np.random.default_rng(0).random((150, 1))
    rare[7] = 1e-5
    x, test = np.append(x, rare, axis=1), np.append(test, often, axis=1)
    spoilt = ridge_cv_probe(x, columns, test, truth, train_groups=instance, bootstrap=0)
    for before, after in zip(plain, spoilt, strict=True):
        assert after["value"] == pytest.approx(before["value"], abs=0.02)


def test_constant_features_predict_the_mean():
    _, columns, instance = data()
    flat = np.ones((150, 3))
    for entry in ridge_cv_probe(flat, columns, flat, columns, train_groups=instance):
        assert entry["value"] == pytest.approx(0)


def test_the_probe_is_a_grouped_search_and_one_test():
    linear = pytest.importorskip("sklearn.linear_model")
    x, columns, instance = data()
    test, truth, shown = data(seed=1)
    # few rows of many noisy features: the penalty matters
    noise = np.random.default_rng(7)
    x = np.concatenate((x, noise.normal(size=(len(x), 60))), axis=1)
    test = np.concatenate((test, noise.normal(size=(len(test), 60))), axis=1)
    entries = ridge_cv_probe(
        x, columns, test, truth, train_groups=instance, test_groups=shown, seed=2
    )
    assert [entry["metric"] for entry in entries] == ["R2 azimuth", "R2 scale"]
    fold = group_folds(instance, 5, np.random.default_rng(2))

    def targets(name, values):
        turn = np.radians(values)
        return np.stack([np.sin(turn), np.cos(turn)], 1) if name == "azimuth" else values[:, None]

    def fitted(rows, y, penalty):
        mean, spread = x[rows].mean(0), np.sqrt(x[rows].var(0).mean())
        # scikit-learn sums over rows where we take the mean
        model = linear.Ridge(alpha=penalty * rows.sum()).fit((x[rows] - mean) / spread, y[rows])
        return lambda z: model.predict((z - mean) / spread).reshape(len(z), -1)

    for entry, name in zip(entries, columns, strict=True):
        y, z = targets(name, columns[name]), targets(name, truth[name])
        errors = {}
        for penalty in entry["settings"]["penalties"]:
            errors[penalty] = sum(
                ((fitted(fold != k, y, penalty)(x[fold == k]) - y[fold == k]) ** 2).sum()
                for k in range(5)
            )
        best = min(errors, key=errors.get)
        assert entry["settings"]["penalty"] == best
        assert 1e-6 < best < 1e3
        wrong = ((fitted(np.full(len(x), True), y, best)(test) - z) ** 2).sum()
        expected = 1 - wrong / ((z - z.mean(0)) ** 2).sum()
        assert entry["value"] == pytest.approx(expected)
        assert entry["interval"][0] < expected < entry["interval"][1]
        assert 0.2 < expected < 1
        assert entry["settings"]["as"] == ("sine and cosine" if name == "azimuth" else "number")


def test_the_interval_is_that_of_a_loop_over_resampled_instances():
    x, columns, instance = data()
    test, truth, shown = data(instances=8, seed=1)
    entry = ridge_cv_probe(
        x,
        {"scale": columns["scale"]},
        test,
        {"scale": truth["scale"]},
        train_groups=instance,
        test_groups=shown,
        bootstrap=200,
        seed=4,
    )[0]
    fit = fit_path(x, columns["scale"][:, None])
    said = fit.predict(test, [entry["settings"]["penalty"]])[0][:, 0]
    rng, drawn = np.random.default_rng(4), []
    for _ in range(200):
        rows = np.concatenate([np.flatnonzero(shown == k) for k in rng.integers(8, size=8)])
        y = truth["scale"][rows]
        drawn.append(1 - ((said[rows] - y) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    assert entry["interval"] == pytest.approx(np.quantile(drawn, (0.025, 0.975)))


def test_features_that_tell_nothing_have_no_r2():
    _, columns, instance = data(instances=100)
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(500, 8)), rng.normal(size=(500, 8))
    for entry in ridge_cv_probe(x, columns, z, columns, train_groups=instance):
        assert abs(entry["value"]) < 0.05
        assert entry["chance"] == 0.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"test_columns": {}}, "no column 'azimuth'"),
        ({"train_columns": {}}, "name one"),
        ({"train_columns": {"azimuth": np.full(150, "a")}}, "no numbers"),
        ({"train_columns": {"azimuth": np.full(150, np.nan)}}, "not finite"),
        ({"train_columns": {"azimuth": np.full(150, 3.0)}}, "do not vary"),
        ({"train_columns": {"azimuth": np.arange(9.0)}}, "match them"),
        ({"train_groups": np.zeros(150)}, "single instance"),
        ({"penalties": (0.0,)}, "above 0"),
        ({"folds": 1}, "two folds"),
        ({"test_features": np.zeros((150, 3))}, "one encoder"),
    ],
)
def test_what_cannot_be_regressed_is_refused(change, words):
    x, columns, _ = data()
    given = {
        "train_features": x,
        "train_columns": columns,
        "test_features": x,
        "test_columns": columns,
    }
    with pytest.raises(VidclError, match=words):
        ridge_cv_probe(**(given | change))
