"""Colour maps against torchvision's functions."""

import math

import pytest
import torch
import torchvision.transforms.v2.functional as F

from tests.views.pictures import pictures
from vidcl.views import color
from vidcl.views.hsv import jitter_hsv, shift_hue
from vidcl.views.recipe import IMAGENET_MEAN, IMAGENET_STD

N = 6


def test_color_maps_are_torchvisions():
    images = pictures()
    factors = torch.linspace(0.6, 1.4, N)
    grey = torch.stack([F.rgb_to_grayscale(image).mean() for image in images])
    cases = [
        (color.brightness(factors), F.adjust_brightness),
        (color.contrast(factors, grey), F.adjust_contrast),
        (color.saturation(factors), F.adjust_saturation),
    ]
    for matrix, reference in cases:
        got = color.apply_color(images, matrix).clamp(0, 1)
        want = torch.stack([reference(i, float(f)) for i, f in zip(images, factors, strict=True)])
        torch.testing.assert_close(got, want, atol=2e-6, rtol=0)
    on = torch.tensor([True, False] * (N // 2))
    got = color.apply_color(images, color.greyscale(on, images))
    torch.testing.assert_close(got[on], F.rgb_to_grayscale(images[on], 3), atol=2e-6, rtol=0)
    torch.testing.assert_close(got[~on], images[~on], atol=2e-6, rtol=0)


def test_hue_turns_the_chroma_plane_and_keeps_luma():
    images = pictures()
    turn = torch.linspace(-0.5, 0.5, N)
    got = color.apply_color(images, color.hue(turn))
    yiq = torch.tensor(color._YIQ)
    for image, angle, out in zip(images, turn, got, strict=True):
        y, i, q = torch.einsum("ij,jhw->ihw", yiq, image)
        cos, sin = math.cos(2 * math.pi * angle), math.sin(2 * math.pi * angle)
        turned = torch.stack([y, cos * i - sin * q, sin * i + cos * q])
        want = torch.einsum("ij,jhw->ihw", torch.linalg.inv(yiq), turned)
        torch.testing.assert_close(out, want, atol=1e-5, rtol=0)


@pytest.mark.parametrize("turn", [-0.5, -0.2, 0.0, 0.07, 0.5])
def test_hsv_hue_is_torchvisions(turn):
    images = pictures()
    images[0, :, :5] = 0.5  # grey pixels have no hue
    got = shift_hue(images, torch.full((N,), turn))
    torch.testing.assert_close(got, F.adjust_hue(images, turn), atol=5e-6, rtol=0)


def test_the_jitter_in_hsv_is_torchvisions():
    """Part by part, at a strength that leaves [0, 1] on the way."""
    images = pictures()
    factors = torch.tensor([[1.8, 0.4, 1.7, 0.2], [0.3, 1.8, 0.2, -0.2], [1.5, 1.7, 1.8, 0.1]] * 2)
    order = torch.stack([torch.randperm(4, generator=g) for g in [torch.Generator()] * N])
    got = jitter_hsv(images, factors, order, color.identity(N, images))
    parts = [F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue]
    for index in range(N):
        want = images[index]
        for part in order[index].tolist():
            want = parts[part](want, float(factors[index, part]))
        torch.testing.assert_close(got[index], want, atol=1e-5, rtol=0)


def test_a_map_does_not_depend_on_how_the_images_lie_in_memory():
    images = pictures()
    matrix = color.saturation(torch.linspace(0, 2, N)) @ color.hue(torch.linspace(-0.4, 0.4, N))
    want = color.apply_color(images, matrix)
    lying = images.transpose(2, 3).contiguous().transpose(2, 3)
    got = color.apply_color(lying, matrix)
    assert got.stride() == lying.stride()
    torch.testing.assert_close(got, want, atol=2e-6, rtol=0)


def test_normalised_before_the_clamp_is_normalised_after_it():
    images = 1.5 * pictures() - 0.2
    matrix = color.saturation(torch.linspace(0, 2, N))
    total, bounds = color.normalisation(matrix, IMAGENET_MEAN, IMAGENET_STD)
    got = color.clamp_channels(color.apply_color(images, total), bounds)
    clamped = color.apply_color(images, matrix).clamp(0, 1)
    want = F.normalize(clamped, list(IMAGENET_MEAN), list(IMAGENET_STD))
    torch.testing.assert_close(got, want, atol=5e-6, rtol=0)
