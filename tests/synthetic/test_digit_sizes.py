"""Two digits of two sizes on one canvas."""

import pytest
import torch

from vidcl.errors import VidclError
from vidcl.synthetic.digit_on_image import resized
from vidcl.synthetic.digit_sizes import FIXED, OTHER, draw_two_digits, overlap
from vidcl.synthetic.digits import Digits, draw_digits


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def drawn(n=200, seed=0, **sizes):
    sizes = {"canvas": 40, "fixed": 8, "other": 20} | sizes
    return draw_two_digits(n, draw_digits(60, seeded(1)), seeded(seed), **sizes)


def boxes_meet(corners, sides):
    """By counting pixels."""
    cells = [
        {(x + i, y + j) for i in range(side) for j in range(side)}
        for (x, y), side in zip(corners.tolist(), sides, strict=True)
    ]
    return bool(cells[0] & cells[1])


def test_the_two_do_not_overlap_and_lie_within():
    for other in (8, 20, 32):
        two = drawn(other=other)
        for corners in two.corners:
            assert not boxes_meet(corners, (8, other))
        assert (two.corners >= 0).all()
        assert (two.corners[:, 0] <= 32).all() and (two.corners[:, 1] <= 40 - other).all()


def test_overlap_is_what_pixels_say():
    corners = torch.randint(20, (500, 2, 2), generator=seeded())
    found = overlap(corners, (5, 9)).tolist()
    assert found == [boxes_meet(each, (5, 9)) for each in corners]
    assert 0 < sum(found) < 500


def test_each_digit_is_where_it_is_said_to_be_and_nothing_else_is():
    digits = draw_digits(60, seeded(1))
    two = drawn()
    for i in range(20):
        rest = two.images[i].clone()
        for (x, y), side, label in zip(
            two.corners[i].tolist(), (8, 20), (two.fixed[i], two.other[i]), strict=True
        ):
            seen = two.images[i, y : y + side, x : x + side]
            same = resized(digits.images[digits.labels == label], side)
            assert (same == seen).all((1, 2)).any()
            rest[y : y + side, x : x + side] = 0
        assert not rest.any()


def test_classes_are_disjoint_and_places_even():
    two = drawn(2000)
    assert set(two.fixed.tolist()) == set(FIXED) and set(two.other.tolist()) == set(OTHER)
    middle = two.corners[:, 0].double().mean(0)
    assert (middle - 16).abs().max() < 1.5  # left and right, above and below alike
    again = drawn(2000)
    assert torch.equal(again.images, two.images) and torch.equal(again.corners, two.corners)
    assert not torch.equal(drawn(2000, 5).corners, two.corners)


def test_what_does_not_fit_is_a_sentence():
    with pytest.raises(VidclError, match="do not fit side by side on 40"):
        drawn(other=33)
    digits = draw_digits(60, seeded(1))
    with pytest.raises(VidclError, match="0 to 4 and of 5 to 9"):
        draw_two_digits(1, digits.of(FIXED), seeded(), canvas=40, fixed=8, other=20)
    assert isinstance(digits.of(FIXED), Digits)
