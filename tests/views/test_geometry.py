"""Crops, turns and affine maps against torchvision's."""

import pytest
import torch
import torchvision.transforms.v2.functional as F
from torchvision.transforms import InterpolationMode

from tests.views.pictures import neutral, pictures
from vidcl.views import bands, warp
from vidcl.views.affine import view_to_image
from vidcl.views.geometry import look

N, C = 6, 40
FILL = (0.2, 0.5, 0.9)
BOXES = [(3, 5, 37, 29), (0, 0, 40, 40), (10, 2, 20, 39), (7, 7, 25, 25), (0, 20, 9, 40)]
BOXES.append((1, 1, 39, 3))


def banded_resize(*arguments):
    return bands.crop_resize(*arguments, torch.float32)


@pytest.mark.parametrize("resize", [warp.crop_resize, banded_resize])
@pytest.mark.parametrize("size", [16, 40, 57])
def test_crop_resize_is_torchvisions(resize, size):
    images = pictures()
    across = torch.tensor([False, True, False, True, False, True])
    down = torch.tensor([False, False, True, True, False, False])
    got = resize(images, torch.tensor(BOXES) / C, across, down, size)
    for index, (x0, y0, x1, y1) in enumerate(BOXES):
        want = F.resized_crop(images[index], y0, x0, y1 - y0, x1 - x0, [size, size], antialias=True)
        want = F.horizontal_flip(want) if across[index] else want
        want = F.vertical_flip(want) if down[index] else want
        torch.testing.assert_close(got[index], want, atol=2e-5, rtol=0)


def test_the_bands_are_the_matrices_between_pixels_and_on_long_images():
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(5, 3, 70, 90, generator=generator)
    low = torch.rand(5, 2, generator=generator) / 2
    boxes = torch.cat([low, low + 0.05 + 0.4 * torch.rand(5, 2, generator=generator)], 1)
    mirror = torch.rand(2, 5, generator=generator) < 0.5
    for size in (7, 33, 100):
        want = warp.crop_resize(images, boxes, *mirror, size)
        got = banded_resize(images, boxes, *mirror, size)
        torch.testing.assert_close(got, want, atol=2e-6, rtol=0)


@pytest.mark.parametrize("quick", [False, True])
def test_quarter_turns_turn_the_view(quick):
    images = pictures()
    flip = torch.tensor([False, True] * 3)
    turns = torch.tensor([0, 1, 2, 3, 1, 3])
    params = neutral(N).replace(box=torch.tensor(BOXES) / C, flip=flip, turns=turns)
    got = look(images, params, 16, FILL, quick=quick)
    straight = look(images, params.replace(turns=torch.zeros(N, dtype=torch.long)), 16, FILL)
    for view, turned, k in zip(straight, got, turns.tolist(), strict=True):
        torch.testing.assert_close(turned, torch.rot90(view, k, (1, 2)), atol=2e-6, rtol=0)


def test_both_ways_of_sampling_agree_about_crop_flip_and_turn():
    """On a picture without detail the general path shows what the separable one shows."""
    x, y = torch.meshgrid(*[torch.linspace(0, 1, 64)] * 2, indexing="xy")
    images = torch.stack([x, y, x * y]).repeat(8, 1, 1, 1)
    params = neutral(8).replace(
        box=torch.tensor([0.1, 0.2, 0.8, 0.7]).repeat(8, 1),
        flip=torch.arange(8) % 2 == 1,
        turns=torch.arange(8) // 2,
        angle=torch.full((8,), 1e-4),
        scale=torch.ones(8),
        shear=torch.zeros(8, 2),
        translation=torch.zeros(8, 2),
    )
    got = look(images, params, 48, FILL)
    want = look(images, params.replace(angle=torch.zeros(8)), 48, FILL)
    torch.testing.assert_close(got[..., 1:-1, 1:-1], want[..., 1:-1, 1:-1], atol=2e-3, rtol=0)


