"""The parts of generalised contrastive losses against slow references in float64."""

import math

import pytest
import torch
import torch.nn.functional as F

from vidcl.losses.alignment import alignment
from vidcl.losses.decoupled_nt_xent import logsumexp_distribution
from vidcl.losses.nt_xent import nt_xent
from vidcl.losses.sliced_wasserstein import prior_samples, random_rotation, sliced_wasserstein


def draw(n, dim=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, dim, generator=generator, dtype=torch.float64)


def unit(n, dim=4, seed=0):
    return F.normalize(draw(n, dim, seed), dim=1)


def test_alignment_is_half_the_mean_square_over_pairs_and_dimensions():
    a, b = draw(3), draw(3, seed=1)
    total = sum((float(a[i, c]) - float(b[i, c])) ** 2 / 2 for i in range(3) for c in range(4))
    assert float(alignment(a, b)) == pytest.approx(total / 12, abs=1e-14)
    a, b = unit(3), unit(3, seed=1)
    cosine = float((a * b).sum(1).mean())
    assert float(alignment(a, b)) == pytest.approx((1 - cosine) / 4, abs=1e-14)
    assert alignment(a, a) == 0


def test_logsumexp_sums_over_all_the_anchor_too():
    z, others = unit(3), unit(7, seed=1)
    others[:3] = z
    total = 0.0
    for i in range(3):
        total += math.log(sum(math.exp(float(z[i] @ others[j]) / 0.3) for j in range(7)))
    expected = total / 3 - math.log(4)
    assert float(logsumexp_distribution(z, others, 0.3)) == pytest.approx(expected, abs=1e-13)
    spread = F.one_hot(torch.arange(4)).double()
    together = spread[:1].expand(4, 4)
    assert logsumexp_distribution(spread, spread, 0.3) < logsumexp_distribution(
        together, together, 0.3
    )


@pytest.mark.parametrize("T", [0.2, 1.0])
def test_decoupled_is_nt_xent_with_the_anchor_in_its_sum(T):
    n, dim = 6, 5
    z1, z2 = unit(n, dim).requires_grad_(), unit(n, dim, seed=1).requires_grad_()
    z = torch.cat([z1, z2])
    everyone = torch.ones(2 * n, 2 * n, dtype=torch.bool)
    positive = torch.arange(2 * n).roll(n)
    with_self = nt_xent(z, z, positive, everyone, T)
    a, spread = alignment(z1, z2), logsumexp_distribution(z, z, T)
    ours = dim * a + T * (spread + math.log(dim))
    torch.testing.assert_close(ours, 1 + T * with_self.mean(), atol=1e-12, rtol=0)
    # the sum with weight T / C has the gradient of T / C times NT-Xent
    weighted = torch.autograd.grad(a + T / dim * spread, z1, retain_graph=True)[0]
    scaled = torch.autograd.grad(T / dim * with_self.mean(), z1, retain_graph=True)[0]
    # along the sphere, where unit vectors move: the alignment alone pulls inwards as well
    apart = (weighted - scaled).detach()
    along = apart - (apart * z1.detach()).sum(1, keepdim=True) * z1.detach()
    torch.testing.assert_close(along, torch.zeros_like(along), atol=1e-14, rtol=0)
    # SimCLR's sum leaves the anchor out: smaller, by what no constant is
    without = nt_xent(z, z, positive, ~torch.eye(2 * n, dtype=torch.bool), T)
    own_sum = torch.stack(
        [sum(torch.exp(z[i] @ z[j] / T) for j in range(2 * n) if j != i) for i in range(2 * n)]
    )
    difference = with_self - without
    torch.testing.assert_close(difference, torch.log1p(math.exp(1 / T) / own_sum))
    assert difference.std() > 0


def test_sliced_wasserstein_is_its_definition():
    z, samples, directions = draw(5), draw(5, seed=1), draw(4, seed=2)[:, :3]
    total = 0.0
    for d in range(3):
        ours = sorted(float(row @ directions[:, d]) for row in z)
        theirs = sorted(float(row @ directions[:, d]) for row in samples)
        total += sum((a - b) ** 2 for a, b in zip(ours, theirs, strict=True))
    got = sliced_wasserstein(z, samples, directions)
    assert float(got) == pytest.approx(total / 15, abs=1e-13)


def test_sliced_wasserstein_knows_a_set_and_a_shift():
    generator = torch.Generator().manual_seed(0)
    z, rotation = draw(16), random_rotation(4, generator, torch.float64)
    assert sliced_wasserstein(z, z, rotation) == 0
    assert sliced_wasserstein(z, z[torch.randperm(16, generator=generator)], rotation) < 1e-30
    # all directions of an orthogonal matrix together see the whole of a shift
    shift = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)
    expected = float(shift.square().mean())
    assert float(sliced_wasserstein(z, z + shift, rotation)) == pytest.approx(expected, abs=1e-12)


def test_sliced_wasserstein_gradient():
    z, samples, rotation = draw(5).requires_grad_(), draw(5, seed=1), draw(4, seed=2)
    assert torch.autograd.gradcheck(lambda x: sliced_wasserstein(x, samples, rotation), z)


def test_rotations_are_orthogonal_and_even():
    generator = torch.Generator().manual_seed(0)
    rotation = random_rotation(8, generator, torch.float64)
    torch.testing.assert_close(rotation.T @ rotation, torch.eye(8, dtype=torch.float64))
    again = random_rotation(8, torch.Generator().manual_seed(0), torch.float64)
    assert torch.equal(rotation, again)
    # the uniform distribution has no favourite sign; QR alone has
    corners = [random_rotation(2, generator)[0, 0] for _ in range(400)]
    positive = float((torch.stack(corners) > 0).float().mean())
    assert abs(positive - 0.5) < 0.1


def test_priors():
    def samples(prior):
        return prior_samples(prior, 4000, 3, torch.Generator().manual_seed(0), torch.float64)

    sphere, cube, normal = samples("sphere"), samples("cube"), samples("normal")
    torch.testing.assert_close(sphere.norm(dim=1), torch.ones(4000, dtype=torch.float64))
    assert cube.min() >= -1 and cube.max() <= 1
    for values, variance in ((sphere, 1 / 3), (cube, 1 / 3), (normal, 1.0)):
        covariance = values.T.cov()
        torch.testing.assert_close(
            covariance, variance * torch.eye(3, dtype=torch.float64), atol=0.06, rtol=0
        )
        assert values.mean(0).abs().max() < 0.06
    assert (normal.abs() > 1).double().mean() == pytest.approx(0.317, abs=0.02)
    assert torch.equal(sphere, samples("sphere"))
