"""Views against torchvision's functions, one at a time and chained."""

import math

import pytest
import torch
import torchvision.transforms.functional as TF

from vidcl.views import color, warp
from vidcl.views.recipe import ViewConfig, recipe
from vidcl.views.views import ViewParams, Views, random_boxes

N, C = 6, 40


@pytest.fixture
def images() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    small = torch.rand(N, 3, 10, 10, generator=generator)
    smooth = torch.nn.functional.interpolate(small, (C, C), mode="bilinear")
    return (0.8 * smooth + 0.2 * torch.rand(N, 3, C, C, generator=generator)).clamp(0, 1)


def neutral(n: int) -> ViewParams:
    return ViewParams(
        box=torch.tensor([0.0, 0.0, 1.0, 1.0]).repeat(n, 1),
        flip=torch.zeros(n, dtype=torch.bool),
        color=torch.tensor([1.0, 1.0, 1.0, 0.0]).repeat(n, 1),
        order=torch.arange(4).repeat(n, 1),
        grey=torch.zeros(n, dtype=torch.bool),
        sigma=torch.zeros(n),
    )


@pytest.mark.parametrize("size", [16, 40, 57])
def test_crop_resize_is_torchvisions(images, size):
    boxes = [(3, 5, 37, 29), (0, 0, 40, 40), (10, 2, 20, 39), (7, 7, 25, 25), (0, 20, 9, 40)]
    boxes.append((1, 1, 39, 3))
    flips = torch.tensor([False, True, False, True, False, True])
    got = warp.crop_resize(images, torch.tensor(boxes) / C, flips, size)
    for image, (x0, y0, x1, y1), flip, out in zip(images, boxes, flips, got, strict=True):
        want = TF.resized_crop(image, y0, x0, y1 - y0, x1 - x0, [size, size], antialias=True)
        want = TF.hflip(want) if flip else want
        torch.testing.assert_close(out, want, atol=2e-5, rtol=0)


