"""MoCo against Algorithm 1 of He et al. (2020), written out in numpy and float64."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from tests.methods.both import Both
from vidcl.methods.moco import MoCo
from vidcl.methods.wanted import ViewBatch

K, N, DIM, M, T = 10, 4, 6, 0.9, 0.2


def encoder() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, DIM)).double()


def reference_loss(network, x_q, k, queue, tracks, queue_tracks, mask):
    """Equation 1, pair by pair; ``queue`` is a list of keys, newest last."""
    q = network(x_q)
    q = q / q.norm(dim=1, keepdim=True)
    losses = []
    for i in range(len(x_q)):
        logits = [torch.dot(q[i], k[i]) / T]
        for key, track in zip(queue, queue_tracks, strict=True):
            if not (mask and track == tracks[i]):
                logits.append(torch.dot(q[i], key) / T)
        logits = torch.stack(logits)
        losses.append(-torch.log(torch.exp(logits[0]) / torch.exp(logits).sum()))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("mask", [True, False])
def test_moco_is_its_algorithm(mask):
    net = encoder()
    method = MoCo(Both(copy.deepcopy(net)), DIM, K=K, m=M, T=T, mask_own_track=mask)
    mine = torch.optim.SGD(method.encoder_q.parameters(), lr=0.1)
    f_q, f_k = copy.deepcopy(net), copy.deepcopy(net)
    theirs = torch.optim.SGD(f_q.parameters(), lr=0.1)
    queue: list[torch.Tensor] = []
    queue_tracks: list[int] = []
    method.queue.double()
    generator = torch.Generator().manual_seed(1)
    for step in range(8):  # the queue wraps in the third
        x_q = torch.randn(N, 12, generator=generator, dtype=torch.float64)
        x_k = torch.randn(N, 12, generator=generator, dtype=torch.float64)
        tracks = torch.randint(0, 5, (N,), generator=generator)

        method.begin_step()
        outcome = method(ViewBatch((x_q, x_k), tracks))
        mine.zero_grad()
        outcome.loss.backward()
        mine.step()
        method.end_step(outcome, tracks)

        with torch.no_grad():  # equation 2
            for a, b in zip(f_k.parameters(), f_q.parameters(), strict=True):
                a.copy_(M * a + (1 - M) * b)
            k = f_k(x_k)
            k = k / k.norm(dim=1, keepdim=True)
        loss = reference_loss(f_q, x_q, k, queue, tracks.tolist(), queue_tracks, mask)
        if loss.requires_grad:
            theirs.zero_grad()
            loss.backward()
            theirs.step()
        queue = (queue + list(k))[-K:]
        queue_tracks = (queue_tracks + tracks.tolist())[-K:]

        assert abs(float(outcome.loss.detach()) - float(loss.detach())) < 1e-6, step
        for a, b in zip(method.encoder_q.parameters(), f_q.parameters(), strict=True):
            torch.testing.assert_close(a, b, atol=1e-9, rtol=0)
        for a, b in zip(method.encoder_k.parameters(), f_k.parameters(), strict=True):
            torch.testing.assert_close(a, b, atol=1e-9, rtol=0)
    assert int(method.queue.pointer) == 8 * N % K
    ring = torch.roll(method.queue.keys, -int(method.queue.pointer), 0)
    torch.testing.assert_close(ring, torch.stack(queue), atol=1e-9, rtol=0)


def test_the_key_encoder_gets_no_gradient_and_keeps_its_own_statistics():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, DIM), nn.BatchNorm1d(DIM))
    method = MoCo(Both(net), DIM, K=K, m=0.5, T=T)
    for _ in range(2):
        x = torch.randn(N, 5)
        method.begin_step()
        method(ViewBatch((x, 10 + x), torch.arange(N))).loss.backward()
    assert all(p.grad is None for p in method.encoder_k.parameters())
    q, k = method.encoder_q.net[1], method.encoder_k.net[1]
    assert not torch.allclose(q.running_mean, k.running_mean)
    assert int(k.num_batches_tracked) == 2


def test_shuffled_keys_come_back_in_order():
    torch.manual_seed(0)
    net = nn.Linear(5, DIM)
    plain = MoCo(Both(copy.deepcopy(net)), DIM, K=K, m=0.5, T=T)
    mixed = MoCo(Both(copy.deepcopy(net)), DIM, K=K, m=0.5, T=T, shuffle=True)
    x_q, x_k = torch.randn(N, 5), torch.randn(N, 5)
    a = plain(ViewBatch((x_q, x_k), torch.arange(N)))
    b = mixed(ViewBatch((x_q, x_k), torch.arange(N)), generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(a.k, b.k)


def test_a_queue_that_ate_its_own_tracks_has_no_negatives():
    method = MoCo(Both(nn.Linear(5, DIM)), DIM, K=8, m=0.5, T=T)
    same = torch.zeros(N, dtype=torch.int64)
    for _ in range(3):
        method.begin_step()
        outcome = method(ViewBatch((torch.randn(N, 5), torch.randn(N, 5)), same))
        method.end_step(outcome, same)
        assert float(outcome.loss.detach()) == pytest.approx(0.0, abs=1e-6)
    assert np.isclose(method.queue.fill(), 1.0)


def test_a_batch_in_parts_is_the_batch():
    torch.manual_seed(0)
    net = encoder()
    whole = MoCo(Both(copy.deepcopy(net)), DIM, K=K, m=M, T=T).double()
    parted = copy.deepcopy(whole)
    assert parted.can_accumulate
    generator = torch.Generator().manual_seed(1)
    for _ in range(4):
        x_q = torch.randn(N, 12, generator=generator, dtype=torch.float64)
        x_k = torch.randn(N, 12, generator=generator, dtype=torch.float64)
        tracks = torch.randint(0, 5, (N,), generator=generator)
        for method, parts in ((whole, 1), (parted, 2)):
            optimizer = torch.optim.SGD(method.encoder_q.parameters(), lr=0.1)
            method.begin_step()
            keys = []
            for part in ViewBatch((x_q, x_k), tracks, torch.zeros(N)).chunk(parts):
                outcome = method(part)
                (outcome.loss / parts).backward()
                keys.append(outcome.k)
            optimizer.step()
            method.end_step(replace(outcome, k=torch.cat(keys)), tracks)
    for a, b in zip(whole.state_dict().values(), parted.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-12, rtol=0)
    assert parted.negatives(N) == K
