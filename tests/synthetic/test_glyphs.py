"""Letters with native hues: what they show, and that turning them confuses nobody."""

import itertools
import math

import cv2
import numpy as np
import pytest
import torch

from vidcl.datasets.labelled import open_labelled_set, write_labelled_set
from vidcl.errors import VidclError
from vidcl.synthetic.glyph_strokes import LETTERS, letter_segments
from vidcl.synthetic.glyphs import (
    HUES,
    coverage,
    draw_glyphs,
    glyph_set,
    ink_colours,
    write_glyphs,
)
from vidcl.views import color

LUMA = torch.tensor([0.299, 0.587, 0.114])


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def glyphs():
    return draw_glyphs(2_000, seeded())


def templates(size=48):
    """Each letter upright, in the middle, alike in size and width: [10, S, S]."""
    n = len(LETTERS)
    return coverage(
        torch.arange(n),
        (0.62 * torch.eye(2)).expand(n, 2, 2),
        torch.full((n, 2), 0.5),
        torch.full((n,), 0.11),
        size,
    )


def blurred(image):
    """As a vector of mean 0 and length 1, blurred so that strokes need not meet exactly."""
    smooth = cv2.GaussianBlur(image, (0, 0), 1.2).ravel()
    smooth = smooth - smooth.mean()
    return smooth / np.linalg.norm(smooth)


def variants(image):
    """The image under small rotations, stretches and shifts: rows of unit length."""
    size = len(image)
    middle = size / 2 - 0.5
    rows = []
    for angle, (x, y), right, down in itertools.product(
        (-12, 0, 12), ((1, 1), (0.8, 1), (1.2, 1), (1.2, 0.85)), (-3, 0, 3), (-3, 0, 3)
    ):
        stretch = np.array(
            [[x, 0, (1 - x) * middle + right], [0, y, (1 - y) * middle + down], [0, 0, 1]]
        )
        warp = cv2.getRotationMatrix2D((middle, middle), angle, 1) @ stretch
        rows.append(blurred(cv2.warpAffine(image, warp, (size, size))))
    return np.array(rows)


def test_no_letter_turned_looks_like_an_upright_one():
    upright = templates().numpy()
    for number, letter in enumerate(LETTERS):
        seen = variants(upright[number])
        for other, name in enumerate(LETTERS):
            for turns in (1, 2, 3):
                turned = blurred(np.ascontiguousarray(np.rot90(upright[other], turns)))
                likeness = (seen @ turned).max()
                assert likeness < 0.8, f"{name} turned by {90 * turns} looks like {letter}"
            likeness = (seen @ blurred(upright[other])).max()
            if other == number:
                assert likeness > 0.99
            else:
                assert likeness < 0.8, f"{name} looks like {letter}"


def test_that_likeness_finds_letters_that_do_turn_into_each_other():
    n, z = np.zeros((2, 48, 48), np.float32)
    cv2.polylines(n, [np.array([(10, 38), (10, 10), (37, 38), (37, 10)])], False, 1.0, 5)
    cv2.polylines(z, [np.array([(12, 9), (36, 9), (12, 39), (36, 39)])], False, 1.0, 5)
    seen = variants(z)
    assert (seen @ blurred(np.ascontiguousarray(np.rot90(n)))).max() > 0.9
    assert (seen @ blurred(n)).max() < 0.8


def test_coverage_is_the_distance_to_the_strokes():
    generator = seeded(2)
    size, n = 20, 5
    letter = torch.randint(len(LETTERS), (n,), generator=generator)
    maps = 0.6 * torch.eye(2) + 0.1 * torch.randn(n, 2, 2, generator=generator)
    centre = 0.5 + 0.05 * torch.randn(n, 2, generator=generator)
    stroke = 0.05 + 0.1 * torch.rand(n, generator=generator)
    found = coverage(letter, maps, centre, stroke, size)
    for i in range(n):
        place = [
            [(maps[i].double() @ torch.tensor(end).double() + centre[i]).tolist() for end in piece]
            for piece in letter_segments(LETTERS[letter[i]])
        ]
        for row, column in itertools.product(range(size), repeat=2):
            at = ((column + 0.5) / size, (row + 0.5) / size)
            away = min(distance(at, start, end) for start, end in place)
            expected = min(max((float(stroke[i]) / 2 - away) * size + 0.5, 0), 1)
            assert float(found[i, row, column]) == pytest.approx(expected, abs=1e-4)


def distance(point, start, end):
    """From a point to a straight piece, by cases."""
    length = math.dist(start, end)
    along = sum((p - a) * (b - a) for p, a, b in zip(point, start, end, strict=True)) / length
    if along <= 0:
        return math.dist(point, start)
    if along >= length:
        return math.dist(point, end)
    return math.sqrt(max(math.dist(point, start) ** 2 - along**2, 0))


