"""What is drawn, what is shared, and what comes again."""

import pytest
import torch
from torchvision.transforms import RandomErasing, RandomResizedCrop
from torchvision.transforms.v2 import RandAugment

from tests.views.pictures import neutral, pictures
from tests.views.test_recipes import everything
from vidcl.errors import VidclError
from vidcl.views.boxes import cover_boxes, random_boxes
from vidcl.views.params import DIFFERENTIABLE, FACTORS, NOT_DIFFERENTIABLE, ViewParams
from vidcl.views.randaugment import OPERATIONS, draw_augment, value_of
from vidcl.views.recipe import RECIPES, ViewConfig, recipe
from vidcl.views.views import Views

N = 12


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_crops_have_the_wanted_area_and_true_shape():
    n = 4000
    sizes = torch.tensor([[200.0, 100.0]]).repeat(n, 1)
    views = Views(ViewConfig(crop_scale=(0.2, 0.4)))
    x0, y0, x1, y1 = views.sample(n, seeded(), sizes).box.unbind(1)
    width, height = (x1 - x0) * 200, (y1 - y0) * 100
    area = width * height / 20000
    assert area.min() > 0.199 and area.max() < 0.401
    ratio = width / height
    assert ratio.min() > 0.749 and ratio.max() < 1.334
    assert min(x0.min(), y0.min()) >= 0 and max(x1.max(), y1.max()) <= 1 + 1e-6
    assert abs(area.mean() - 0.3) < 0.005


@pytest.mark.parametrize("scale", [(0.2, 1.0), (0.08, 1.0)])
def test_crops_follow_the_distribution_of_random_resized_crop(scale):
    torch.manual_seed(0)
    image = torch.zeros(3, 300, 300)
    want = torch.tensor(
        [RandomResizedCrop.get_params(image, list(scale), [3 / 4, 4 / 3]) for _ in range(3000)]
    ).float()
    draws = torch.rand(3000, 10, 4, generator=seeded(1))
    scales = torch.tensor([scale]).repeat(3000, 1)
    box = random_boxes(draws, torch.ones(3000), scales, (3 / 4, 4 / 3)) * 300
    got = torch.stack([box[:, 1], box[:, 0], box[:, 3] - box[:, 1], box[:, 2] - box[:, 0]], 1)
    quantiles = torch.tensor([0.1, 0.5, 0.9])
    for column in range(4):  # top, left, height, width
        a, b = want[:, column].quantile(quantiles), got[:, column].quantile(quantiles)
        torch.testing.assert_close(a, b, atol=8.0, rtol=0)
    a, b = ((x[:, 2] * x[:, 3] / 9e4).quantile(quantiles) for x in (want, got))
    torch.testing.assert_close(a, b, atol=0.025, rtol=0)


def test_a_crop_that_never_fits_becomes_the_largest_central_one():
    draws = torch.rand(2, 10, 4, generator=seeded(1))
    scale = torch.tensor([[1.0, 1.0]]).repeat(2, 1)
    box = random_boxes(draws, torch.tensor([4.0, 0.25]), scale, (3 / 4, 4 / 3))
    torch.testing.assert_close(box[0], torch.tensor([1 / 3, 0.0, 2 / 3, 1.0]))
    torch.testing.assert_close(box[1], torch.tensor([0.0, 1 / 3, 1.0, 2 / 3]))


def test_crop_scale_can_differ_per_image():
    views = Views(ViewConfig())
    scale = torch.tensor([[0.1, 0.1], [0.9, 0.9]]).repeat(50, 1)
    box = views.sample(100, seeded(), crop_scale=scale).box
    area = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])
    torch.testing.assert_close(area[::2], torch.full((50,), 0.1), atol=1e-4, rtol=0)
    assert area[1::2].min() > 0.7


def test_covers_follow_the_distribution_of_random_erasing():
    torch.manual_seed(0)
    image = torch.zeros(3, 300, 300)
    drawn = [RandomErasing.get_params(image, (0.02, 0.33), (0.3, 3.3), [0.0]) for _ in range(3000)]
    want = torch.tensor([values[:4] for values in drawn]).float()
    box = cover_boxes(torch.rand(3000, 4, generator=seeded(1)), (0.02, 0.33), (0.3, 3.3)) * 300
    got = torch.stack([box[:, 1], box[:, 0], box[:, 3] - box[:, 1], box[:, 2] - box[:, 0]], 1)
    quantiles = torch.tensor([0.1, 0.5, 0.9])
    for column in range(4):
        a, b = want[:, column].quantile(quantiles), got[:, column].quantile(quantiles)
        torch.testing.assert_close(a, b, atol=9.0, rtol=0)
    assert box.min() >= 0 and box.max() <= 300.001


