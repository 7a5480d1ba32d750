"""Generalised losses, written out number by number in float64, and in two processes."""

import copy
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.methods.both import Both
from vidcl.losses.sliced_wasserstein import prior_samples, random_rotation
from vidcl.methods.generalized import WEIGHTS, Generalized
from vidcl.methods.wanted import ViewBatch

N, DIM = 5, 6
DISTRIBUTIONS = ("logsumexp", "sphere", "cube", "normal")
DRAWN = DISTRIBUTIONS[1:]


def encoder() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, DIM)).double()


def drawn_views(n=N):
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(n, 12, generator=generator, dtype=torch.float64) for _ in range(2)]


def seeded(seed=7):
    return torch.Generator().manual_seed(seed)


def projections(network, views, distribution):
    """Queries, then keys, one image at a time."""
    z = [network(x[None])[0] for view in views for x in view]
    return [row / row.norm() for row in z] if distribution in ("logsumexp", "sphere") else z


def reference_loss(network, views, distribution, weight, T):
    z, n = projections(network, views, distribution), len(views[0])
    align = sum((z[i][c] - z[n + i][c]) ** 2 for i in range(n) for c in range(DIM)) / (2 * n * DIM)
    if distribution == "logsumexp":
        spread = 0.0
        for i in range(2 * n):
            total = sum(torch.exp(torch.dot(z[i], z[j]) / T) for j in range(2 * n))
            spread = spread + torch.log(total) / (2 * n)
        return align + weight * (spread - math.log(DIM))
    generator = seeded()
    rotation = random_rotation(DIM, generator, torch.float64)
    prior = prior_samples(distribution, 2 * n, DIM, generator, torch.float64)
    spread = 0.0
    for d in range(DIM):
        ours = sorted((torch.dot(row, rotation[:, d]) for row in z), key=float)
        theirs = sorted(torch.dot(row, rotation[:, d]) for row in prior)
        spread = spread + sum((a - b) ** 2 for a, b in zip(ours, theirs, strict=True))
    return align + weight * spread / (2 * n * DIM)


def reference_nce(network, views, T):
    z, n = projections(network, views, "sphere"), len(views[0])
    losses = []
    for i in range(2 * n):
        logits = {j: float(torch.dot(z[i], z[j])) / T for j in range(2 * n) if j != i}
        total = sum(math.exp(value) for value in logits.values())
        losses.append(math.log(total) - logits[(i + n) % (2 * n)])
    return sum(losses) / (2 * n)


@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad")
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_loss_and_gradient_are_the_equation(distribution):
    net, views = encoder(), drawn_views()
    method = Generalized(Both(copy.deepcopy(net)), distribution=distribution, weight=0.7, T=0.3)
    outcome = method(ViewBatch(tuple(views), torch.arange(N)), generator=seeded())
    outcome.loss.backward()
    expected = reference_loss(net, views, distribution, 0.7, 0.3)
    expected.backward()
    torch.testing.assert_close(outcome.loss, expected, atol=1e-12, rtol=0)
    for a, b in zip(method.encoder_q.parameters(), net.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, atol=1e-12, rtol=0)
    for side in (outcome.q, outcome.k):
        torch.testing.assert_close(side.norm(dim=1), torch.ones(N, dtype=torch.float64))
        assert not side.requires_grad
    assert outcome.features.shape == (N, DIM) and outcome.features.requires_grad
    assert float(outcome.nce) == pytest.approx(reference_nce(net, views, 0.3), abs=1e-12)
    assert not outcome.nce.requires_grad
    assert method.negatives(N) == 2 * N - 2 and distribution in method.describe()


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_draws_come_from_the_generator_alone(distribution):
    method = Generalized(Both(encoder()), distribution=distribution)
    assert method.weight == WEIGHTS[distribution]
    batch = ViewBatch(tuple(drawn_views()), torch.arange(N))
    losses = [float(method(batch, generator=seeded(s)).loss.detach()) for s in (7, 7, 8)]
    assert losses[0] == losses[1]
    assert (losses[0] == losses[2]) == (distribution == "logsumexp")


@pytest.mark.parametrize("distribution", DRAWN)
def test_a_missing_generator_is_an_error(distribution):
    method = Generalized(Both(encoder()), distribution=distribution)
    with pytest.raises(ValueError, match="needs a generator"):
        method(ViewBatch(tuple(drawn_views()), torch.arange(N)))


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_training_brings_pairs_together_and_the_batch_apart(distribution):
    """Free vectors as the network: they end aligned and spread, not collapsed."""
    table = nn.Embedding(64, DIM)
    with torch.no_grad():  # all in one corner, pairs far apart for that
        table.weight.normal_(0, 0.1, generator=seeded()).add_(1.0)
    method = Generalized(Both(table), distribution=distribution)
    optimizer = torch.optim.Adam(table.parameters(), lr=0.03)
    generator, outcomes = seeded(), []
    for _ in range(200):
        rows = torch.arange(64).chunk(2)
        outcome = method(ViewBatch(rows, rows[0]), generator=generator)
        optimizer.zero_grad()
        outcome.loss.backward()
        optimizer.step()
        outcomes.append(outcome)
    last = outcomes[-1]
    assert last.loss < outcomes[0].loss
    assert (last.q * last.k).sum(1).mean() > 0.8
    others = last.q @ last.q.T
    assert others.fill_diagonal_(0).mean().abs() < 0.1


def test_two_processes_have_the_loss_and_gradient_of_one(tmp_path):
    script = tmp_path / "job.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from tests.methods.test_generalized import in_a_process\n"
        f"in_a_process({str(tmp_path)!r})\n"
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    parts = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    views = tuple(drawn_views(2 * N))
    for distribution in DISTRIBUTIONS:
        method = Generalized(Both(encoder()), distribution=distribution)
        outcome = method(ViewBatch(views, torch.arange(2 * N)), generator=seeded())
        outcome.loss.backward()
        mine = [part[distribution] for part in parts]
        for name, value in (("loss", outcome.loss), ("nce", outcome.nce)):
            mean = sum(each[name] for each in mine) / 2
            assert mean == pytest.approx(float(value.detach()), abs=1e-12)
        gradient = torch.cat([p.grad.flatten() for p in method.parameters()])
        for each in mine:
            torch.testing.assert_close(
                torch.tensor(each["gradient"], dtype=torch.float64), gradient, atol=1e-12, rtol=0
            )


def in_a_process(folder):
    """Half of the batch, under DistributedDataParallel."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo")
    me, found = torch.distributed.get_rank(), {}
    half = slice(me * N, (me + 1) * N)
    views = tuple(view[half] for view in drawn_views(2 * N))
    for distribution in DISTRIBUTIONS:
        method = Generalized(Both(encoder()), distribution=distribution)
        wrapped = nn.parallel.DistributedDataParallel(method.encoder_q)
        outcome = method(
            ViewBatch(views, torch.arange(2 * N)[half]), generator=seeded(), encoder_q=wrapped
        )
        outcome.loss.backward()
        found[distribution] = {
            "loss": float(outcome.loss.detach()),
            "nce": float(outcome.nce),
            "gradient": torch.cat([p.grad.flatten() for p in method.parameters()]).tolist(),
        }
    (Path(folder) / f"{me}.json").write_text(json.dumps(found))
    torch.distributed.destroy_process_group()