def test_color_maps_are_torchvisions(images):
    factors = torch.linspace(0.6, 1.4, N)
    grey = torch.stack([TF.rgb_to_grayscale(image).mean() for image in images])
    cases = [
        (color.brightness(factors), TF.adjust_brightness),
        (color.contrast(factors, grey), TF.adjust_contrast),
        (color.saturation(factors), TF.adjust_saturation),
    ]
    for matrix, reference in cases:
        got = color.apply_color(images, matrix).clamp(0, 1)
        want = torch.stack([reference(i, float(f)) for i, f in zip(images, factors, strict=True)])
        torch.testing.assert_close(got, want, atol=2e-6, rtol=0)
    on = torch.tensor([True, False] * (N // 2))
    got = color.apply_color(images, color.greyscale(on, images))
    torch.testing.assert_close(got[on], TF.rgb_to_grayscale(images[on], 3), atol=2e-6, rtol=0)
    torch.testing.assert_close(got[~on], images[~on], atol=2e-6, rtol=0)


def test_hue_turns_the_chroma_plane_and_keeps_luma(images):
    turn = torch.linspace(-0.5, 0.5, N)
    got = color.apply_color(images, color.hue(turn))
    yiq = torch.tensor(color._YIQ)
    for image, angle, out in zip(images, turn, got, strict=True):
        y, i, q = torch.einsum("ij,jhw->ihw", yiq, image)
        cos, sin = math.cos(2 * math.pi * angle), math.sin(2 * math.pi * angle)
        turned = torch.stack([y, cos * i - sin * q, sin * i + cos * q])
        want = torch.einsum("ij,jhw->ihw", torch.linalg.inv(yiq), turned)
        torch.testing.assert_close(out, want, atol=1e-5, rtol=0)


@pytest.mark.parametrize("sigma", [0.1, 0.7, 2.0])
def test_blur_is_torchvisions(images, sigma):
    radius = 6
    got = warp.blur(images, torch.full((N,), sigma), radius)
    want = TF.gaussian_blur(images, [2 * radius + 1] * 2, [sigma, sigma])
    torch.testing.assert_close(got, want, atol=1e-5, rtol=0)
    torch.testing.assert_close(warp.blur(images, torch.zeros(N), radius), images)


def unfused(image, params, index, config):
    """One image through torchvision's functions, in the order of the recipe."""
    x0, y0, x1, y1 = (params.box[index] * C).round().int().tolist()
    out = TF.resized_crop(image, y0, x0, y1 - y0, x1 - x0, [config.size] * 2, antialias=True)
    out = TF.hflip(out) if params.flip[index] else out
    grey = params.grey[index]
    if config.greyscale_first and grey:
        out = TF.rgb_to_grayscale(out, 3)
    b, c, s, h = params.color[index]
    turn = color.hue(h[None])
    steps = [
        lambda x: x * b,
        lambda x: c * x + (1 - c) * TF.rgb_to_grayscale(x).mean(),
        lambda x: s * x + (1 - s) * TF.rgb_to_grayscale(x, 3),
        lambda x: color.apply_color(x[None], turn)[0],
    ]
    for step in params.order[index].tolist():
        out = steps[step](out)
    if not config.greyscale_first and grey:
        out = TF.rgb_to_grayscale(out, 3)
    out = out.clamp(0, 1)
    if params.sigma[index] > 0:
        radius = min(config.size - 1, round(3 * config.blur_sigma[1]))
        out = TF.gaussian_blur(out, [2 * radius + 1] * 2, [float(params.sigma[index])] * 2)
    return TF.normalize(out, list(config.mean), list(config.std))


@pytest.mark.parametrize("name", ["moco_v1", "moco_v2"])
def test_the_fused_chain_is_the_chain(images, name):
    config = recipe(name, size=24)
    views = Views(config)
    params = views.sample(N, torch.Generator().manual_seed(3))
    box = (params.box * C).round() / C
    params = ViewParams(box, params.flip, params.color, params.order, params.grey, params.sigma)
    got = views.apply(images, params)
    for index, image in enumerate(images):
        want = unfused(image, params, index, config)
        torch.testing.assert_close(got[index], want, atol=1e-4, rtol=0)


def test_uint8_and_float_agree(images):
    views = Views(recipe("moco_v2", size=24))
    params = views.sample(N, torch.Generator().manual_seed(1))
    pixels = (images * 255).round().to(torch.uint8)
    torch.testing.assert_close(
        views.apply(pixels, params), views.apply(pixels / 255, params), atol=1e-4, rtol=0
    )


def test_eval_is_resize_and_normalise(images):
    config = recipe("eval", size=24)
    views = Views(config)
    got = views.apply(images, views.sample(N, torch.Generator()))
    want = TF.normalize(
        TF.resize(images, [24, 24], antialias=True), list(config.mean), list(config.std)
    )
    torch.testing.assert_close(got, want, atol=1e-4, rtol=0)


def test_parameters_repeat_and_replay(images):
    views = Views(recipe("moco_v2", size=24))
    first = views.sample(N, torch.Generator().manual_seed(5))
    again = views.sample(N, torch.Generator().manual_seed(5))
    a, b = views.apply(images, first), views.apply(images, again)
    assert torch.equal(a, b)
    # one image's view does not depend on the others in the batch
    torch.testing.assert_close(views.apply(images[2:3], first[2:3]), a[2:3], atol=1e-5, rtol=0)


def test_crops_have_the_wanted_area_and_true_shape():
    n = 4000
    generator = torch.Generator().manual_seed(0)
    sizes = torch.tensor([[200.0, 100.0]]).repeat(n, 1)
    views = Views(ViewConfig(crop_scale=(0.2, 0.4)))
    x0, y0, x1, y1 = views.sample(n, generator, sizes).box.unbind(1)
    width, height = (x1 - x0) * 200, (y1 - y0) * 100
    area = width * height / 20000
    assert area.min() > 0.199 and area.max() < 0.401
    ratio = width / height
    assert ratio.min() > 0.749 and ratio.max() < 1.334
    assert min(x0.min(), y0.min()) >= 0 and max(x1.max(), y1.max()) <= 1 + 1e-6
    assert abs(area.mean() - 0.3) < 0.005


def test_crops_follow_the_distribution_of_random_resized_crop():
    from torchvision.transforms import RandomResizedCrop

    torch.manual_seed(0)
    image = torch.zeros(3, 300, 300)
    want = torch.tensor(
        [RandomResizedCrop.get_params(image, [0.2, 1.0], [3 / 4, 4 / 3]) for _ in range(3000)]
    ).float()
    draws = torch.rand(3000, 10, 4, generator=torch.Generator().manual_seed(1))
    scale = torch.tensor([[0.2, 1.0]]).repeat(3000, 1)
    box = random_boxes(draws, torch.ones(3000), scale, (3 / 4, 4 / 3)) * 300
    got = torch.stack([box[:, 1], box[:, 0], box[:, 3] - box[:, 1], box[:, 2] - box[:, 0]], 1)
    for column in range(4):  # top, left, height, width
        quantiles = torch.tensor([0.1, 0.5, 0.9])
        a, b = want[:, column].quantile(quantiles), got[:, column].quantile(quantiles)
        torch.testing.assert_close(a, b, atol=8.0, rtol=0)


def test_a_crop_that_never_fits_becomes_the_largest_central_one():
    draws = torch.rand(2, 10, 4, generator=torch.Generator().manual_seed(1))
    scale = torch.tensor([[1.0, 1.0]]).repeat(2, 1)
    box = random_boxes(draws, torch.tensor([4.0, 0.25]), scale, (3 / 4, 4 / 3))
    torch.testing.assert_close(box[0], torch.tensor([1 / 3, 0.0, 2 / 3, 1.0]))
    torch.testing.assert_close(box[1], torch.tensor([0.0, 1 / 3, 1.0, 2 / 3]))


def test_crop_scale_can_differ_per_image():
    views = Views(ViewConfig())
    scale = torch.tensor([[0.1, 0.1], [0.9, 0.9]]).repeat(50, 1)
    box = views.sample(100, torch.Generator().manual_seed(0), crop_scale=scale).box
    area = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])
    torch.testing.assert_close(area[::2], torch.full((50,), 0.1), atol=1e-4, rtol=0)
    assert area[1::2].min() > 0.7