def test_every_probability_is_kept():
    n = 4000
    p = Views(everything(24)).sample(n, seeded())
    assert p.augment_op is not None and p.occlusion is not None
    shares = {
        0.5: [p.flip, p.turns > 0, p.angle != 0, p.texture_share > 0, p.sigma > 0, p.gamma != 1],
        0.3: [p.autocontrast, p.equalise, p.bits < 8, p.threshold < 1],
        0.8: [(p.color[:, :3] != 1).any(1)],
        0.2: [p.grey],
    }
    shares[0.5] += [p.sharpness != 1, p.noise > 0, (p.occlusion != 0).any(1)]
    for want, drawn in shares.items():
        for mask in drawn:
            assert abs(float(mask.float().mean()) - want) < 0.03
    turned = torch.bincount(p.turns, minlength=4) / n
    torch.testing.assert_close(turned, torch.tensor([3, 1, 1, 1]) / 6, atol=0.03, rtol=0)
    assert p.angle.abs().max() <= 20 and p.angle.std() > 7
    assert p.scale.min() >= 0.8 and p.scale.max() <= 1.2
    assert ((p.occluder > 0) & (p.occluder < n)).all()


def test_randaugment_draws_torchvisions_operations_and_magnitudes():
    names = {"saturation": "Color", "equalise": "Equalize", "posterise": "Posterize"}
    names |= {"solarise": "Solarize", "autocontrast": "AutoContrast"}
    table = RandAugment._AUGMENTATION_SPACE
    op, value = draw_augment(20_000, "torchvision", 2, 9, seeded())
    used = op.unique()
    assert len(used) == len(table) == 14
    shares = torch.bincount(op.flatten(), minlength=len(OPERATIONS))[used] / op.numel()
    assert (shares - 1 / 14).abs().max() < 0.005
    for code in used.tolist():
        name = names.get(OPERATIONS[code], OPERATIONS[code].title().replace("_", ""))
        magnitudes, signed = table[name]
        bins = magnitudes(31, 224, 224)
        got = value[op == code].unique()
        if bins is None:
            assert not got.any()
            continue
        want = float(bins[9])
        want = want / 224 if name.startswith("Translate") else want
        want = {"Solarize": want, "Posterize": want}.get(name, want)
        base = 1.0 if name in ("Brightness", "Color", "Contrast", "Sharpness") else 0.0
        wanted = [base - want, base + want] if signed else [want]
        if name.startswith("Shear"):
            wanted = [float(torch.tan(torch.atan(torch.tensor(v)))) for v in wanted]
        torch.testing.assert_close(got, torch.tensor(wanted), atol=1e-5, rtol=0)


def test_randaugment_draws_as_infomin_published():
    op, value = draw_augment(20_000, "timm", 2, 10, seeded())
    assert abs(float((op == 0).float().mean()) - 0.5) < 0.01
    shares = torch.bincount(op.flatten(), minlength=len(OPERATIONS))[1:] / (op > 0).sum()
    plain, torchvisions, pillows = shares[:15], torch.zeros(15, dtype=torch.bool), shares[15:]
    torchvisions[[3, 11, 12, 13, 14]] = True  # what moves pixels is torchvision's nowhere
    assert not plain[torchvisions].any()
    assert (plain[~torchvisions] - 1 / 15).abs().max() < 0.006
    # half of them bilinear, half bicubic
    assert len(pillows) == 10 and (pillows - 1 / 30).abs().max() < 0.004
    turned = value[op == OPERATIONS.index("rotate_bicubic")].abs()
    assert turned.max() == 30 and abs(float((turned == 30).float().mean()) - 0.5) < 0.05
    full, sign = torch.tensor([10.0]), torch.tensor([-1.0])
    want = {"shear_x": -0.3, "translate_y": -0.45, "saturation": 1.9, "posterise": 4.0}
    want |= {"solarise": 256 / 255, "solarise_add": 110 / 255, "rotate": -30.0}
    for name, at_ten in want.items():
        assert float(value_of(name, "timm", full, sign)) == pytest.approx(at_ten)


@pytest.mark.parametrize("name", RECIPES)
def test_what_a_recipe_lacks_is_none(name):
    params = Views(recipe(name)).sample(4, seeded())
    fields = {"box", "flip", "color", "order", "grey", "sigma"}
    fields = {"box"} if name == "eval" else fields
    fields -= {"sigma"} if name == "moco_v1" else set()
    fields |= {"augment_op", "augment_value"} if name == "infomin" else set()
    assert set(params.tensors()) == fields


