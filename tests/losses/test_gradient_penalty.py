"""The penalty of InvCLR against its formula, image by image, and against what it stands for."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vidcl.losses.gradient_penalty import change_penalty, gradient_penalty

N, R, D = 5, 7, 4


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, D)).double()


def draws(generator):
    a = torch.randn(N, 2, generator=generator, dtype=torch.float64)
    b = torch.randn(N, generator=generator, dtype=torch.float64)
    redraws = {
        "a": torch.randn(R, N, 2, generator=generator, dtype=torch.float64),
        "b": torch.randn(R, N, generator=generator, dtype=torch.float64),
    }
    return {"a": a.requires_grad_(), "b": b.requires_grad_()}, redraws


def features(net, leaves):
    return net(torch.cat([leaves["a"], leaves["b"][:, None]], 1))


@pytest.mark.parametrize("normalise", [True, False])
def test_it_is_its_formula(normalise):
    net = network()
    leaves, redraws = draws(torch.Generator().manual_seed(1))
    got = gradient_penalty(
        features(net, leaves),
        leaves,
        redraws,
        torch.Generator().manual_seed(2),
        {"b": 0.5},
        normalise,
    )
    signs = 2 * torch.randint(0, 2, (N, D), generator=torch.Generator().manual_seed(2)) - 1
    for i in range(N):
        one = {name: leaf[i : i + 1].detach().requires_grad_() for name, leaf in leaves.items()}
        f = features(net, one)
        f = F.normalize(f, dim=1) if normalise else f
        total = (signs[i].double() * f[0]).sum()
        g_a, g_b = torch.autograd.grad(total, [one["a"], one["b"]])
        terms = []
        for r in range(R):
            da, db = redraws["a"][r, i] - one["a"][0], 0.5 * (redraws["b"][r, i] - one["b"][0])
            terms.append((torch.dot(g_a[0], da) + g_b[0] * db) ** 2)
        expected = sum(terms) / R
        assert float(got[i]) == pytest.approx(float(expected), rel=1e-9)


def test_for_small_changes_it_is_the_squared_change_of_the_representation():
    """E over the signs of (e . d)^2 is |d|^2."""
    net = network()
    leaves, _ = draws(torch.Generator().manual_seed(1))
    small = {
        name: leaf.detach()[None] + 1e-4 * torch.randn(R, *leaf.shape, dtype=torch.float64)
        for name, leaf in leaves.items()
    }
    generator, mean = torch.Generator().manual_seed(0), torch.zeros(N, dtype=torch.float64)
    for _ in range(2000):
        value = gradient_penalty(features(net, leaves), leaves, small, generator)
        mean += value.detach() / 2000
    f = F.normalize(features(net, leaves), dim=1).detach()
    changes = []
    for r in range(R):
        moved = {name: value[r] for name, value in small.items()}
        changes.append((F.normalize(features(net, moved), dim=1) - f).square().sum(1))
    torch.testing.assert_close(mean, torch.stack(changes).mean(0).detach(), rtol=0.15, atol=0)


def test_its_gradient_is_that_of_its_value():
    net = network()
    leaves, redraws = draws(torch.Generator().manual_seed(1))

    def value() -> torch.Tensor:
        generator = torch.Generator().manual_seed(2)
        return gradient_penalty(features(net, leaves), leaves, redraws, generator).mean()

    value().backward()
    weight = net[0].weight
    for row, column in ((0, 0), (3, 2)):
        with torch.no_grad():
            weight[row, column] += 1e-6
        up = float(value().detach())
        with torch.no_grad():
            weight[row, column] -= 2e-6
        down = float(value().detach())
        with torch.no_grad():
            weight[row, column] += 1e-6
        assert float(weight.grad[row, column]) == pytest.approx((up - down) / 2e-6, rel=1e-4)


def test_the_change_penalty_is_twice_the_conditional_variance():
    draws = torch.randn(2, 4000, D, generator=torch.Generator().manual_seed(0)) + 1
    unit = F.normalize(draws, dim=2)
    got = change_penalty(*draws)
    torch.testing.assert_close(got[3], (unit[0, 3] - unit[1, 3]).square().sum())
    variance = unit.flatten(0, 1).var(0).sum()
    torch.testing.assert_close(got.mean(), 2 * variance, rtol=0.05, atol=0)
    plain = change_penalty(*draws, normalise=False)
    torch.testing.assert_close(plain, (draws[0] - draws[1]).square().sum(1))