def test_the_affine_map_is_torchvisions():
    images = pictures()
    angles = torch.tensor([30.0, -75.0, 0.0, 10.0, 0.0, 140.0])
    scales = torch.tensor([1.0, 1.0, 1.0, 1.3, 1.2, 1.0])
    shears = torch.tensor([[0.0, 0], [0, 0], [20, 0], [5, -12], [0, 0], [0, 15]])
    shifts = torch.tensor([[0.0, 0], [0, 0], [0, 0], [3, -5], [-2, 4], [6, 0]])
    params = neutral(N).replace(angle=angles, scale=scales, shear=shears, translation=shifts / C)
    got = look(images, params, C, FILL)
    around = torch.tensor(FILL).view(3, 1, 1)
    for index in range(N):
        settings = {
            "angle": -float(angles[index]),
            "translate": shifts[index].tolist(),
            "scale": float(scales[index]),
            "shear": shears[index].tolist(),
            "interpolation": InterpolationMode.BILINEAR,
        }
        # given a fill, torchvision blends it in twice at the image's edge; black it does not
        want = F.affine(images[index] - around, **settings) + around
        error = (got[index] - want).abs()
        if index == 4:  # keeps the axes, and so reads no pixel beyond its crop, as resized_crop
            error = error[:, 1:-1, 1:-1]
        # what shear squeezes is smoothed, which torchvision does not do
        atol = 0.1 if shears[index].any() else 2e-4
        assert error.max() < atol and error.mean() < atol / 5


def test_a_rotation_turns_the_true_image():
    """A disc in a wide image, squeezed to a square canvas, stays a disc at any angle."""
    wide, high, side = 200, 100, 100
    x = (torch.arange(side) + 0.5) / side * wide
    y = (torch.arange(side) + 0.5) / side * high
    inside = ((x[None] - 100) ** 2 + (y[:, None] - 50) ** 2) < 30**2
    canvas = inside.float().expand(1, 3, -1, -1)
    params = neutral(1).replace(
        box=torch.tensor([[0.25, 0.0, 0.75, 1.0]]),  # a square in the true image
        angle=torch.tensor([37.0]),
        scale=torch.ones(1),
        shear=torch.zeros(1, 2),
        translation=torch.zeros(1, 2),
        aspect=torch.tensor([wide / high]),
    )
    view = look(canvas, params, 100, FILL)[0, 0] > 0.5
    x, y = torch.meshgrid(*[torch.arange(100) + 0.5 - 50] * 2, indexing="xy")
    radius = (x**2 + y**2).sqrt()
    assert view[radius < 28].all() and not view[(radius > 32) & (radius < 45)].any()


def test_the_map_takes_corners_to_corners():
    params = neutral(1).replace(box=torch.tensor([[0.1, 0.2, 0.5, 0.8]]), flip=torch.tensor([True]))
    matrix = view_to_image(params)[0]
    corners = torch.tensor([[0.0, 0, 1], [1, 0, 1], [0, 1, 1]]).T
    want = torch.tensor([[0.5, 0.1, 0.5], [0.2, 0.2, 0.8]])
    torch.testing.assert_close(matrix @ corners, want)


def test_a_shrunk_and_turned_image_does_not_alias():
    """One-pixel stripes become grey, not other stripes."""
    stripes = (torch.arange(120) % 2).float().expand(1, 3, 120, 120)
    params = neutral(1).replace(
        angle=torch.tensor([20.0]),
        scale=torch.ones(1),
        shear=torch.zeros(1, 2),
        translation=torch.zeros(1, 2),
    )
    view = look(stripes, params, 30, FILL)[0, :, 10:20, 10:20]
    assert (view - 0.5).abs().max() < 0.06


def test_scale_within_the_image_is_a_smaller_crop():
    images = pictures(2)
    moved = neutral(2).replace(
        angle=torch.zeros(2),
        scale=torch.full((2,), 2.0),
        shear=torch.zeros(2, 2),
        translation=torch.tensor([[0.5, 0.0], [0.0, -0.5]]),
    )
    want = neutral(2).replace(box=torch.tensor([[0, 0.25, 0.5, 0.75], [0.25, 0.5, 0.75, 1.0]]))
    torch.testing.assert_close(look(images, moved, 20, FILL), look(images, want, 20, FILL))
