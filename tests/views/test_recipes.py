"""Each recipe's fused chain against its own chain, one image and one operation at a time."""

import math

import pytest
import torch
import torchvision.transforms.v2.functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision.transforms import InterpolationMode

from tests.views.pictures import levels, neutral, pictures
from tests.views.pillows import moved
from vidcl.views import color
from vidcl.views.params import ViewParams
from vidcl.views.randaugment import OPERATIONS
from vidcl.views.recipe import RECIPES, ViewConfig, recipe
from vidcl.views.views import Views

N, C = 12, 40


def chain(image: torch.Tensor, params: ViewParams, index: int, config: ViewConfig) -> torch.Tensor:
    """One image, float [3, C, C] in [0, 1], through torchvision's functions in a recipe's order.

    The colour jitter clamps once, at its end, as the fused map does; in HSV after each part.
    """
    x0, y0, x1, y1 = (params.box[index] * C).round().int().tolist()
    size = [config.size] * 2
    out = F.resized_crop(image, y0, x0, y1 - y0, x1 - x0, size, antialias=True)
    if params.flip is not None and params.flip[index]:
        out = F.horizontal_flip(out)
    grey = params.grey is not None and bool(params.grey[index])
    if config.greyscale_first and grey:
        out = F.rgb_to_grayscale(out, 3)
    if params.color is not None:
        out = jitter(out, params.color[index], params.order[index], config.hue_space == "hsv")
    if grey and not config.greyscale_first and not config.greyscale_last:
        out = F.rgb_to_grayscale(out, 3)
    out = out.clamp(0, 1)
    if params.sigma is not None and params.sigma[index] > 0:
        radius = min(config.size - 1, config.blur_radius or round(3 * config.blur_sigma[1]))
        out = F.gaussian_blur(out, [2 * radius + 1] * 2, [float(params.sigma[index])] * 2)
    if params.augment_op is not None:
        for op, value in zip(params.augment_op[index], params.augment_value[index], strict=True):
            out = augment(OPERATIONS[op], out, float(value), list(config.fill))
    if grey and config.greyscale_last:
        out = F.rgb_to_grayscale(out, 3)
    return F.normalize(out, list(config.mean), list(config.std))


def jitter(out, factors, order, hsv):
    b, c, s, h = factors
    steps = [
        lambda x: x * b,
        lambda x: c * x + (1 - c) * F.rgb_to_grayscale(x).mean(),
        lambda x: s * x + (1 - s) * F.rgb_to_grayscale(x, 3),
        lambda x: color.apply_color(x[None], color.hue(h[None]))[0],
    ]
    if hsv:
        steps[3] = lambda x: F.adjust_hue(x, float(h))
    for step in order.tolist():
        out = steps[step](out)
        if hsv:
            out = out.clamp(0, 1)
    return out


