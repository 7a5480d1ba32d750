"""SimCLR against Algorithm 1 of Chen et al. (2020), written out pair by pair in float64."""

import copy

import pytest
import torch
from torch import nn

from tests.methods.both import Both
from vidcl.methods.simclr import SimCLR
from vidcl.methods.wanted import ViewBatch

N, DIM, T = 5, 6, 0.3


def encoder() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, DIM)).double()


def reference_loss(network, x_q, x_k, tracks, mask):
    """Views 2k and 2k + 1 are a pair, as in the paper's pseudocode."""
    z = []
    for q, k in zip(x_q, x_k, strict=True):
        z += [network(q[None])[0], network(k[None])[0]]

    def s(i, j):
        return torch.dot(z[i], z[j]) / (z[i].norm() * z[j].norm())

    def loss(i, j):
        total = 0.0
        for other in range(2 * N):
            own = mask and tracks[other // 2] == tracks[i // 2]
            if other == j or (other != i and not own):
                total = total + torch.exp(s(i, other) / T)
        return -torch.log(torch.exp(s(i, j) / T) / total)

    terms = [loss(2 * k, 2 * k + 1) + loss(2 * k + 1, 2 * k) for k in range(N)]
    return sum(terms) / (2 * N)


@pytest.mark.parametrize("mask", [True, False])
def test_simclr_is_its_algorithm(mask):
    net = encoder()
    method = SimCLR(Both(copy.deepcopy(net)), T=T, mask_own_track=mask)
    mine = torch.optim.SGD(method.encoder_q.parameters(), lr=0.1)
    theirs = torch.optim.SGD(net.parameters(), lr=0.1)
    generator = torch.Generator().manual_seed(1)
    for _ in range(4):
        x_q = torch.randn(N, 12, generator=generator, dtype=torch.float64)
        x_k = torch.randn(N, 12, generator=generator, dtype=torch.float64)
        tracks = torch.randint(0, 3, (N,), generator=generator)  # some tracks come twice
        method.begin_step()
        outcome = method(ViewBatch((x_q, x_k), tracks))
        mine.zero_grad()
        outcome.loss.backward()
        mine.step()
        method.end_step(outcome, tracks)
        expected = reference_loss(net, x_q, x_k, tracks.tolist(), mask)
        theirs.zero_grad()
        expected.backward()
        theirs.step()
        assert abs(float(outcome.loss.detach()) - float(expected.detach())) < 1e-9
        for a, b in zip(method.encoder_q.parameters(), net.parameters(), strict=True):
            torch.testing.assert_close(a, b, atol=1e-10, rtol=0)
        assert outcome.q.shape == outcome.k.shape == (N, DIM)
        assert not outcome.q.requires_grad
    assert method.negatives(N) == 2 * N - 2