def test_letters_are_centred_and_of_one_height():
    for letter in LETTERS:
        ends = np.array(letter_segments(letter)).reshape(-1, 2)
        assert ends.max(0) == pytest.approx(-ends.min(0))
        assert ends[:, 1].max() == pytest.approx(0.5, abs=0.02), letter
        assert 0.25 <= ends[:, 0].max() <= 0.5, letter


def test_shapes_types_labels_and_seed(glyphs):
    assert glyphs.images.shape == (2_000, 3, 32, 32)
    assert glyphs.images.dtype == torch.uint8
    for labels, count in ((glyphs.letter, len(LETTERS)), (glyphs.hue, HUES)):
        assert labels.dtype == torch.int64
        counts = labels.bincount()
        assert len(counts) == count
        assert counts.min() > 0.7 * 2_000 / count
    # letter and hue are independent: no cell of their table is empty or crowded
    cells = (glyphs.letter * HUES + glyphs.hue).bincount(minlength=60)
    assert 10 < cells.min() <= cells.max() < 65
    again = draw_glyphs(2_000, seeded())
    assert torch.equal(again.images, glyphs.images)
    assert torch.equal(again.letter, glyphs.letter)
    assert not torch.equal(draw_glyphs(2_000, seeded(1)).images, glyphs.images)


def test_every_letter_lies_within_its_image_on_a_neutral_dark_ground(glyphs):
    images = glyphs.images.float() / 255
    frame = torch.ones(32, 32, dtype=torch.bool)
    frame[2:-2, 2:-2] = False
    border = images[:, :, frame].mean(2)
    assert border.max() < 0.35
    assert (border.amax(1) - border.amin(1)).max() < 0.05  # ink would colour it
    brightest = images.mean(1).flatten(1).topk(20).values.mean(1)
    assert (brightest - border.mean(1)).min() > 0.15


def test_the_nearest_template_names_most_letters(glyphs):
    """No learner needed: small variants of the ten templates know the letters at 32 pixels."""
    seen = np.stack([variants(image) for image in templates(32).numpy()])  # [10, V, 1024]
    grey = torch.einsum("nchw,c->nhw", glyphs.images[:300].float(), LUMA).numpy()
    flat = np.stack([blurred(image) for image in grey])
    best = np.einsum("kvp,np->nkv", seen, flat).max(2).argmax(1)
    assert (best == glyphs.letter[:300].numpy()).mean() > 0.9


def test_the_hue_is_read_off_the_colour_but_not_off_the_brightness(glyphs):
    images = glyphs.images.float() / 255
    ink = images - images.mean(1, keepdim=True)  # the neutral ground falls away
    red, green, blue = ink.sum((2, 3)).unbind(1)
    angle = torch.atan2(
        0.2115 * red - 0.5227 * green + 0.3112 * blue,
        0.5959 * red - 0.2746 * green - 0.3213 * blue,
    )
    named = (angle / (2 * math.pi) * HUES).round().remainder(HUES).long()
    assert (named == glyphs.hue).float().mean() > 0.99
    luma = torch.einsum("nchw,c->nhw", images, LUMA).flatten(1).topk(20).values.mean(1)
    means = torch.stack([luma[glyphs.hue == hue].mean() for hue in range(HUES)])
    assert means.max() - means.min() < 0.25 * luma.std()


def test_turning_the_hue_makes_one_ink_of_another():
    turns = torch.arange(HUES) / HUES
    inks = torch.stack([ink_colours(torch.tensor([hue]), seeded(4))[0] for hue in range(HUES)])
    matrix = color.hue(turns)[:, :3, :3]
    torch.testing.assert_close(matrix @ inks[0], inks, rtol=0, atol=1e-3)
    many = ink_colours(torch.arange(HUES).repeat(2_000), seeded())
    assert 0 <= many.min() <= many.max() <= 1


def test_a_written_set_reads_back(tmp_path):
    path = write_glyphs(tmp_path / "glyphs.parquet", 12, 3, size=24, write=write_labelled_set)
    images, labels = glyph_set(12, 3, 24)
    found = open_labelled_set(path)
    assert found.name == "glyphs"
    assert len(found) == 12
    assert set(found.labels) == {"class", "hue", "instance"}
    for name, values in labels.items():
        assert found.labels[name].tolist() == values.tolist()
    assert set(labels["class"]) <= set(LETTERS)
    assert found.labels["instance"].tolist() == list(range(12))
    picture = cv2.imdecode(np.frombuffer(found.read(7), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.array_equal(picture, images[7])
    glyphs = draw_glyphs(12, seeded(3), 24)
    assert np.array_equal(glyphs.images[7].permute(1, 2, 0).numpy(), images[7])
    assert [LETTERS[k] for k in glyphs.letter] == labels["class"].tolist()


@pytest.mark.parametrize(("n", "size"), [(0, 32), (4, 8)])
def test_too_few_or_too_small_glyphs_are_refused(n, size):
    with pytest.raises(VidclError, match="at least"):
        draw_glyphs(n, seeded(), size)
