"""The swept linear probe: each member as it would be alone, chosen without the test rows."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from vidcl.errors import VidclError
from vidcl.evaluation.probes.linear_sweep import linear_sweep_probe
from vidcl.evaluation.probes.sweep import EPS, Member, train_sweep

WAYS = ["none", "l2", "standardise", "batchnorm"]


def data(n=90, classes=3, dim=6, seed=0, apart=1.2):
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(size=(classes, dim)) * apart
    label = np.concatenate((np.arange(classes), rng.integers(classes, size=n - classes)))
    x = centres[label] + rng.normal(size=(n, dim))
    return x * (1, 5, 0.2, 1, 1, 1) + 2, label


def plain_training(x, y, classes, rate, decay, way, epochs, batch_size, seed):
    """PyTorch's modules and optimiser, one classifier."""
    draw = np.random.default_rng(seed)
    x, y = torch.tensor(x), torch.tensor(y)
    if way == "l2":
        x = x / x.norm(dim=1, keepdim=True)
    if way == "standardise":
        x = (x - x.mean(0)) / x.std(0, correction=0)
    norm = torch.nn.BatchNorm1d(x.shape[1], eps=EPS, affine=False, dtype=torch.float64)
    if way != "batchnorm":
        norm = torch.nn.Identity()
    layer = torch.nn.Linear(x.shape[1], classes, dtype=torch.float64)
    with torch.no_grad():
        start = 0.01 * draw.standard_normal((x.shape[1], classes))
        layer.weight.copy_(torch.tensor(start).T)
        layer.bias.zero_()
    groups = [{"params": [layer.weight], "weight_decay": decay}, {"params": [layer.bias]}]
    optimiser = torch.optim.SGD(groups, lr=rate, momentum=0.9)
    batches = math.ceil(len(x) / batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * batches)
    for _ in range(epochs):
        for rows in np.array_split(draw.permutation(len(x)), batches):
            optimiser.zero_grad()
            cross_entropy(layer(norm(x[rows])), y[rows]).backward()
            optimiser.step()
            schedule.step()
    return layer, norm


@pytest.mark.parametrize("way", WAYS)
def test_members_become_what_they_would_alone(way):
    x, y = data()
    members = [Member(0.03), Member(0.3, 1e-2), Member(3.0)]
    settings = {"epochs": 4, "batch_size": 16, "normalisation": way, "seed": 5}
    fit = train_sweep(x, y, 3, members, dtype=torch.float64, **settings)
    for place, member in enumerate(members):
        layer, norm = plain_training(x, y, 3, member.rate, member.decay, way, 4, 16, 5)
        assert fit.weights[place].numpy() == pytest.approx(
            layer.weight.detach().numpy().T, rel=1e-8, abs=1e-9
        )
        assert fit.bias[place].numpy() == pytest.approx(layer.bias.detach().numpy(), abs=1e-9)
        if way == "batchnorm":
            assert fit.shift.numpy() == pytest.approx(norm.running_mean.numpy())
            assert fit.scale.numpy() == pytest.approx((norm.running_var + EPS).rsqrt().numpy())
        alone = train_sweep(x, y, 3, [member], dtype=torch.float64, **settings)
        assert np.array_equal(alone.predict(x)[0], fit.predict(x)[place])


@pytest.mark.parametrize("way", WAYS)
def test_prediction_does_what_training_did(way):
    x, y = data()
    fit = train_sweep(x, y, 3, [Member(0.3)], normalisation=way, epochs=40, batch_size=30)
    z = x / np.linalg.norm(x, axis=1, keepdims=True) if way == "l2" else x
    if way == "standardise":
        z = (x - x.mean(0)) / x.std(0)
    if way == "batchnorm":
        z = (x - fit.shift.numpy()) * fit.scale.numpy()
    said = (z @ fit.weights[0].numpy() + fit.bias[0].numpy()).argmax(1)
    assert np.array_equal(fit.predict(x)[0], said)
    assert (said == y).mean() > 0.7


