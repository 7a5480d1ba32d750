"""Digits drawn here or handed in."""

import numpy as np
import pytest
import torch

from vidcl.errors import VidclError
from vidcl.synthetic.digits import CLASSES, draw_digits, given_digits


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def digits():
    return draw_digits(1500, seeded())


def test_shapes_types_and_seeds(digits):
    assert digits.images.shape == (1500, 28, 28) and digits.images.dtype == torch.uint8
    assert digits.labels.dtype == torch.int64 and len(digits) == 1500
    again = draw_digits(1500, seeded())
    assert torch.equal(again.images, digits.images) and torch.equal(again.labels, digits.labels)
    assert not torch.equal(draw_digits(1500, seeded(1)).images, digits.images)


def test_classes_are_even_and_every_picture_is_its_own(digits):
    counts = digits.labels.bincount()
    assert len(counts) == CLASSES
    assert (counts - 150).abs().max() < 5 * 150**0.5
    assert len({image.numpy().tobytes() for image in digits.images}) == len(digits)


def test_the_ink_lies_within_the_picture(digits):
    ink = digits.images.float() / 255
    assert ((ink > 0.5).float().mean((1, 2)) > 0.02).all()
    border = torch.cat([ink[:, 0], ink[:, -1], ink[:, :, 0], ink[:, :, -1]], 1)
    assert (border.amax(1) > 0.5).float().mean() < 0.1  # hardly a letter is cut
    assert ink.amax((1, 2)).min() > 0.5


def test_classes_can_be_told_apart(digits):
    """By the nearest of a thousand others, shifted by up to two pixels."""
    known, asked = digits.take(slice(0, 1000)), digits.take(slice(1000, 1200))
    x = asked.images.float().flatten(1)
    best = torch.full((len(asked),), float("inf"))
    said = torch.zeros(len(asked), dtype=torch.int64)
    for down in (-4, -2, 0, 2, 4):
        for right in (-4, -2, 0, 2, 4):
            moved = torch.roll(known.images, (down, right), (1, 2)).float().flatten(1)
            near = torch.cdist(x, moved).min(1)
            closer = near.values < best
            best = torch.where(closer, near.values, best)
            said = torch.where(closer, known.labels[near.indices], said)
    assert (said == asked.labels).float().mean() > 0.85


def test_rows_and_classes_of_a_set(digits):
    some = digits.of((2, 5))
    assert set(some.labels.tolist()) == {2, 5}
    assert len(some) == sum(label in (2, 5) for label in digits.labels.tolist())
    rows = torch.tensor([7, 3])
    assert torch.equal(digits.take(rows).images[1], digits.images[3])


def test_given_digits_are_copied():
    images = np.random.default_rng(0).integers(0, 256, (4, 6, 6), dtype=np.uint8)
    labels = np.array([0, 9, 3, 3], np.uint8)
    digits = given_digits(images, labels)
    before = images.copy()
    images[:] = 0
    assert (digits.images.numpy() == before).all() and digits.labels.tolist() == [0, 9, 3, 3]


@pytest.mark.parametrize(
    ("images", "labels", "says"),
    [
        (np.zeros((2, 4, 5), np.uint8), [0, 1], "uint8"),
        (np.zeros((2, 4, 4), np.float32), [0, 1], "float32"),
        (np.zeros((2, 4, 4), np.uint8), [0], "one integer label"),
        (np.zeros((2, 4, 4), np.uint8), [0.0, 1.0], "one integer label"),
        (np.zeros((0, 4, 4), np.uint8), [], "at least one"),
        (np.zeros((2, 4, 4), np.uint8), [0, 10], "from 0 to 10"),
    ],
)
def test_wrong_digits_are_a_sentence(images, labels, says):
    with pytest.raises(VidclError, match=says):
        given_digits(images, np.asarray(labels))


def test_too_few_or_too_small_is_a_sentence():
    for n, size in ((0, 28), (1, 7)):
        with pytest.raises(VidclError, match="at least 1 digit of at least 8"):
            draw_digits(n, seeded(), size)