def test_views_are_differentiable():
    generator = torch.Generator().manual_seed(0)
    config = ViewConfig(size=5, mean=(0.1, 0.1, 0.1), std=(0.5, 0.5, 0.5))
    views = Views(config)
    # values away from the clamp's bounds
    images = 0.4 + 0.2 * torch.rand(2, 3, 9, 9, generator=generator, dtype=torch.float64)
    base = neutral(2)
    box = torch.tensor([[0.11, 0.13, 0.83, 0.77], [0.03, 0.21, 0.95, 0.93]], dtype=torch.float64)
    factors = torch.tensor([[1.1, 0.9, 1.05, 0.02], [0.95, 1.1, 0.9, -0.03]], dtype=torch.float64)
    sigma = torch.tensor([0.8, 1.3], dtype=torch.float64)

    def run(images, box, factors, sigma):
        return views.apply(
            images, ViewParams(box, base.flip, factors, base.order, base.grey, sigma)
        )

    inputs = [t.requires_grad_() for t in (images, box, factors, sigma)]
    assert torch.autograd.gradcheck(run, inputs, fast_mode=True)


@pytest.mark.parametrize(
    "values", [{"crop_scale": (0.5, 0.2)}, {"crop_scale": (0.5, 1.5)}, {"std": (1, 0, 1)}]
)
def test_impossible_recipes_are_refused(values):
    with pytest.raises(ValueError):
        ViewConfig(**values)
