"""Views that show one part of an image each, against colour formulas pixel by pixel."""

import colorsys
from functools import partial

import numpy as np
import pytest
import torch

from vidcl.evaluation.both_parts import BothParts
from vidcl.models.encoder import Architecture, Preprocessing, build_encoder
from vidcl.views.lab import lab_to_rgb, rgb_to_lab
from vidcl.views.recipe import ViewConfig
from vidcl.views.split import split_view

SPLITS = ("r_gb", "y_dbdr", "l_ab", "h_sv", "v_hs", "frequency")
#: An odd normalisation, so that a mixed-up mean or channel shows.
MEAN, STD = (0.4, 0.5, 0.3), (0.2, 0.3, 0.25)


def config(split, mean=MEAN, std=STD, **more):
    return ViewConfig(size=16, split=split, mean=mean, std=std, **more)


def parts(images, split, **more):
    """Both parts of images in [0, 1], in [0, 1]."""
    mean, std = (torch.tensor(x, dtype=images.dtype).view(3, 1, 1) for x in (MEAN, STD))
    normalised = (images - mean) / std
    return [split_view(normalised, part, config(split, **more)) * std + mean for part in (0, 1)]


@pytest.fixture
def images():
    """Random colours, and black, white, grey and the corners of the cube."""
    x = torch.rand(2, 3, 6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    corners = [(r, g, b) for r in (0, 1) for g in (0, 1) for b in (0, 1)]
    for place, colour in enumerate([*corners, (0.5, 0.5, 0.5)]):
        x[0, :, place // 5, place % 5] = torch.tensor(colour, dtype=torch.float64)
    return x


def slow_lab(r, g, b):
    """CIELAB by the formulas of CIE 15 and IEC 61966-2-1."""
    line = [u / 12.92 if u <= 0.04045 else ((u + 0.055) / 1.055) ** 2.4 for u in (r, g, b)]
    rows = (
        (0.4124564, 0.3575761, 0.1804375),
        (0.2126729, 0.7151522, 0.0721750),
        (0.0193339, 0.1191920, 0.9503041),
    )
    white = (0.95047, 1.0, 1.08883)
    f = []
    for row, most in zip(rows, white, strict=True):
        t = sum(a * u for a, u in zip(row, line, strict=True)) / most
        f.append(t ** (1 / 3) if t > (6 / 29) ** 3 else t / (3 * (6 / 29) ** 2) + 4 / 29)
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])


def slow_parts(r, g, b, split):
    """Both parts of one colour; None: the reference says nothing."""
    if split == "r_gb":
        return (r, MEAN[1], MEAN[2]), (MEAN[0], g, b)
    if split == "y_dbdr":
        y = (0.2989 * r + 0.587 * g + 0.114 * b) / 0.9999
        return (y, y, y), (r - y + 0.5, g - y + 0.5, b - y + 0.5)
    h, s, v = colorsys.rgb_to_hsv(r, g, b)
    if split == "h_sv":
        return colorsys.hsv_to_rgb(h, 1, 1), colorsys.hsv_to_rgb(0, s, v)
    if split == "v_hs":
        return (v, v, v), colorsys.hsv_to_rgb(h, s, 0.5)
    raise ValueError(split)


@pytest.mark.parametrize("split", ["r_gb", "y_dbdr", "h_sv", "v_hs"])
def test_colour_parts_are_those_of_the_formulas(images, split):
    got = torch.stack(parts(images, split)).numpy()
    for n, y, x in np.ndindex(2, 6, 5):
        for part, wanted in enumerate(slow_parts(*images[n, :, y, x].tolist(), split)):
            np.testing.assert_allclose(got[part, n, :, y, x], wanted, atol=1e-6)


