"""Jigsaw patches against the crop that is resized whole and cut, one patch at a time."""

import pytest
import torch
import torchvision.transforms.v2.functional as F
from torchvision.transforms import RandomResizedCrop

from tests.views.pictures import levels, pictures
from tests.views.test_recipes import NoWaiting
from vidcl.views.jigsaw import Jigsaw, JigsawConfig
from vidcl.views.recipe import recipe

N, C = 7, 96


def reference(image, params, index, jigsaw):
    """[J, 3, P, P] of one image, float [3, C, C] in [0, 1], with torchvision's functions."""
    x0, y0, x1, y1 = (params.box[index] * C).round().int().tolist()
    whole = F.resized_crop(image, y0, x0, y1 - y0, x1 - x0, [jigsaw.size] * 2, antialias=True)
    if params.flip[index]:
        whole = F.horizontal_flip(whole)
    whole = F.normalize(whole, list(jigsaw.views.mean), list(jigsaw.views.std))
    patches = []
    for number in params.order[index].tolist():
        row, column = divmod(number, jigsaw.config.grid)
        x, y = params.offset[index, number].tolist()
        top, left = row * jigsaw.cell + y, column * jigsaw.cell + x
        patches.append(whole[:, top : top + jigsaw.patch, left : left + jigsaw.patch])
    return torch.stack(patches)


@pytest.mark.parametrize("kind", ["uint8", "float", "exact"])
@pytest.mark.parametrize("view", [24, 120])
def test_patches_are_cut_from_the_whole_crop(view, kind):
    """Of a crop made smaller and one made larger; ``exact``: where gradients are asked for."""
    jigsaw = Jigsaw(JigsawConfig(), recipe("infomin", size=view))
    params = jigsaw.sample(N, torch.Generator().manual_seed(0))
    pixels = levels(pictures(N, C))
    box = (params.box * C).round() / C
    params = type(params)(box.requires_grad_(kind == "exact"), *list(params.tensors().values())[1:])
    got = jigsaw.apply(pixels if kind == "uint8" else pixels / 255, params).detach()
    assert got.shape == (N, 9, 3, jigsaw.patch, jigsaw.patch) and got.dtype == torch.float32
    for index in range(N):
        want = reference(pixels[index] / 255, params, index, jigsaw)
        torch.testing.assert_close(got[index], want, atol=1e-4, rtol=0)


def test_its_sizes_are_the_authors_beside_224_and_in_proportion_otherwise():
    assert JigsawConfig().sides(224) == (255, 85, 64)
    assert JigsawConfig().sides(32) == (36, 12, 9)
    assert JigsawConfig(grid=2).sides(112)[0] == 2 * round(255 / 4)
    assert JigsawConfig(size=100, patch=20).sides(32) == (100, 33, 20)
    assert JigsawConfig().cost(224) == pytest.approx(9 * 64**2 / 224**2)
    assert JigsawConfig().crop_scale == (0.6, 1.0)


@pytest.mark.parametrize(
    "values", [{"crop_scale": (0.0, 1.0)}, {"crop_scale": (0.5, 1.5)}, {"size": 30, "patch": 11}]
)
def test_impossible_jigsaws_are_refused(values):
    with pytest.raises(ValueError, match="must"):
        JigsawConfig(**values)
    with pytest.raises(ValueError, match="do not fit"):
        JigsawConfig(patch=30).sides(32)


def test_draws_are_the_published_ones():
    jigsaw = Jigsaw(JigsawConfig(), recipe("infomin", size=32))
    generator = torch.Generator().manual_seed(0)
    params = jigsaw.sample(2000, generator)
    x0, y0, x1, y1 = params.box.unbind(1)
    area = (x1 - x0) * (y1 - y0)
    assert area.min() >= 0.6 - 1e-5 and area.max() <= 1 + 1e-5
    torch.manual_seed(0)
    square = torch.empty(3, 1000, 1000, device="meta")
    crops = [RandomResizedCrop.get_params(square, [0.6, 1.0], [3 / 4, 4 / 3]) for _ in range(2000)]
    want = torch.tensor([height * width / 1e6 for _, _, height, width in crops])
    quantiles = torch.tensor([0.1, 0.5, 0.9])
    assert (area.quantile(quantiles) - want.quantile(quantiles)).abs().max() < 0.02
    assert 0.46 < params.flip.float().mean() < 0.54
    assert torch.equal(params.order.sort(1).values, torch.arange(9).expand(2000, 9))
    shares = torch.stack([(params.order[:, 0] == cell).float().mean() for cell in range(9)])
    assert (shares - 1 / 9).abs().max() < 0.03
    # a patch lies anywhere in its cell, to the last pixel
    for value in range(jigsaw.cell - jigsaw.patch + 1):
        share = (params.offset == value).float().mean((0, 1))
        assert (share - 1 / (jigsaw.cell - jigsaw.patch + 1)).abs().max() < 0.02
    assert params.offset.max() == jigsaw.cell - jigsaw.patch
    # wide images: the crop has the wanted shape in the true image
    wide = jigsaw.sample(500, generator, torch.tensor([[80.0, 40.0]]).repeat(500, 1))
    x0, y0, x1, y1 = wide.box.unbind(1)
    shape = 2 * (x1 - x0) / (y1 - y0)
    assert shape.min() > 3 / 4 - 1e-4 and shape.max() < 4 / 3 + 1e-4


def test_parameters_replay_and_can_be_taken_apart():
    jigsaw = Jigsaw(JigsawConfig(), recipe("moco_v2", size=24))
    pixels = levels(pictures(N, C))
    a, b = (jigsaw.sample(N, torch.Generator().manual_seed(5)) for _ in range(2))
    whole = jigsaw.apply(pixels, a)
    assert torch.equal(whole, jigsaw.apply(pixels, b))
    which = torch.tensor([4, 1])
    torch.testing.assert_close(jigsaw.apply(pixels[which], a[which]), whole[which])
    assert jigsaw.apply(pixels[:0], a[:0]).shape == (0, *whole.shape[1:])
    # neither colour nor blur of the recipe: a grey picture stays one grey
    flat = jigsaw.apply(torch.full_like(pixels, 128), a)
    assert flat.flatten(3).std(3).max() < 1e-5


def test_no_value_is_waited_for():
    """On a GPU that would stop the host."""
    jigsaw = Jigsaw(JigsawConfig(), recipe("infomin", size=24))
    params = jigsaw.sample(N, torch.Generator().manual_seed(0)).to("meta")
    with NoWaiting():
        out = jigsaw.apply(levels(pictures(N, C)).to("meta", non_blocking=True), params)
    assert out.shape == (N, 9, 3, jigsaw.patch, jigsaw.patch) and out.is_meta
