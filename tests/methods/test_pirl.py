"""PIRL against its formula image by image in float64, with a bank kept in a dictionary."""

import copy

import pytest
import torch

from tests.methods.test_infomin import DIM, PATCH, J, N, Net, unit
from vidcl.errors import VidclError
from vidcl.methods.pirl import PIRL
from vidcl.methods.wanted import ViewBatch
from vidcl.models.memory_bank import MemoryBank

TRACKS, T, M = 12, 0.07, 0.5


def make(net, beta=0.5, K=TRACKS):
    return PIRL(copy.deepcopy(net), MemoryBank(TRACKS, DIM, M), K=K, T=T, beta=beta).double()


def draw(generator):
    x = torch.randn(N, 6, generator=generator, dtype=torch.float64)
    patches = torch.randn(N, J, PATCH, generator=generator, dtype=torch.float64)
    tracks = torch.randint(0, TRACKS - 2, (N,), generator=generator)  # two are never seen
    return ViewBatch((x,), tracks, torch.zeros(N), patches=patches)


def info_nce(q, track, bank, drawn):
    positive = torch.exp(torch.dot(q, bank[track]) / T)
    below = positive
    for other in drawn:
        if other != track:
            below = below + torch.exp(torch.dot(q, bank[other]) / T)
    return -torch.log(positive / below)


@pytest.mark.parametrize(("beta", "K"), [(0.5, TRACKS), (0.0, TRACKS), (0.3, 3)])
def test_pirl_is_its_formula(beta, K):
    torch.manual_seed(0)
    net = Net().double()
    method = make(net, beta, K)
    f = copy.deepcopy(net)
    bank = dict(enumerate(method.bank.entries.clone()))
    seen: set[int] = set()
    mine = torch.optim.SGD(method.encoder_q.parameters(), lr=0.1)
    theirs = torch.optim.SGD(f.parameters(), lr=0.1)
    generator = torch.Generator().manual_seed(1)
    twice = False
    for step in range(8):
        batch = draw(generator)
        method.begin_step()
        outcome = method(batch, generator=torch.Generator().manual_seed(step))
        mine.zero_grad()
        outcome.loss.backward()
        mine.step()
        drawn = [int(i) for i in method.drawn if int(i) in seen]
        assert len(set(drawn)) == len(drawn) == min(K, len(seen)) == method.negatives(N)
        method.end_step(outcome, batch.tracks)

        loss = image = 0.0
        new: dict[int, list] = {}
        for n, track in enumerate(batch.tracks.tolist()):
            q = unit(f(batch.views[0][n : n + 1])[1][0])
            one = info_nce(q, track, bank, drawn)
            two = info_nce(unit(f.of_patches(batch.patches[n])), track, bank, drawn)
            loss = loss + ((1 - beta) * one + beta * two) / N
            image = image + one / N
            new.setdefault(track, []).append(q.detach())
        if seen:  # before, there is nothing to tell apart
            theirs.zero_grad()
            loss.backward()
            theirs.step()
        twice |= len(new) < N
        for track, queries in new.items():
            bank[track] = unit(M * bank[track] + (1 - M) * sum(queries) / len(queries))
        seen |= new.keys()
        assert float(outcome.loss.detach()) == pytest.approx(float(loss.detach()), abs=1e-9), step
        assert float(outcome.nce) == pytest.approx(float(image.detach()), abs=1e-9)
        for a, b in zip(method.encoder_q.parameters(), f.parameters(), strict=True):
            torch.testing.assert_close(a, b, atol=1e-9, rtol=0)
        entries = torch.stack([bank[track] for track in range(TRACKS)])
        torch.testing.assert_close(method.bank.entries, entries, atol=1e-9, rtol=0)
    assert twice and method.bank.fill() == pytest.approx(len(seen) / TRACKS)


def test_what_it_asks_for():
    method, plain = make(Net()), make(Net(), beta=0.0)
    assert method.wanted.keys == () and method.wanted.jigsaw is not None
    assert plain.wanted.keys == () and plain.wanted.jigsaw is None
    assert plain.forwards == 3 and "Instance discrimination" in plain.describe()
    assert "jigsaw_loss" not in plain.state_to_log()
    with pytest.raises(VidclError, match=r"method\.beta to 0"):
        method(ViewBatch((torch.randn(N, 6).double(),), torch.arange(N)))


def test_a_batch_in_parts_is_the_batch():
    """All parts of a step see the same negatives."""
    torch.manual_seed(0)
    whole = make(Net().double(), K=3)
    parted = copy.deepcopy(whole)
    assert parted.can_accumulate
    generator = torch.Generator().manual_seed(1)
    for step in range(4):
        batch = draw(generator)
        for method, parts in ((whole, 1), (parted, 2)):
            optimizer = torch.optim.SGD(method.encoder_q.parameters(), lr=0.1)
            own = torch.Generator().manual_seed(step)
            method.begin_step()
            queries = []
            for part in batch.chunk(parts):
                outcome = method(part, generator=own)
                (outcome.loss / parts).backward()
                queries.append(outcome.q)
            optimizer.step()
            method.bank.update(torch.cat(queries), batch.tracks)
    for a, b in zip(whole.state_dict().values(), parted.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=0)


def test_negatives_are_drawn_anew_for_every_step():
    method = make(Net(), K=4)
    method.bank.seen[:] = True
    generator = torch.Generator().manual_seed(0)
    drawn = []
    for _ in range(6):
        batch = draw(generator)
        method.begin_step()
        method(batch, generator=generator)
        drawn.append(frozenset(method.drawn.tolist()))
    assert len(set(drawn)) > 3
