"""Gradients with regard to what is said to be differentiable, in float64, away from kinks."""

import pytest
import torch

from tests.views.pictures import neutral
from vidcl.views.params import DIFFERENTIABLE, ViewParams
from vidcl.views.recipe import ViewConfig
from vidcl.views.views import Views


def scene() -> tuple[torch.Tensor, ViewParams, Views]:
    generator = torch.Generator().manual_seed(0)
    # values away from the clamp's bounds
    images = 0.4 + 0.2 * torch.rand(2, 3, 9, 9, generator=generator, dtype=torch.float64)

    def double(values):
        return torch.tensor(values, dtype=torch.float64)

    params = neutral(2).replace(
        box=double([[0.11, 0.13, 0.83, 0.77], [0.03, 0.21, 0.95, 0.93]]),
        color=double([[1.1, 0.9, 1.05, 0.02], [0.95, 1.1, 0.9, -0.03]]),
        order=torch.tensor([[0, 1, 2, 3], [3, 1, 0, 2]]),
        sigma=double([0.8, 1.3]),
        gamma=double([1.2, 0.8]),
        angle=double([13.0, -21.0]),
        scale=double([0.7, 1.3]),  # the first shrinks the view, so it is smoothed
        shear=double([[3.0, 2.0], [-4.0, 5.0]]),
        translation=double([[0.03, -0.04], [0.01, 0.02]]),
        aspect=double([1.3, 0.8]),
    )
    views = Views(ViewConfig(size=5, mean=(0.1, 0.1, 0.1), std=(0.5, 0.5, 0.5)))
    return images, params, views


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients_are_right_and_not_zero(name):
    images, params, views = scene()
    value = getattr(params, name).clone().requires_grad_()
    (gradient,) = torch.autograd.grad(
        views.apply(images, params.replace(**{name: value})).square().sum(), value
    )
    assert (gradient.abs() > 1e-6).all()
    assert torch.autograd.gradcheck(
        lambda v: views.apply(images, params.replace(**{name: v})), (value,), fast_mode=True
    )


def test_the_separable_way_has_gradients_too():
    images, params, views = scene()
    params = ViewParams(box=params.box, color=params.color, order=params.order, sigma=params.sigma)
    names = ("box", "color", "sigma")

    def run(images, *values):
        return views.apply(images, params.replace(**dict(zip(names, values, strict=True))))

    inputs = [images, *(getattr(params, name) for name in names)]
    inputs = [value.clone().requires_grad_() for value in inputs]
    assert torch.autograd.gradcheck(run, inputs, fast_mode=True)
    gradients = torch.autograd.grad(run(*inputs).square().sum(), inputs)
    assert all((gradient.abs() > 1e-9).any() for gradient in gradients)


def test_a_gradient_of_a_gradient_passes_the_colours():
    """As InvCLR needs it: the gradient with regard to the parameters, as part of a loss."""
    images, params, views = scene()
    weight = torch.full((3, 1, 1), 0.3, dtype=torch.float64, requires_grad=True)

    def penalty(weight, factors):
        out = views.apply(images, params.replace(color=factors))
        (slope,) = torch.autograd.grad((out * weight).square().sum(), factors, create_graph=True)
        return slope.square().mean()

    factors = params.color.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda w: penalty(w, factors), (weight,))


def test_with_and_without_gradients_the_views_are_the_same():
    images, params, views = scene()
    params = params.replace(color=params.color.clone().requires_grad_())
    with_gradients = views.apply(images, params)
    with torch.no_grad():
        without = views.apply(images, params)
    assert with_gradients.requires_grad and not without.requires_grad
    torch.testing.assert_close(with_gradients.detach(), without, atol=1e-6, rtol=0)
