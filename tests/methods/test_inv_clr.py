"""InvCLR around other methods: their loss, plus the clipped penalty, and their state."""

import copy

import pytest
import torch
from torch import nn

from tests.methods.both import Both
from vidcl.losses.gradient_penalty import gradient_penalty
from vidcl.methods.inv_clr import InvCLR
from vidcl.methods.moco import MoCo
from vidcl.methods.simclr import SimCLR
from vidcl.methods.wanted import Key, ViewBatch

N, DIM, R = 6, 4, 3


def make(kind):
    torch.manual_seed(0)
    net = Both(nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, DIM)))
    return MoCo(net, DIM, K=N, m=0.9, T=0.2) if kind == "moco" else SimCLR(net, T=0.2)


def batch() -> ViewBatch:
    generator = torch.Generator().manual_seed(1)
    leaf = torch.zeros(N, requires_grad=True)
    x_q = torch.randn(N, 3, generator=generator) + leaf[:, None] * torch.tensor([1.0, 2.0, 0.0])
    x_k = torch.randn(N, 3, generator=generator)
    redraws = {"light": torch.randn(R, N, generator=generator)}
    return ViewBatch((x_q, x_k), torch.arange(N), None, {"light": leaf}, redraws)


@pytest.mark.parametrize("kind", ["moco", "simclr"])
def test_it_adds_the_penalty_of_the_queries_features(kind):
    inner = make(kind)
    if kind == "moco":  # negatives, so that the loss is something
        inner.queue.push(torch.nn.functional.normalize(torch.randn(N, DIM)), torch.arange(N) + 50)
    method = InvCLR(copy.deepcopy(inner), ("light",), weight=0.5, clip=100.0, redraws=R)
    assert method.wanted.along == ("light",) and method.wanted.redraws == R
    pairs = batch()
    features, _ = inner.encoder_q(pairs.views[0])
    each = gradient_penalty(features, pairs.leaves, pairs.redraws, torch.Generator().manual_seed(7))
    plain = inner(batch())
    outcome = method(batch(), generator=torch.Generator().manual_seed(7))
    expected = plain.loss + 0.5 * each.mean()
    torch.testing.assert_close(outcome.loss, expected)
    assert method.state_to_log()["penalty"] == pytest.approx(float(each.mean().detach()))
    outcome.loss.backward()
    expected.backward()
    for a, b in zip(method.encoder_q.parameters(), inner.encoder_q.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def test_a_penalty_beyond_the_clip_has_no_gradient():
    inner = make("simclr")
    for clip_each in (False, True):
        method = InvCLR(
            copy.deepcopy(inner), ("light",), weight=2.0, clip=1e-9, clip_each=clip_each
        )
        outcome, plain = method(batch()), inner(batch())
        assert float(outcome.loss.detach()) == pytest.approx(float(plain.loss.detach()), rel=1e-6)
        outcome.loss.backward()
        inner.zero_grad()
        plain.loss.backward()
        for a, b in zip(method.encoder_q.parameters(), inner.encoder_q.parameters(), strict=True):
            torch.testing.assert_close(a.grad, b.grad)


def test_its_state_is_the_methods():
    inner = make("moco")
    method = InvCLR(copy.deepcopy(inner), ("light",), weight=1.0, clip=1.0)
    assert method.state_dict().keys() == inner.state_dict().keys()
    other = {name: torch.zeros_like(value) for name, value in inner.state_dict().items()}
    method.load_state_dict(other)
    assert all(not value.any() for value in method.method.encoder_q.state_dict().values())
    assert len(list(method.parameters())) == len(list(inner.parameters()))


@pytest.mark.parametrize("by", ["change", "relative"])
@pytest.mark.parametrize("kind", ["moco", "simclr"])
def test_by_change_it_adds_the_squared_change_to_a_further_view(kind, by):
    inner = make(kind)
    if kind == "moco":
        inner.queue.push(torch.nn.functional.normalize(torch.randn(N, DIM)), torch.arange(N) + 50)
    method = InvCLR(copy.deepcopy(inner), ("color",), weight=0.5, clip=4.0, by=by)
    assert method.wanted.keys == (*inner.wanted.keys, Key(only=("color",)))
    assert not method.wanted.along and not method.wanted.redraws
    pairs = batch()
    third = torch.randn(N, 3, generator=torch.Generator().manual_seed(9))
    x_q, x_k = (view.detach() for view in pairs.views)
    expected = inner(ViewBatch((x_q, x_k), pairs.tracks)).loss
    f, g = ([inner.encoder_q(row[None])[0][0] for row in x] for x in (x_q, third))
    f, g = ([row / row.norm() for row in rows] for rows in (f, g))
    apart = sum((a - b).square().sum() for a in f for b in f) / (N * (N - 1))
    for a, b in zip(f, g, strict=True):
        change = (a - b).square().sum()
        expected = expected + 0.5 / N * (change / apart if by == "relative" else change)
    outcome = method(ViewBatch((x_q, x_k, third), pairs.tracks))
    torch.testing.assert_close(outcome.loss, expected)
    outcome.loss.backward()
    expected.backward()
    for a, b in zip(method.encoder_q.parameters(), inner.encoder_q.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)
    assert f"by {by} along color" in method.describe()
