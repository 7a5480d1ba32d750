"""Spirograph images against a drawing pixel by pixel and point by point."""

import math

import pytest
import torch

from vidcl.errors import VidclError
from vidcl.synthetic.spirograph import (
    NUISANCES,
    RANGES,
    TARGETS,
    TRIVIAL_MSE,
    NuisanceShift,
    draw_nuisances,
    draw_targets,
    render,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def draw(n, seed=0):
    generator = seeded(seed)
    return draw_targets(n, generator), draw_nuisances(n, generator)


def drawn_slowly(m, b, sigma, fore, h, back, size):
    """One image, [channel][row][column], by the formulas of the paper's code."""
    points = []
    for k in range(40):
        t = 2 * math.pi * k / 39
        points.append(
            (
                (m - h) * math.cos(t) + h * math.cos(t * (m - h) / b),
                (m - h) * math.sin(t) - h * math.sin(t * (m - h) / b),
            )
        )
    place = [-6 + 12 * k / (size - 1) for k in range(size)]
    ink = [
        [
            sum(math.exp(-((u - x) ** 2 + (v - y) ** 2) / sigma) for x, y in points) / 40
            for v in place
        ]
        for u in place
    ]
    top = max(max(row) for row in ink) + 1e-8
    return [
        [[w / top * fore[c] + (1 - w / top) * back[c] for w in row] for row in ink]
        for c in range(3)
    ]


@pytest.mark.parametrize("size", [32, 13])
def test_images_are_those_of_the_formula(size):
    targets, nuisances = (part.double() for part in draw(4))
    expected = []
    for (m, b, sigma, red), (h, green, blue, *back) in zip(
        targets.tolist(), nuisances.tolist(), strict=True
    ):
        expected.append(drawn_slowly(m, b, sigma, (red, green, blue), h, back, size))
    expected = torch.tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(render(targets, nuisances, size), expected, rtol=0, atol=1e-12)
    close = render(targets.float(), nuisances.float(), size)
    torch.testing.assert_close(close, expected.float(), rtol=0, atol=2e-4)


def test_draws_fill_their_ranges_and_follow_the_generator():
    targets, nuisances = draw(20_000)
    for names, values in ((TARGETS, targets), (NUISANCES, nuisances)):
        assert values.dtype == torch.float32
        assert values.shape == (20_000, len(names))
        for name, column in zip(names, values.unbind(1), strict=True):
            low, high = RANGES[name]
            width = high - low
            assert low <= column.min() < low + 0.01 * width, name
            assert high - 0.01 * width < column.max() <= high, name
            assert column.mean() == pytest.approx((low + high) / 2, abs=0.02 * width), name
    again = draw(20_000)
    assert torch.equal(again[0], targets)
    assert torch.equal(again[1], nuisances)
    assert not torch.equal(draw(20_000, seed=1)[0], targets)


def test_the_trivial_error_is_that_of_the_mean():
    assert pytest.approx((0.75, 1 / 12, 0.046875, 0.03)) == TRIVIAL_MSE
    assert draw_targets(200_000, seeded()).var(0).tolist() == pytest.approx(TRIVIAL_MSE, rel=0.01)


def test_images_lie_in_the_unit_interval_in_a_large_batch():
    images = render(*draw(512))
    assert images.shape == (512, 3, 32, 32)
    assert images.dtype == torch.float32
    assert images.min() >= 0
    assert images.max() <= 1
    # the brightest ink is all foreground
    targets, nuisances = draw(8)
    nuisances[:, 3:] = 0
    peaks = render(targets, nuisances).amax((2, 3))
    torch.testing.assert_close(peaks[:, 0], targets[:, 3], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(peaks[:, 1:], nuisances[:, 1:3], rtol=1e-5, atol=1e-5)


def test_gradients_agree_with_differences_twice():
    targets, nuisances = (part.double() for part in draw(2, seed=3))
    # Away from small b, where the curve turns too fast in h for finite differences.
    targets[:, 1] = torch.tensor([0.7, 1.0])
    torch.autograd.gradcheck(lambda t, n: render(t, n, 7), (targets.requires_grad_(), nuisances))
    nuisances.requires_grad_()
    torch.autograd.gradcheck(lambda n: render(targets.detach(), n, 7), (nuisances,))
    torch.autograd.gradgradcheck(lambda n: render(targets.detach(), n, 7).square(), (nuisances,))


def test_a_penalty_on_the_gradient_reaches_a_network():
    targets, nuisances = draw(3)
    nuisances.requires_grad_()
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 16 * 16, 5))
    feature = torch.nn.functional.normalize(network(render(targets, nuisances, 16)))
    (slope,) = torch.autograd.grad(feature.sum(), nuisances, create_graph=True)
    slope.square().mean().backward()
    for parameter in network.parameters():
        assert parameter.grad.isfinite().all()
        assert parameter.grad.abs().max() > 0


def test_a_shift_moves_and_widens_only_its_group():
    plain = draw_nuisances(5_000, seeded())
    h = NUISANCES.index("h")
    moved = draw_nuisances(5_000, seeded(), NuisanceShift(h_move=0.5))
    torch.testing.assert_close(moved[:, h], plain[:, h] + 0.5)
    torch.testing.assert_close(moved[:, 1:], plain[:, 1:])
    wide = draw_nuisances(5_000, seeded(), NuisanceShift(back_move=0.2, back_spread=0.5))
    torch.testing.assert_close(wide[:, 3:], 0.5 + 0.5 * (plain[:, 3:] - 0.3))
    torch.testing.assert_close(wide[:, :3], plain[:, :3])
    fore = draw_nuisances(5_000, seeded(), NuisanceShift(fore_move=-0.2, fore_spread=0.0))
    torch.testing.assert_close(fore[:, 1:3], torch.full((5_000, 2), 0.5))
    torch.testing.assert_close(draw_nuisances(5_000, seeded(), NuisanceShift()), plain)


def test_shifted_colours_stay_renderable():
    shift = NuisanceShift(0.9, 2.0, -0.9, 2.0, -3.0, 2.0)
    nuisances = draw_nuisances(1_000, seeded(), shift)
    assert nuisances.min() >= 0
    assert nuisances[:, 1:].max() <= 1
    images = render(draw_targets(1_000, seeded(1)), nuisances)
    assert images.isfinite().all()
    assert images.min() >= 0
    assert images.max() <= 1
    with pytest.raises(VidclError, match="spreads"):
        NuisanceShift(h_spread=-1.0)
