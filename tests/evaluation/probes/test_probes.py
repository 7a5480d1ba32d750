"""Linear probes against slow references: normal equations, and plain gradient descent."""

import json

import numpy as np
import pytest
import torch

from vidcl.errors import VidclError
from vidcl.evaluation.probes.linear import TOLERANCE, fit_logistic, linear_probe
from vidcl.evaluation.probes.regression import (
    feature_scale,
    fit_ridge,
    regression_probe,
    regression_scores,
)


def regression_data(n=200, seed=0, noise=0.1):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6)) * (0.1, 1, 10, 1, 1, 1) + (0, 5, -3, 0, 0, 0)
    y = x @ rng.normal(size=(6, 3)) + (1, 2, 3) + noise * rng.normal(size=(n, 3))
    return x, y


def class_data(n=150, classes=3, seed=0, apart=1.5):
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(classes, 5)) * apart
    label = rng.integers(classes, size=n)
    return (centres[label] + rng.normal(size=(n, 5))) * (1, 10, 0.1, 1, 1) + 3, label


@pytest.mark.parametrize("l2", [1e-8, 0.3])
def test_ridge_solves_the_normal_equations(l2):
    x, y = regression_data()
    n = len(x)
    z = (x - x.mean(0)) / x.std(0)
    # One system for weights and intercept, the latter not penalised.
    design = np.concatenate((z, np.ones((n, 1))), axis=1)
    penalty = n * l2 * np.diag([1.0] * 6 + [0.0])
    solved = np.linalg.inv(design.T @ design + penalty) @ design.T @ y
    fit = fit_ridge(x, y, l2)
    assert fit.predict(x) == pytest.approx(design @ solved, abs=1e-9)
    assert fit.weights == pytest.approx(solved[:6] / x.std(0)[:, None], rel=1e-6)


def test_without_a_penalty_it_is_least_squares():
    x, y = regression_data()
    design = np.concatenate((x, np.ones((len(x), 1))), axis=1)
    solved, *_ = np.linalg.lstsq(design, y, rcond=None)
    assert fit_ridge(x, y, 0.0).predict(x) == pytest.approx(design @ solved, abs=1e-9)


def test_the_probe_counts_errors_on_the_test_rows():
    train, test = regression_data(), regression_data(seed=1)
    result = regression_probe(*train, *test)
    fit = fit_ridge(*train)
    for column in range(3):
        errors, total = 0.0, 0.0
        mean = sum(test[1][:, column]) / len(test[1])
        for x, y in zip(test[0], test[1][:, column], strict=True):
            said = sum(x * fit.weights[:, column]) + fit.intercept[column]
            errors += (said - y) ** 2 / len(test[1])
            total += (mean - y) ** 2 / len(test[1])
        assert result["mse"][column] == pytest.approx(errors)
        assert result["r2"][column] == pytest.approx(1 - errors / total)
    assert result["mean_mse"] == pytest.approx(sum(result["mse"]) / 3)
    assert result["n"] == 200
    json.dumps(result)


def test_features_that_tell_nothing_give_the_error_of_the_mean():
    rng = np.random.default_rng(0)
    targets = rng.uniform(0, 1, (4_000, 1))
    result = regression_probe(
        rng.normal(size=(2_000, 4)), targets[:2_000], rng.normal(size=(2_000, 4)), targets[2_000:]
    )
    assert result["mse"][0] == pytest.approx(1 / 12, rel=0.05)
    assert abs(result["r2"][0]) < 0.02


@pytest.mark.parametrize("l2", [0.0, 1e-8])
def test_constant_and_collinear_features_change_nothing(l2):
    x, y = regression_data()
    plain = fit_ridge(x, y, l2).predict(x)
    constant = np.full((len(x), 2), (7.0, 0.0))
    spoilt = np.concatenate((x, constant, x[:, :1] * 2 + x[:, 1:2], x), axis=1)
    fit = fit_ridge(spoilt, y, l2)
    assert fit.predict(spoilt) == pytest.approx(plain, abs=1e-5)
    assert (fit.weights[6:8] == 0).all()
    assert np.abs(fit.weights).max() < 100
    # nothing but constants: the mean
    assert fit_ridge(constant, y, l2).predict(constant) == pytest.approx(
        np.broadcast_to(y.mean(0), y.shape)
    )


def test_rounding_of_float32_is_no_feature():
    rng = np.random.default_rng(0)
    steady = np.float32(3) * (1 + rng.choice([0, 1.2e-7], size=(50, 1)).astype(np.float32))
    moving = (1e4 + rng.normal(size=(50, 1))).astype(np.float32)
    mean, spread = feature_scale(np.concatenate((steady, moving), axis=1))
    assert np.isinf(spread[0])
    assert spread[1] == pytest.approx(1, rel=0.3)
    assert mean == pytest.approx([3, 1e4], rel=1e-3)


def test_more_features_than_rows_are_no_trouble():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 50)), rng.normal(size=(20, 2))
    assert fit_ridge(x, y, 0.0).predict(x) == pytest.approx(y, abs=1e-8)


