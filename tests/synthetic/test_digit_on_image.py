"""A digit at nine places of every image."""

import pytest
import torch

from vidcl.errors import VidclError
from vidcl.synthetic.digit_on_image import PLACES, put_digits, resized, stamp
from vidcl.synthetic.digits import draw_digits


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def images(n=12, size=40, seed=0):
    return torch.randint(256, (n, 3, size, size), dtype=torch.uint8, generator=seeded(seed))


@pytest.mark.parametrize("combine", ["max", "add"])
def test_stamps_by_hand(combine):
    base, digits = images(), draw_digits(12, seeded(1), 10)
    out = stamp(base, digits.images, combine=combine)
    expected = base.clone()
    for i in range(12):
        for top in PLACES:
            for left in PLACES:
                for y in range(10):
                    for x in range(10):
                        ink = int(digits.images[i, y, x])
                        for channel in range(3):
                            at = (i, channel, int(top * 40) + y, int(left * 40) + x)
                            under = int(base[at])
                            put = max(under, ink) if combine == "max" else min(under + ink, 255)
                            expected[at] = put
    assert torch.equal(out, expected)


def test_the_digit_fits_the_image_at_every_size():
    for size in (16, 33, 48):
        white = torch.full((1, 28, 28), 255, dtype=torch.uint8)
        out = stamp(torch.zeros(1, 3, size, size, dtype=torch.uint8), white)
        side = round(size / 4)
        assert int((out[0, 0] == 255).sum()) == 9 * side**2  # none is cut, none overlaps


def test_each_image_has_one_of_the_unique_digits():
    base, digits = images(400, 16), draw_digits(50, seeded(1))
    labels = torch.randint(7, (400,), generator=seeded(2))
    put = put_digits(base, labels, digits, 4, seeded(3))
    assert set(put.which.tolist()) == {0, 1, 2, 3}
    assert (put.which.bincount() - 100).abs().max() < 50
    assert torch.equal(put.digits, digits.labels[put.which]) and torch.equal(put.labels, labels)
    assert torch.equal(put.images, stamp(base, digits.images[put.which]))
    again = put_digits(base, labels, digits, 4, seeded(3))
    assert torch.equal(again.images, put.images)
    assert (put_digits(base, labels, digits, 1, seeded(3)).which == 0).all()


def test_resizing_keeps_the_ink():
    digits = draw_digits(20, seeded()).images
    small = resized(digits, 8)
    assert small.shape == (20, 8, 8) and small.dtype == torch.uint8
    assert torch.equal(resized(digits, 28), digits)
    means = small.float().mean((1, 2)), digits.float().mean((1, 2))
    assert (means[0] - means[1]).abs().max() < 4


def test_wrong_input_is_a_sentence():
    base, labels, digits = (
        images(3, 16),
        torch.zeros(3, dtype=torch.int64),
        draw_digits(5, seeded()),
    )
    for unique in (0, 6):
        with pytest.raises(VidclError, match=f"5 digits to choose from: not {unique}"):
            put_digits(base, labels, digits, unique, seeded())
    with pytest.raises(VidclError, match="one label for each of 3"):
        put_digits(base, labels[:2], digits, 1, seeded())
    for size in (0, 0.3):
        with pytest.raises(VidclError, match=r"at most 0\.25"):
            put_digits(base, labels, digits, 1, seeded(), size=size)
    with pytest.raises(VidclError, match="uint8"):
        stamp(base.float(), digits.images[:3])
    with pytest.raises(VidclError, match="uint8"):
        stamp(base[:, :1], digits.images[:3])
    with pytest.raises(VidclError, match="one digit for each"):
        stamp(base, digits.images)
