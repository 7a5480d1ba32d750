"""Boxes drawn over a picture: where they should be, legible, and on any picture."""

import numpy as np
import pytest

from vidcl.tracks.overlay import GREY, PALETTE, draw_boxes, track_colour


def ground(height: int = 120, width: int = 160) -> np.ndarray:
    return np.full((height, width, 3), 60, np.uint8)


def where(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return (picture == np.array(colour)).all(axis=2)


@pytest.mark.parametrize("thickness", [1, 2, 4])
def test_a_box_is_drawn_on_its_own_pixels_and_the_rest_stays(thickness):
    image = ground()
    before = image.copy()
    drawn = draw_boxes(
        image, np.array([[30, 40, 90, 100]]), [""], [PALETTE[0]], thickness=thickness
    )
    expected = np.zeros(image.shape[:2], bool)
    expected[40:100, 30:90] = True
    expected[40 + thickness : 100 - thickness, 30 + thickness : 90 - thickness] = False
    assert (where(drawn, PALETTE[0]) == expected).all()
    outside = np.ones_like(expected)
    outside[39:101, 29:91] = False
    assert (drawn[outside] == 60).all() and (drawn[41 + thickness : 98 - thickness, 60] == 60).all()
    assert (image == before).all()


def test_a_marked_box_has_a_filled_corner():
    box = np.array([[30, 40, 90, 100]])
    plain, marked = (
        where(draw_boxes(ground(), box, [""], [PALETTE[1]], marked=[mark]), PALETTE[1])
        for mark in (False, True)
    )
    assert not plain[93, 83] and marked[93, 83]
    assert (marked & plain).sum() > 0.9 * plain.sum()


def test_labels_of_boxes_in_one_place_do_not_cover_each_other():
    boxes = np.tile(np.array([[60.0, 50, 100, 90]]), (4, 1))
    colours = [track_colour(k) for k in range(4)]
    alone = where(draw_boxes(ground(), boxes[:1], ["1 · 0.87"], colours[:1]), colours[0]).sum()
    drawn = draw_boxes(ground(), boxes, ["1 · 0.87", "2 · 0.87", "3 · 0.87", "4 · 0.87"], colours)
    line = 2 * (40 + 40) * 2 - 16
    for colour in colours:  # ink and edges aside, every label is whole
        assert where(drawn, colour).sum() > 0.8 * (alone - line)


@pytest.mark.parametrize("corner", [(-5, -5), (150, -5), (-5, 110), (150, 110)])
def test_a_label_stays_in_the_picture(corner):
    x, y = corner
    box = np.array([[x, y, x + 20, y + 20]], dtype=np.float64)
    far = np.array([[60, 60, 80, 80]], dtype=np.float64)
    inside, reference = (
        where(draw_boxes(ground(), place, ["12 ended"], [PALETTE[2]]), PALETTE[2]).sum()
        - where(draw_boxes(ground(), place, [""], [PALETTE[2]]), PALETTE[2]).sum()
        for place in (box, far)
    )
    assert inside > 0.6 * reference > 300


@pytest.mark.parametrize("size", [(1, 1), (300, 2), (2, 300), (33, 47)])
def test_any_picture_and_any_box_can_be_drawn(size):
    boxes = np.array(
        [[0, 0, 1, 1], [-50, -50, 900, 900], [0.2, 0.3, 0.4, 0.5], [500, 500, 501, 502]]
    )
    drawn = draw_boxes(
        ground(*size), boxes, list("abcd"), [GREY] * 4, thickness=[1, 2, 3, 4], marked=[True] * 4
    )
    assert drawn.shape == (*size, 3) and drawn.dtype == np.uint8


def test_no_boxes_leave_the_picture_alone():
    assert (draw_boxes(ground(), np.zeros((0, 4)), [], []) == ground()).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"labels": []},
        {"colours": [GREY, GREY]},
        {"thickness": [1, 2]},
        {"marked": []},
        {"boxes": np.array([[0, 0, np.nan, 4]])},
    ],
)
def test_what_does_not_fit_together_is_refused(wrong):
    right = {"boxes": np.array([[0, 0, 4, 4]]), "labels": ["a"], "colours": [GREY]}
    with pytest.raises(ValueError):
        draw_boxes(ground(), **(right | wrong))


def test_neighbouring_numbers_have_colours_that_differ_in_lightness_or_in_blue():
    """What red-green blindness leaves of a colour: its lightness, and blue against yellow."""
    for k in range(len(PALETTE)):
        first, second = (np.array(track_colour(k + step), dtype=float) for step in (0, 1))
        left = [np.array([0.3, 0.6, 0.1]) @ c for c in (first, second)]
        blue = [c[2] - (c[0] + c[1]) / 2 for c in (first, second)]
        assert abs(left[0] - left[1]) > 25 or abs(blue[0] - blue[1]) > 60