def test_the_numbers_drawn_for_moco_are_those_of_always():
    """Frozen: runs made before other operations joined the recipe repeat."""
    generator = seeded(7)
    params = Views(recipe("moco_v2")).sample(3, generator)
    plain = torch.rand(3, 10, 4, generator=(g := seeded(7)))
    box = random_boxes(
        plain, torch.ones(3), torch.tensor([[0.2, 1.0]]).repeat(3, 1), (3 / 4, 4 / 3)
    )
    jittered = torch.rand(3, 1, generator=g) < 0.8
    flip = torch.rand(3, generator=g) < 0.5
    spread = torch.tensor([0.4, 0.4, 0.4, 0.1])
    factors = jittered * spread * (2 * torch.rand(3, 4, generator=g) - 1)
    order = torch.rand(3, 4, generator=g).argsort(1)
    grey = torch.rand(3, generator=g) < 0.2
    sigma = (torch.rand(3, generator=g) < 0.5) * (0.1 + (2.0 - 0.1) * torch.rand(3, generator=g))
    want = ViewParams(
        box=box,
        flip=flip,
        color=torch.tensor([1.0, 1.0, 1.0, 0.0]) + factors,
        order=order,
        grey=grey,
        sigma=sigma,
    )
    for name, value in want.tensors().items():
        assert torch.equal(value, getattr(params, name)), name
    assert torch.equal(generator.get_state(), g.get_state())
    # recipes without some of the operations draw their numbers all the same
    for other in ("moco_v1", "simclr", "eval"):
        Views(recipe(other)).sample(3, generator := seeded(7))
        assert torch.equal(generator.get_state(), g.get_state())


def test_parameters_repeat_and_replay():
    images = pictures(N)
    for config in (recipe("moco_v2", size=24), recipe("infomin", size=24)):
        views = Views(config)
        first, again = (views.sample(N, seeded(5)) for _ in range(2))
        state = torch.get_rng_state()
        a, b = views.apply(images, first), views.apply(images, again)
        assert torch.equal(a, b)
        assert torch.equal(state, torch.get_rng_state())  # nothing is drawn
        # one image's view does not depend on the others in the batch
        torch.testing.assert_close(views.apply(images[2:3], first[2:3]), a[2:3], atol=1e-5, rtol=0)


def test_chunks_do_not_show(monkeypatch):
    images = pictures(N)
    views = Views(everything(24))
    params = views.sample(N, seeded(5), torch.rand(N, 2, generator=seeded()) + 1)
    whole = views.apply(images, params)
    monkeypatch.setattr("vidcl.views.views._CHUNK", 1)
    torch.testing.assert_close(views.apply(images, params), whole, atol=2e-5, rtol=0)


def test_sharing_takes_a_factor_and_nothing_else():
    views = Views(everything(24))
    query, key = views.sample(N, seeded(1)), views.sample(N, seeded(2))
    for factor, names in FACTORS.items():
        mixed = key.share(query, [factor])
        for name, value in mixed.tensors().items():
            assert torch.equal(value, getattr(query if name in names else key, name))
        assert not torch.equal(getattr(mixed, names[-1]), 0 * getattr(mixed, names[-1]))
    with pytest.raises(VidclError, match="no factor"):
        key.share(query, ["hue"])
    with pytest.raises(VidclError, match="cannot be shared"):
        key.share(query[:2], ["crop"])


def test_every_field_is_of_one_factor_and_differentiable_or_not():
    fields = [name for names in FACTORS.values() for name in names]
    assert len(fields) == len(set(fields))
    assert set(fields) | {"aspect"} == set(Views(everything(24)).sample(2, seeded()).tensors()) | {
        "occlusion_color"
    }
    assert set(DIFFERENTIABLE) <= set(fields) and set(NOT_DIFFERENTIABLE) <= set(fields)
    assert not set(DIFFERENTIABLE) & set(NOT_DIFFERENTIABLE)


def test_a_factor_drawn_anew_leaves_the_others():
    views = Views(everything(24))
    params = views.sample(N, seeded(1))
    for factor, names in FACTORS.items():
        new = views.redraw(params, [factor], seeded(2))
        for name, value in new.tensors().items():
            assert torch.equal(value, getattr(params, name)) == (name not in names), name


def test_a_distinct_redraw_never_repeats_and_keeps_the_distribution():
    n = 6000
    views = Views(ViewConfig(turn=0.75))
    params = views.sample(n, seeded(1))
    new = views.redraw(params, ["turn", "flip", "color"], seeded(2), distinct=True)
    assert (new.turns != params.turns).all() and (new.flip != params.flip).all()
    assert (new.color != params.color).any(1).all()  # also of those not jittered before
    table = torch.zeros(4, 4).index_put_((params.turns, new.turns), torch.ones(n), accumulate=True)
    share = table / table.sum(1, keepdim=True)
    torch.testing.assert_close(share, (1 - torch.eye(4)) / 3, atol=0.05, rtol=0)
    still = Views(ViewConfig(turn=0.75, flip=1.0))
    with pytest.raises(VidclError, match="cannot differ"):
        still.redraw(still.sample(4, seeded()), ["flip"], seeded(), distinct=True)


def test_parameters_index_move_and_replace():
    params = Views(everything(24)).sample(N, seeded(1), torch.ones(N, 2))
    picked = params[torch.tensor([3, 1])]
    assert len(picked) == 2 and len(params[2:7]) == 5
    for name, value in picked.tensors().items():
        assert torch.equal(value, getattr(params, name)[[3, 1]])
    assert set(params.to("cpu").tensors()) == set(params.tensors())
    sigma = torch.full((N,), 1.5)
    assert torch.equal(params.replace(sigma=sigma).sigma, sigma)
    assert neutral(2).flip is None
