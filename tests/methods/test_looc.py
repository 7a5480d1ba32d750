"""LooC against the loss of Xiao et al. (2021), written out image by image in float64."""

import copy

import pytest
import torch
from torch import nn

from vidcl.methods.factors import leave_one_out
from vidcl.methods.looc import LooC
from vidcl.methods.wanted import TIME, ViewBatch
from vidcl.models.spaces import Spaces

N, DIM, K, M, T = 4, 5, 8, 0.9, 0.2
FACTORS = ("color", "time")
SPACES = 1 + len(FACTORS)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(6, 7), nn.Tanh())
        self.head = Spaces([nn.Linear(7, DIM) for _ in range(SPACES)], private=False)

    def forward(self, x):
        features = self.backbone(x)
        return features, self.head(features)


def space(network, x, index):
    """Projection of one image into one space, at unit length."""
    z = network.head.heads[index](network.backbone(x[None]))[0]
    return z / z.norm()


def reference_loss(f_q, f_k, views, tracks, gap, queue):
    """``queue``: (list over spaces of keys, track) of every entry, oldest first."""
    x_q, *x_k = views
    total = 0.0
    for n in range(N):
        for i in range(SPACES):
            q = space(f_q, x_q[n], i)
            with torch.no_grad():
                keys = [space(f_k, x[n], i) for x in x_k]
            positive = torch.exp(torch.dot(q, keys[i]) / T)
            below = positive
            if i > 0:
                for j in range(SPACES):
                    same_moment = FACTORS[i - 1] == "time" and gap[n] == 0
                    if j != i and not same_moment:
                        below = below + torch.exp(torch.dot(q, keys[j]) / T)
            for entry, track in queue:
                if track != tracks[n]:
                    below = below + torch.exp(torch.dot(q, entry[i]) / T)
            total = total - torch.log(positive / below)
    return total / (N * SPACES)


def test_looc_is_its_formula():
    torch.manual_seed(0)
    net = Net().double()
    method = LooC(copy.deepcopy(net), DIM, factors=FACTORS, K=K, m=M, T=T)
    method.queue.double()
    f_q, f_k = copy.deepcopy(net), copy.deepcopy(net)
    mine = torch.optim.SGD(method.encoder_q.parameters(), lr=0.1)
    theirs = torch.optim.SGD(f_q.parameters(), lr=0.1)
    queue: list = []
    generator = torch.Generator().manual_seed(1)
    for step in range(5):  # the queue wraps in the third
        views = tuple(
            torch.randn(N, 6, generator=generator, dtype=torch.float64) for _ in range(SPACES + 1)
        )
        tracks = torch.randint(0, 4, (N,), generator=generator)
        gap = torch.tensor([0.0, 0.5, 0.0, 1.0])
        method.begin_step()
        outcome = method(ViewBatch(views, tracks, gap))
        mine.zero_grad()
        outcome.loss.backward()
        mine.step()
        method.end_step(outcome, tracks)

        with torch.no_grad():
            for a, b in zip(f_k.parameters(), f_q.parameters(), strict=True):
                a.copy_(M * a + (1 - M) * b)
            entries = [
                ([space(f_k, views[1 + i][n], i) for i in range(SPACES)], int(tracks[n]))
                for n in range(N)
            ]
        loss = reference_loss(f_q, f_k, views, tracks.tolist(), gap, queue)
        theirs.zero_grad()
        loss.backward()
        theirs.step()
        queue = (queue + entries)[-K:]
        assert float(outcome.loss.detach()) == pytest.approx(float(loss.detach()), abs=1e-9), step
        for a, b in zip(method.encoder_q.parameters(), f_q.parameters(), strict=True):
            torch.testing.assert_close(a, b, atol=1e-9, rtol=0)
        assert outcome.q.shape == outcome.k.shape == (N, SPACES, DIM)
    assert method.negatives(N) == K


def test_every_key_keeps_one_factor_and_differs_in_the_others():
    k0, color, rotation, time = leave_one_out(("color", "rotation", "time"))
    assert k0.shares == () and set(k0.differs) == {"color", "turn"}
    assert color.shares == ("color", "grey") and color.differs == ("turn",)
    assert rotation.shares == ("turn",) and rotation.differs == ("color",)
    assert time.shares == (TIME,) and set(time.differs) == {"color", "turn"}


def test_in_the_space_of_time_a_still_pair_has_no_negatives_of_its_own():
    torch.manual_seed(0)
    method = LooC(Net(), DIM, factors=FACTORS, K=K, m=M, T=T)
    views = tuple(torch.randn(N, 6) for _ in range(SPACES + 1))
    tracks = torch.arange(N)
    still = method(ViewBatch(views, tracks, torch.zeros(N))).loss
    moving = method(ViewBatch(views, tracks, torch.ones(N))).loss
    # the queue is empty: what is left is colour's own negatives, and time's where there are any
    assert 0 < float(still.detach()) < float(moving.detach())