def test_lab_is_that_of_the_formulas_and_turns_back(images):
    lab = rgb_to_lab(images)
    for n, y, x in np.ndindex(2, 6, 5):
        wanted = slow_lab(*images[n, :, y, x].tolist())
        np.testing.assert_allclose(lab[n, :, y, x], wanted, atol=1e-3)
    torch.testing.assert_close(lab_to_rgb(lab), images, atol=1e-6, rtol=0)


def test_parts_of_lab_keep_lightness_and_colour(images):
    lightness, colour = (rgb_to_lab(part.clamp(0, 1)) for part in parts(images, "l_ab"))
    lab = rgb_to_lab(images)
    torch.testing.assert_close(lightness[:, :1], lab[:, :1], atol=1e-4, rtol=0)
    assert lightness[:, 1:].abs().max() < 1e-3
    # a and b are kept where RGB has the colour at lightness 50; it has all muted ones
    grey = 0.5 + 0.15 * (images - 0.5)
    colour, lab = rgb_to_lab(parts(grey, "l_ab")[1]), rgb_to_lab(grey)
    torch.testing.assert_close(colour[:, 1:], lab[:, 1:], atol=1e-3, rtol=0)
    torch.testing.assert_close(colour[:, :1], torch.full_like(lab[:, :1], 50.0), atol=1e-3, rtol=0)


def test_frequencies_sum_to_the_view(images):
    low = split_view(images, 0, config("frequency", split_sigma=1.3))
    high = split_view(images, 1, config("frequency", split_sigma=1.3))
    torch.testing.assert_close(low + high, images)
    # the blur, summed pixel by pixel over mirrored neighbours
    radius, (height, width) = 4, images.shape[2:]
    weight = [np.exp(-0.5 * (d / 1.3) ** 2) for d in range(-radius, radius + 1)]

    def mirror(place, size):
        place = abs(place)
        return 2 * (size - 1) - place if place >= size else place

    def at(y, x):
        total = sum(
            weight[dy + radius]
            * weight[dx + radius]
            * images[1, :, mirror(y + dy, height), mirror(x + dx, width)]
            for dy in range(-radius, radius + 1)
            for dx in range(-radius, radius + 1)
        )
        return total / sum(weight) ** 2

    for y, x in ((0, 0), (2, 3), (5, 4), (3, 1)):
        torch.testing.assert_close(low[1, :, y, x], at(y, x), atol=1e-5, rtol=0)


def test_red_against_green_and_blue_sum_to_the_view_too(images):
    red, rest = (split_view(images, part, config("r_gb")) for part in (0, 1))
    torch.testing.assert_close(red + rest, images)


@pytest.mark.parametrize("split", SPLITS)
def test_a_gradient_passes(split):
    x = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    x = (x * 0.8 + 0.1).requires_grad_()
    plain = config(split, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    for part in (0, 1):
        assert torch.autograd.gradcheck(partial(split_view, part=part, config=plain), (x,))


def test_no_split_is_the_very_view():
    x = torch.rand(1, 3, 4, 4)
    assert split_view(x, 1, config("none")) is x
    with pytest.raises(ValueError, match="part 0 or 1"):
        split_view(x, 2, config("none"))


def test_features_of_both_parts_stand_side_by_side():
    torch.manual_seed(0)
    encoder = build_encoder(Architecture("resnet_tiny"), Preprocessing(16, MEAN, STD))
    images = torch.randint(0, 256, (3, 3, 20, 20), dtype=torch.uint8)
    views = encoder.preprocess(images)
    both = BothParts(encoder, config("y_dbdr"))
    with torch.no_grad():
        got = both(both.preprocess(images))
        wanted = [encoder(split_view(views, part, config("y_dbdr"))) for part in (0, 1)]
        lengths = [part.norm(dim=1, keepdim=True) for part in wanted]
        wanted = torch.cat([w / length for w, length in zip(wanted, lengths, strict=True)], 1)
        torch.testing.assert_close(got, wanted)
        assert torch.equal(BothParts(encoder, config("none"))(views), encoder(views))
