"""Every other single operation against torchvision's or Pillow's."""

import numpy as np
import pytest
import torch
import torchvision.transforms.v2.functional as F
from PIL import Image, ImageOps
from torchvision.transforms import InterpolationMode

from tests.views.pictures import levels, neutral, pictures
from vidcl.views import bands, tone
from vidcl.views.blur import blur
from vidcl.views.cover import occlude
from vidcl.views.noise import add_noise, gaussian
from vidcl.views.texture import randomise_texture

N, C = 6, 40


def banded_blur(images, sigma, radius):
    return bands.blur(images, sigma, radius)


@pytest.mark.parametrize("sigma", [0.1, 0.7, 2.0])
@pytest.mark.parametrize("way", [blur, banded_blur])
def test_blur_is_torchvisions(way, sigma):
    images, radius = pictures(), 6
    got = way(images.clone(), torch.full((N,), sigma), radius)
    want = F.gaussian_blur(images, [2 * radius + 1] * 2, [sigma, sigma])
    torch.testing.assert_close(got, want, atol=1e-5, rtol=0)
    torch.testing.assert_close(way(images.clone(), torch.zeros(N), radius), images)


def test_blur_of_some_images_in_any_memory_order():
    images = pictures()
    sigma = torch.tensor([0.0, 1.0, 0.0, 2.0, 0.5, 0.0])
    want = blur(images, sigma, C - 1)
    lying = images.transpose(2, 3).contiguous().transpose(2, 3)
    torch.testing.assert_close(banded_blur(lying, sigma, C - 1), want, atol=2e-6, rtol=0)


@pytest.mark.parametrize("value", [0.5, 1.0, 2.0])
def test_gamma_is_torchvisions(value):
    images = pictures()
    got = tone.gamma(images, torch.full((N,), value))
    torch.testing.assert_close(got, F.adjust_gamma(images, value), atol=2e-6, rtol=0)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0, 1.9])
def test_sharpness_is_torchvisions(value):
    images = pictures()
    got = tone.sharpness(images, torch.full((N,), value))
    torch.testing.assert_close(got, F.adjust_sharpness(images, value), atol=2e-6, rtol=0)


def test_autocontrast_is_torchvisions():
    images = 0.2 + 0.5 * pictures()
    images[0, 1] = 0.3  # a channel of one value
    torch.testing.assert_close(tone.autocontrast(images), F.autocontrast(images), atol=2e-6, rtol=0)


def test_equalise_is_torchvisions_and_pillows():
    images = pictures() ** 2
    images[0, 1] = 0.3
    images[1] = (images[1] > 0.3).float()
    pixels = levels(images)
    got = levels(tone.equalise(images))
    assert torch.equal(got, F.equalize(pixels))
    for out, image in zip(got, pixels, strict=True):
        pillow = ImageOps.equalize(Image.fromarray(image.permute(1, 2, 0).numpy()))
        assert np.array_equal(out.permute(1, 2, 0).numpy(), np.asarray(pillow))


@pytest.mark.parametrize("bits", [0, 1, 4, 8])
def test_posterise_is_torchvisions(bits):
    pixels = levels(pictures())
    got = tone.posterise(pixels / 255, torch.full((N,), bits))
    want = torch.zeros_like(pixels) if bits == 0 else F.posterize(pixels, bits)
    assert torch.equal(levels(got), want)


@pytest.mark.parametrize("threshold", [0, 100, 128, 255])
def test_solarise_is_torchvisions(threshold):
    pixels = levels(pictures())
    got = tone.solarise(pixels / 255, torch.full((N,), threshold / 255))
    assert torch.equal(levels(got), F.solarize(pixels, threshold))


