"""Images under factors: nested, repeatable, and what the quantities say."""

import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from tests.evaluation.factors.pictures import cone, difference, hill
from vidcl.errors import VidclError
from vidcl.evaluation.factors import geometric, photometric
from vidcl.evaluation.factors.strengths import FACTORS, SEVERITIES
from vidcl.evaluation.factors.transform import transform, transformed_set
from vidcl.evaluation.images import image_source

PICTURES = {"hill": hill(), "cone": cone()}
#: Factors in which chance has a say.
DRAWN = [name for name, factor in FACTORS.items() if factor.drawn != "nothing"]


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("factor", FACTORS)
def test_grows_with_severity_and_is_nothing_at_zero(factor, picture):
    image = PICTURES[picture]
    changed = [transform(image, factor, severity, 3) for severity in (0, *SEVERITIES)]
    assert all(one.shape == image.shape and one.dtype == np.uint8 for one in changed)
    assert np.array_equal(changed[0], image) and changed[0] is not image
    errors = [difference(one, image) for one in changed]
    assert errors == sorted(set(errors)), errors


@pytest.mark.parametrize("factor", FACTORS)
def test_seed_and_content_decide(factor):
    image, twin = hill(), hill()
    twin[0, 0, 0] ^= 1
    first = transform(image, factor, 5, 0)
    assert np.array_equal(first, transform(image, factor, 5, 0))
    seeds = [transform(image, factor, 5, seed) for seed in range(8)]
    differ = any(not np.array_equal(first, other) for other in seeds)
    assert differ == (factor in DRAWN)
    if factor in ("occlusion", "crop", "noise"):
        assert difference(first, transform(twin, factor, 5, 0)) > 1  # another image, another draw


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (37, 3), (120, 50)])
def test_any_size(factor, shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for severity in SEVERITIES:
        assert transform(image, factor, severity, 0).shape == image.shape


def test_occluders_are_nested_and_as_large_as_told():
    image = np.full((100, 140, 3), 40, np.uint8)
    image[:, 70:] = 200  # the mean grey is neither
    masks = [(transform(image, "occlusion", s, 5) != image).any(2) for s in SEVERITIES]
    for mask, (share,) in zip(masks, FACTORS["occlusion"].steps, strict=True):
        assert mask.mean() == pytest.approx(share, abs=0.02)
        rows, columns = mask.any(1), mask.any(0)
        assert np.array_equal(mask, rows[:, None] & columns)  # one rectangle
        assert columns.sum() / rows.sum() == pytest.approx(1.4, abs=0.1)
    for small, large in pairwise(masks):
        assert not (small & ~large).any()
    covered = transform(image, "occlusion", 5, 5)[masks[-1]]
    assert np.array_equal(np.unique(covered), [120])


def test_another_image_covers_with_its_own_part():
    image, other = hill(), np.zeros((30, 30, 3), np.uint8)
    other[:, :, 0] = np.linspace(0, 250, 30)
    changed = transform(image, "occlusion", 3, 0, other=other)
    mask = (transform(image, "occlusion", 3, 0) != image).any(2)
    assert np.array_equal(changed[~mask], image[~mask])
    assert (changed[mask][:, 1:] == 0).all()
    columns = np.broadcast_to(np.arange(64), mask.shape)[mask]
    expected = (columns + 0.5) / 64 * 30 * (250 / 29) - 250 / 58
    assert np.abs(changed[mask][:, 0] - expected.clip(0, 250)).max() <= 2


@pytest.mark.parametrize("share", [0.8, 0.25])
def test_crop_is_pillows(share):
    image = hill()
    generator = np.random.default_rng(4)
    side = np.sqrt(share)
    x, y = (1 - side) * np.random.default_rng(4).random(2)
    box = (64 * x, 48 * y, 64 * (x + side), 48 * (y + side))
    expected = Image.fromarray(image).resize((64, 48), Image.Resampling.BILINEAR, box=box)
    assert np.abs(geometric.crop(image, share, generator).astype(int) - expected).max() <= 1


def test_windows_are_nested():
    ramp = np.zeros((64, 64, 3), np.uint8)
    ramp[:, :, 0] = np.arange(64) * 4
    ramp[:, :, 1] = np.arange(64)[:, None] * 4
    shown = [transform(ramp, "crop", severity, 1) for severity in SEVERITIES]
    for wide, tight in pairwise(shown):
        for channel in range(2):
            assert wide[:, :, channel].min() <= tight[:, :, channel].min()
            assert wide[:, :, channel].max() >= tight[:, :, channel].max()


def test_rotation_by_a_quarter_and_back():
    image = cone()
    turned = {geometric.rotation(image, 90.0, np.random.default_rng(s)).tobytes() for s in range(9)}
    assert turned == {np.rot90(image, k).tobytes() for k in (1, 3)}


def test_rotation_leaves_no_black_corner():
    light = np.full((40, 64, 3), 180, np.uint8)
    for severity in SEVERITIES:
        assert (transform(light, "rotation", severity, 0) == 180).all()


def test_scale_keeps_the_small_image_sharp_and_its_surround_blurred():
    image = np.random.default_rng(0).integers(0, 256, (80, 80, 3), dtype=np.uint8)
    changed = geometric.scale(image, 0.5)
    small = np.asarray(Image.fromarray(image).resize((40, 40), Image.Resampling.BILINEAR))
    assert np.abs(changed[20:60, 20:60].astype(int) - small).max() <= 1
    assert changed[:18].std() < 0.4 * small.std()
    assert changed[:18].mean() == pytest.approx(image.mean(), abs=6)


def test_colour_of_a_grey_is_the_temperature_alone():
    grey = np.full((4, 4, 3), 100, np.uint8)
    generator = np.random.default_rng(0)
    changed = photometric.colour(grey, 44.0, 0.5, 0.28, generator)
    red, green, blue = changed[0, 0].tolist()
    assert green == 100 and sorted((red, blue)) == [round(100 / 2**0.28), round(100 * 2**0.28)]


def test_colour_turns_the_hue_by_the_degrees():
    image = np.full((2, 2, 3), (150, 100, 100), np.uint8)
    seen = set()
    for seed in range(12):
        changed = photometric.colour(image, 90.0, 0.0, 0.0, np.random.default_rng(seed))
        luma, i, q = np.array(
            [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]]
        ) @ changed[0, 0].astype(float)
        assert luma == pytest.approx(0.299 * 50 + 100, abs=1)
        seen.add(round(np.degrees(np.arctan2(q, i)) - np.degrees(np.arctan2(0.2115, 0.5959))))
    assert {angle % 360 // 10 for angle in seen} <= {8, 9, 26, 27}  # both signs, rounded levels
    assert len({angle % 360 < 180 for angle in seen}) == 2


def test_blur_is_a_gaussian_mirrored_at_the_edge():
    image = np.random.default_rng(1).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    sigma = 0.05 * 30
    reach = int(np.ceil(3 * sigma))
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    wide = np.pad(image.astype(float), ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    for axis in (0, 1):
        wide = np.apply_along_axis(np.convolve, axis, wide, weights, mode="valid")
    assert np.abs(photometric.blur(image, 0.05) - wide).max() <= 0.51


def test_noise_is_one_field_that_grows():
    grey = np.full((64, 64, 3), 128, np.uint8)
    fields = [transform(grey, "noise", severity, 2).astype(float) - 128 for severity in (1, 2, 3)]
    for field, (std,) in zip(fields, FACTORS["noise"].steps, strict=False):
        assert field.std() == pytest.approx(255 * std, rel=0.03) and abs(field.mean()) < 1
    assert np.abs(2 * fields[0] - fields[1]).max() <= 1.6  # rounded twice


def test_jpeg_is_pillows():
    buffer = io.BytesIO()
    Image.fromarray(cone()).save(buffer, format="JPEG", quality=15, subsampling=2)
    expected = np.asarray(Image.open(buffer))
    assert np.array_equal(transform(cone(), "jpeg", 3, 0), expected)


def test_a_set_gives_the_same_images_in_any_order():
    images = np.stack([np.roll(cone(), 5 * k, axis=1) for k in range(4)])
    for occluder in ("grey", "image"):
        there = image_source(transformed_set(images, "occlusion", 2, 3, occluder=occluder))
        assert there.count == 4
        again = image_source(transformed_set(images, "occlusion", 2, 3, occluder=occluder))
        backwards = [again.image(k) for k in reversed(range(4))][::-1]
        assert all(np.array_equal(there.image(k), backwards[k]) for k in range(4))
    crops = image_source(transformed_set(images[::-1], "crop", 2, 3))
    assert np.array_equal(crops.image(3), transform(images[0], "crop", 2, 3))


def test_the_covering_image_is_never_the_image_itself():
    images = np.stack([np.full((20, 20, 3), 40 * k, np.uint8) for k in range(5)])
    for seed in range(10):
        there = image_source(transformed_set(images, "occlusion", 5, seed, occluder="image"))
        assert all((there.image(k) != images[k]).any() for k in range(5))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda: transform(hill(), "fog", 1, 0), "choose from occlusion, crop"),
        (lambda: transform(hill(), "crop", 6, 0), "from 1 to 5"),
        (lambda: transform(hill(), "crop", -1, 0), "from 1 to 5"),
        (lambda: transform(hill() / 255, "crop", 1, 0), "uint8"),
        (lambda: transform(hill()[..., 0], "crop", 1, 0), "uint8"),
        (lambda: transformed_set(hill()[None], "haze", 1), "There is no factor 'haze'"),
        (lambda: transformed_set(hill()[None], "occlusion", 1, occluder="image"), "no other"),
    ],
)
def test_wrong_words_are_told(wrong, sentence):
    with pytest.raises(VidclError, match=sentence):
        wrong()