def test_a_diverging_member_harms_no_other_and_is_not_chosen():
    x, y = data()
    x = 1e3 * x
    members = [Member(1e-7), Member(1e30, 1e5)]
    both = train_sweep(x, y, 3, members, normalisation="none", epochs=3)
    alone = train_sweep(x, y, 3, members[:1], normalisation="none", epochs=3)
    assert both.finite.tolist() == [True, False]
    assert torch.allclose(both.weights[0], alone.weights[0], rtol=1e-4)
    common = {"epochs": 3, "normalisations": ("none",), "decays": (1e5,), "bootstrap": 0}
    entry = linear_sweep_probe(x, y, x, y, rates=(1e-12, 1e30), **common)
    assert entry["settings"]["rate"] == 1e-12
    assert entry["settings"]["sweep"][1]["accuracy"] is None
    with pytest.raises(VidclError, match="diverged"):
        linear_sweep_probe(x, y, x, y, rates=(1e30,), **common)


def test_the_choice_is_made_without_the_test_rows_and_ties_take_the_smaller_rate():
    x, y = data(150)
    test, truth = data(80, seed=1)
    common = {"epochs": 5, "rates": (3.0, 0.1, 0.01, 1e-6), "normalisations": ("none", "l2")}
    entry = linear_sweep_probe(x, y, test, truth, **common)
    settings = entry["settings"]
    assert len(settings["sweep"]) == 8
    best = max(one["accuracy"] for one in settings["sweep"])
    tied = [one for one in settings["sweep"] if one["accuracy"] == best]
    assert settings["rate"] == min(one["rate"] for one in tied)
    assert settings["validation_accuracy"] == best
    assert settings["rate_at_edge_of_grid"] == (settings["rate"] in (1e-6, 3.0))
    other = linear_sweep_probe(x, y, test, np.roll(truth, 1), **common)
    assert other["settings"] == settings
    # the classifier reported is the chosen setting on all training rows
    alone = train_sweep(
        x, y, 3, [Member(settings["rate"])], normalisation=settings["normalisation"], epochs=5
    )
    assert entry["value"] == pytest.approx((alone.predict(test)[0] == truth).mean())
    assert entry["interval"][0] < entry["value"] < entry["interval"][1]
    perfect = linear_sweep_probe(20 * np.eye(3)[y], y, 20 * np.eye(3)[y], y, rates=(1.0, 0.5, 2.0))
    assert perfect["value"] == 1.0
    assert perfect["settings"]["rate"] == 0.5
    assert perfect["settings"]["rate_at_edge_of_grid"]


def test_views_of_an_instance_are_not_on_both_sides_of_the_choice():
    rng = np.random.default_rng(0)
    # Features tell the instance and nothing of the class: held-out instances are at chance.
    instance = np.repeat(np.arange(40), 5)
    x, y = np.eye(40)[instance] + 0.01 * rng.normal(size=(200, 40)), (np.arange(40) % 2)[instance]
    common = {"epochs": 10, "rates": (1.0,), "bootstrap": 0}
    apart = linear_sweep_probe(x, y, x, y, train_groups=instance, **common)
    mixed = linear_sweep_probe(x, y, x, y, **common)
    assert mixed["settings"]["validation_accuracy"] > 0.95
    assert apart["settings"]["validation_accuracy"] < 0.8
    assert apart["settings"]["validation_rows"] == 40


def test_two_runs_with_one_seed_agree_and_another_seed_differs():
    x, y = data(150)
    runs = [linear_sweep_probe(x, y, x, y, epochs=2, seed=seed) for seed in (0, 0, 1)]
    assert runs[0] == runs[1]
    assert runs[0]["settings"]["sweep"] != runs[2]["settings"]["sweep"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rates": ()}, "at least one learning rate"),
        ({"rates": (0.0,)}, "above 0"),
        ({"decays": (-1.0,)}, "0 or more"),
        ({"epochs": 0}, "one epoch"),
        ({"batch_size": 1}, "at least two"),
        ({"normalisations": ("whiten",)}, "no normalisation 'whiten'"),
        ({"validation_share": 1.0}, "between 0 and 1"),
        ({"train_groups": np.zeros(90, int)}, "two instances"),
        ({"train_labels": np.zeros(90, int)}, "two classes"),
        ({"test_labels": np.full(90, 7)}, "no training row"),
        ({"train_features": np.full((90, 6), np.inf)}, "not finite"),
    ],
)
def test_what_cannot_be_trained_is_refused(change, words):
    x, y = data()
    given = {"train_features": x, "train_labels": y, "test_features": x, "test_labels": y}
    with pytest.raises(VidclError, match=words):
        linear_sweep_probe(**(given | {"rates": (0.1,), "epochs": 1} | change))