def test_a_target_that_does_not_vary_has_no_r2():
    scores = regression_scores(np.array([[1.0, 2.0], [1.5, 4.0]]), np.array([[1.0, 2], [1, 4]]))
    assert scores["r2"] == [None, 1.0]
    assert scores["mse"] == [0.125, 0.0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train_features": np.full((9, 6), np.nan)}, "not finite"),
        ({"train_features": np.zeros((0, 6))}, "with rows"),
        ({"train_targets": np.zeros(9)}, "matrix"),
        ({"train_targets": np.zeros((8, 3))}, "one target per feature"),
        ({"test_features": np.zeros((9, 5))}, "one encoder"),
        ({"test_targets": np.zeros((9, 2))}, "one prediction per target"),
        ({"test_targets": np.zeros((8, 3))}, "one target per feature"),
        ({"l2": -1.0}, "at least 0"),
        ({"l2": float("nan")}, "at least 0"),
    ],
)
def test_what_cannot_be_regressed_is_refused(change, words):
    x, y = regression_data(9)
    given = {"train_features": x, "train_targets": y, "test_features": x, "test_targets": y}
    with pytest.raises(VidclError, match=words):
        regression_probe(**(given | change))


def penalised_loss(weights, bias, z, label, l2):
    logits = z @ weights + bias
    chosen = logits[torch.arange(len(z)), label]
    return (logits.exp().sum(1).log() - chosen).mean() + l2 / 2 * (weights**2).sum()


@pytest.mark.parametrize("l2", [1e-2, 1e-4])
def test_the_logistic_fit_is_a_minimum_of_the_penalised_loss(l2):
    x, label = class_data()
    fit = fit_logistic(x, label, l2=l2)
    assert fit.converged
    weights = torch.tensor(fit.weights, requires_grad=True)
    bias = torch.tensor(fit.bias, requires_grad=True)
    z = torch.tensor((x - x.mean(0)) / x.std(0))
    penalised_loss(weights, bias, z, torch.tensor(label), l2).backward()
    assert weights.grad.abs().max() <= 1.01 * TOLERANCE
    assert bias.grad.abs().max() <= 1.01 * TOLERANCE


def test_plain_gradient_descent_comes_to_the_same_classifier():
    l2 = 1e-2
    x, label = class_data()
    z = (x - x.mean(0)) / x.std(0)
    truth = np.eye(3)[label]
    weights, bias = np.zeros((5, 3)), np.zeros(3)
    for _ in range(4_000):
        odds = np.exp(z @ weights + bias)
        off = (odds / odds.sum(1, keepdims=True) - truth) / len(z)
        weights -= 0.5 * (z.T @ off + l2 * weights)
        bias -= 0.5 * off.sum(0)
    fit = fit_logistic(x, label, l2=l2)
    assert fit.weights == pytest.approx(weights, abs=2e-3)
    assert fit.bias - fit.bias.mean() == pytest.approx(bias - bias.mean(), abs=2e-3)
    assert (fit.predict(x) == (z @ weights + bias).argmax(1)).all()


@pytest.mark.parametrize("kind", [np.int32, np.int64, np.float64, str, bool])
def test_labels_may_be_of_any_type(kind):
    (train, first), (test, second) = class_data(classes=2), class_data(classes=2, seed=1)
    result = linear_probe(train, first.astype(kind), test, second.astype(kind))
    assert result == linear_probe(train, first, test, second)
    assert result["accuracy"] > 0.85
    assert result["n"] == 150
    assert result["chance"] == pytest.approx(max(second.mean(), 1 - second.mean()))
    json.dumps(result)


def test_a_class_never_trained_on_counts_as_wrong():
    train, first = class_data(apart=20)
    test, second = class_data(60, apart=20, seed=1)
    assert linear_probe(train, first, test, second)["accuracy"] == 1.0
    known = first != 2
    result = linear_probe(train[known], first[known], test, second)
    assert result["accuracy"] == pytest.approx((second != 2).mean())


def test_a_search_cut_short_says_so_and_separable_classes_converge():
    x, label = class_data()
    assert not linear_probe(x, label, x, label, iterations=1)["converged"]
    x, label = class_data(apart=50)
    x = np.concatenate((x, np.full((len(x), 1), 4.0), x[:, :1]), axis=1)  # constant, collinear
    fit = fit_logistic(x, label)
    assert fit.converged
    assert np.isfinite(fit.weights).all()
    assert (fit.predict(x) == label).all()


def test_the_fit_draws_nothing_and_works_without_gradients():
    x, label = class_data()
    state = torch.get_rng_state()
    with torch.no_grad():
        first = fit_logistic(x.astype(np.float32), label)
    assert torch.equal(torch.get_rng_state(), state)
    second = fit_logistic(x.astype(np.float32), label)
    assert np.array_equal(first.weights, second.weights)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train_labels": np.zeros(9, int)}, "two classes"),
        ({"train_labels": np.arange(8)}, "one label per row"),
        ({"test_labels": np.zeros((9, 1))}, "one label per row"),
        ({"test_labels": np.full(9, "1")}, "one type"),
        ({"train_features": np.full((9, 5), np.inf)}, "not finite"),
        ({"test_features": np.zeros((0, 5)), "test_labels": np.zeros(0)}, "with rows"),
        ({"test_features": np.zeros((9, 4))}, "one encoder"),
        ({"l2": -1.0}, "l2 >= 0"),
        ({"iterations": 0}, "iterations >= 1"),
    ],
)
def test_what_cannot_be_classified_is_refused(change, words):
    x, label = class_data(9)
    given = {"train_features": x, "train_labels": label, "test_features": x, "test_labels": label}
    with pytest.raises(VidclError, match=words):
        linear_probe(**(given | change))