def test_tone_changes_only_the_images_it_is_meant_for():
    images = pictures()
    last = torch.arange(N) == N - 1
    params = neutral(N).replace(
        gamma=torch.where(last, 2.0, 1.0),
        sharpness=torch.where(last, 1.5, 1.0),
        autocontrast=last,
        equalise=last,
        bits=torch.where(last, 3, 8),
        threshold=torch.where(last, 0.4, 2.0),
    )
    got = tone.apply_tone(images, params)
    torch.testing.assert_close(got[:-1], images[:-1], atol=2e-6, rtol=0)
    want = images[-1:].square()
    want = levels(F.autocontrast(F.adjust_sharpness(want, 1.5)))
    want = F.posterize(F.equalize(want), 3) / 255
    want = torch.where(want >= 0.4, 1 - want, want)
    torch.testing.assert_close(got[-1:], want)


def test_occlusion_is_torchvisions_erase():
    images = pictures()
    box = torch.tensor([4, 7, 15, 30]) / C  # x0, y0, x1, y1
    boxes = box.repeat(N, 1)
    boxes[0] = 0
    color = torch.tensor([0.1, 0.2, 0.3])
    got = occlude(images, boxes, colors=color.repeat(N, 1))
    want = F.erase(images, 7, 4, 23, 11, color.view(3, 1, 1))
    assert torch.equal(got[1:], want[1:]) and torch.equal(got[0], images[0])
    got = occlude(images, boxes, occluder=torch.full((N,), 2))
    want = F.erase(images[5], 7, 4, 23, 11, images[1][:, 7:30, 4:15])
    assert torch.equal(got[5], want)


def test_noise_is_normal_independent_and_a_function_of_its_seed():
    seeds = torch.tensor([1, 2, 2**61 + 7, -5])
    noise = gaussian(seeds, 200_000)
    assert torch.equal(noise, gaussian(seeds, 200_000))
    assert torch.equal(noise[1:2, :100], gaussian(seeds[1:2], 100))
    assert noise.mean(1).abs().max() < 0.01 and (noise.std(1) - 1).abs().max() < 0.01
    assert ((noise**4).mean(1) - 3).abs().max() < 0.1
    within = torch.tensor([0.6827, 0.9545])
    shares = torch.stack([(noise.abs() < k).float().mean(1) for k in (1, 2)], 1)
    assert (shares - within).abs().max() < 0.005
    correlations = torch.corrcoef(torch.cat([noise[:, 1:], noise[:, :-1]])) - torch.eye(8)
    assert correlations.abs().max() < 0.01
    images = torch.full((4, 3, 50, 50), 0.5)
    std = torch.tensor([0.0, 0.05, 0.1, 0.05])
    noisy = add_noise(images, std, seeds)
    assert torch.equal(noisy[0], images[0])
    torch.testing.assert_close(noisy.flatten(1).std(1), std, atol=0.003, rtol=0)


def test_texture_is_a_convolution_with_the_colours_kept():
    images = 0.3 + 0.4 * pictures()
    kernel = torch.randn(N, 3, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    share = torch.tensor([0.0, 0.25, 0.5, 0.5, 0.75, 1.0])
    got = randomise_texture(images, kernel, share)
    assert torch.equal(got[0], images[0])
    for image, weights, part, out in zip(images, kernel, share, got, strict=True):
        padded = torch.nn.functional.pad(image[None], [2] * 4, mode="reflect")
        new = torch.nn.functional.conv2d(padded, weights)[0]
        for channel in range(3):
            x, y = image[channel], new[channel]
            y = (y - y.mean()) / y.std(correction=0) * x.std(correction=0) + x.mean()
            want = ((1 - part) * x + part * y).clamp(0, 1)
            torch.testing.assert_close(out[channel], want, atol=1e-5, rtol=0)


def test_nearest_is_not_what_rotation_uses():
    """The references of the other tests are bilinear: make sure that the two can be told apart."""
    image = pictures()[0]
    a, b = (
        F.rotate(image, 30.0, mode)
        for mode in (InterpolationMode.NEAREST, InterpolationMode.BILINEAR)
    )
    assert (a - b).abs().max() > 0.05