def augment(name, x, value, fill):
    still = {"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0]}
    still |= {"interpolation": InterpolationMode.BILINEAR, "center": [0, 0]}
    degrees, shift = math.degrees(math.atan(value)), int(value * x.shape[-1])
    moves = {
        "rotate": {"angle": -value, "center": None},
        "shear_x": {"shear": [degrees, 0.0]},
        "shear_y": {"shear": [0.0, degrees]},
        "translate_x": {"translate": [shift, 0]},
        "translate_y": {"translate": [0, shift]},
    }
    if name.endswith(("_bilinear", "_bicubic")):
        return moved(name, x, value, fill)
    if name in moves:
        # given a fill, torchvision blends it in twice at the image's edge; black it does not
        around = torch.tensor(fill).view(3, 1, 1)
        return F.affine(x - around, **still | moves[name]) + around
    if name == "autocontrast":
        return F.autocontrast(x)
    if name == "equalise":
        return F.equalize(levels(x)) / 255
    if name == "invert":
        return F.invert(x)
    if name == "posterise":
        return F.posterize(levels(x), int(value)) / 255
    if name == "solarise":
        return torch.where(x >= value, 1 - x, x)
    if name == "solarise_add":
        return torch.where(x < 128 / 255, (x + value).clamp(max=1), x)
    if name == "saturation":
        return F.adjust_saturation(x, value)
    if name == "contrast":
        return F.adjust_contrast(x, value)
    if name == "brightness":
        return F.adjust_brightness(x, value)
    if name == "sharpness":
        return F.adjust_sharpness(x, value)
    assert name == "identity"
    return x


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("hue_space", ["yiq", "hsv"])
@pytest.mark.parametrize("name", RECIPES)
def test_the_fused_chain_is_the_chain(name, hue_space, exact):
    """``exact``: through the matrices that gradients pass, instead of the bands."""
    images = pictures(N, C)
    config = recipe(name, size=24).model_copy(update={"hue_space": hue_space})
    views = Views(config)
    params = views.sample(N, torch.Generator().manual_seed(3))
    params = params.replace(box=(params.box * C).round() / C)
    if exact:
        params = params.replace(box=params.box.requires_grad_())
    got = views.apply(images, params).detach()
    params = params.replace(box=params.box.detach())
    for index, image in enumerate(images):
        want = chain(image, params, index, config)
        error = (got[index] - want).abs()
        # equalise and posterise may send a value that rounding moved to another of their levels
        strays = 0.01 if name == "infomin" else 0.0
        assert (error > 1e-4).float().mean() <= strays and error.mean() < 1e-3


@pytest.mark.parametrize("name", OPERATIONS[:16])
def test_each_randaugment_operation_is_torchvisions(name):
    images = pictures(N, C)
    value = {"rotate": 25.0, "posterise": 3.0, "solarise": 0.4, "solarise_add": 0.3}.get(name, 0.3)
    ops = torch.full((N, 1), OPERATIONS.index(name))
    ops[::2] = 0
    views = Views(ViewConfig(size=C, randaugment="timm"))
    params = neutral(N).replace(augment_op=ops, augment_value=torch.full((N, 1), value))
    got = views.apply(images, params)
    for index, image in enumerate(images):
        want = augment(name if ops[index] else "identity", image, value, list(views.config.fill))
        want = F.normalize(want, list(views.config.mean), list(views.config.std))
        torch.testing.assert_close(got[index], want, atol=2e-4, rtol=0)


def test_uint8_and_float_agree():
    pixels = levels(pictures(N, C))
    for name in ("moco_v2", "simclr"):
        views = Views(recipe(name, size=24))
        params = views.sample(N, torch.Generator().manual_seed(1))
        got, want = views.apply(pixels, params), views.apply(pixels / 255, params)
        torch.testing.assert_close(got, want, atol=1e-4, rtol=0)


def test_all_operations_at_once_take_uint8_and_float_and_repeat():
    pixels = levels(pictures(N, C))
    views = Views(everything(24))
    params = views.sample(N, torch.Generator().manual_seed(1))
    out = views.apply(pixels, params)
    assert out.shape == (N, 3, 24, 24) and out.isfinite().all()
    assert torch.equal(out, views.apply(pixels, params))
    # equalise, posterise and solarise may send a value that rounding moved elsewhere
    far = (out - views.apply(pixels / 255, params)).abs() > 1e-3
    assert far.float().mean() < 0.05


def test_bfloat16_errs_by_little():
    pixels = levels(pictures(N, C))
    views = Views(recipe("moco_v2", size=24))
    params = views.sample(N, torch.Generator().manual_seed(1))
    want = views.apply(pixels, params)
    assert torch.equal(want, views.apply(pixels, params, torch.bfloat16))  # saves nothing here
    params = params.replace(box=params.box.requires_grad_())  # takes the matrices' way
    got = views.apply(pixels, params, torch.bfloat16)
    assert got.dtype == torch.float32
    # times the largest gain of brightness, contrast and saturation, over the smallest std
    assert (got - want).abs().max() < 2 / 255 * 1.4**3 / 0.224
    assert not torch.equal(got, want)


@pytest.mark.parametrize("name", ["moco_v1", "moco_v2", "simclr", "eval"])
def test_no_value_is_waited_for(name):
    """On a GPU that would stop the host. A tensor on "meta" has no values to ask for."""
    views = Views(recipe(name, size=24))
    params = views.sample(N, torch.Generator().manual_seed(1)).to("meta")
    with NoWaiting():
        out = views.apply(levels(pictures(N, C)).to("meta", non_blocking=True), params)
    assert out.shape == (N, 3, 24, 24) and out.is_meta


class NoWaiting(TorchDispatchMode):
    """Fails at copies between devices that are waited for, and at what checks its results."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        assert name not in ("linalg_inv_ex", "nonzero", "_local_scalar_dense") or all(
            value.device.type == "cpu" for value in args
        )
        out = func(*args, **kwargs)
        if name in ("_to_copy", "copy_") and args[0].device != out.device:
            assert kwargs.get("non_blocking")
        if name == "copy_":
            assert args[0].device == args[1].device
        return out


def test_eval_shows_squared_images_whole_and_of_others_the_centre():
    images = pictures(N, C)
    config = recipe("eval", size=24)
    views = Views(config)
    generator = torch.Generator()
    norm = {"mean": list(config.mean), "std": list(config.std)}
    got = views.apply(images, views.sample(N, generator))
    want = F.normalize(F.resize(images, [24, 24], antialias=True), **norm)
    torch.testing.assert_close(got, want, atol=1e-4, rtol=0)
    sizes = torch.tensor([[80.0, 40.0]]).repeat(N, 1)
    got = views.apply(images, views.sample(N, generator, sizes))
    want = F.normalize(F.resize(images[..., 10:30], [24, 24], antialias=True), **norm)
    torch.testing.assert_close(got, want, atol=1e-4, rtol=0)


def test_published_settings():
    infomin, simclr = recipe("infomin"), recipe("simclr")
    for config in (infomin, simclr):
        assert (config.brightness, config.contrast, config.saturation) == (0.8, 0.8, 0.8)
        assert (config.hue, config.jitter, config.greyscale, config.blur) == (0.2, 0.8, 0.2, 0.5)
        assert config.blur_radius == 11 and config.blur_sigma == (0.1, 2.0)
    assert infomin.crop_scale == (0.2, 1.0) and simclr.crop_scale == (0.08, 1.0)
    assert infomin.greyscale_last and infomin.randaugment == "timm"
    assert recipe("moco_v2").model_dump() == ViewConfig().model_dump()
    with pytest.raises(ValueError, match="no recipe"):
        recipe("moco_v9")


@pytest.mark.parametrize(
    "values",
    [
        {"crop_scale": (0.5, 0.2)},
        {"crop_scale": (0.5, 1.5)},
        {"std": (1, 0, 1)},
        {"texture_size": 4},
        {"randaugment": "timm", "randaugment_magnitude": 12},
        {"greyscale_first": True, "greyscale_last": True},
        {"occlusion_area": (0.0, 0.5)},
    ],
)
def test_impossible_recipes_are_refused(values):
    with pytest.raises(ValueError):
        ViewConfig(**values)


def everything(size: int) -> ViewConfig:
    return ViewConfig(
        size=size,
        turn=0.5,
        affine=0.5,
        rotation=20,
        scale=(0.8, 1.2),
        shear=(5, 5),
        translation=(0.1, 0.1),
        texture=0.5,
        gamma=0.5,
        sharpness=0.5,
        autocontrast=0.3,
        equalise=0.3,
        posterise=0.3,
        solarise=0.3,
        randaugment="torchvision",
        occlusion=0.5,
        occlusion_by="view",
        noise=0.5,
    )
