"""The pictures of the overlay: boxes, cuts, ends and crops where and when they should be."""

from dataclasses import replace

import numpy as np
import pytest

from tests.tracks.preview.making import track
from vidcl.tracks.extraction.plan import Segment
from vidcl.tracks.overlay import GREY, track_colour
from vidcl.tracks.preview.follower import Piece
from vidcl.tracks.preview.layout import HEAD, MIN_WIDTH, plan_layout
from vidcl.tracks.preview.painter import Painter
from vidcl.tracks.preview.traces import Stored, join, numbered
from vidcl.video.frames import Frame

WIDTH, HEIGHT, LINGER = 480, 360, 3
SEGMENT = Segment("v", 0, None, None, "train", "")
FLASH = (213, 94, 0)


def frames(count: int, damaged: int | None = None) -> list[Frame]:
    pictures = [np.full((HEIGHT, WIDTH, 3), 90, np.uint8) for _ in range(count)]
    return [Frame(image, k / 12, k == damaged) for k, image in enumerate(pictures)]


def piece(followed, stored, shots) -> Piece:
    times = (np.arange(len(shots)) / 12).astype(np.float32)
    traces = numbered(join(stored, followed, times, 256), 1)
    return Piece(SEGMENT, times, np.array(shots), traces, (WIDTH, HEIGHT))


def paint(given: Piece, count: int, damaged: int | None = None, slots: int = 4) -> list[np.ndarray]:
    painter = Painter("clip", plan_layout(WIDTH, HEIGHT, slots), (WIDTH, HEIGHT), LINGER)
    return list(painter(frames(count, damaged), given, 0))


def shows(
    picture: np.ndarray, box: tuple[int, int, int, int], colour: tuple[int, int, int]
) -> bool:
    """Whether the lower edge of a box, which no label covers, has its colour."""
    row = picture[HEAD + box[3] - 1, box[0] + 3 : box[2] - 12]
    return bool((row == np.array(colour)).all())


def still(steps: list[int], left: float = 100.0, reason: str = "lost"):
    made = track(steps, left, reason, shift=0.0)
    boxes = np.tile(np.array([left, 100, left + 60, 180], np.float32), (len(steps), 1))
    return replace(made, boxes=boxes, crop_boxes=boxes)


BOX = (100, 100, 160, 180)


def test_a_stored_region_is_coloured_from_its_first_frame_to_its_last_and_lingers():
    given = piece([still(list(range(2, 8)))], [Stored(still([3, 6]), 0.0)], [0] * 14)
    pictures = paint(given, 14)
    assert len(pictures) == 14
    seen = [shows(picture, BOX, track_colour(1)) for picture in pictures]
    assert seen == [False] * 2 + [True] * (6 + LINGER) + [False] * (14 - 8 - LINGER)
    second_line = (BOX[0], BOX[1], BOX[2], BOX[3] - 2)
    thick = [shows(picture, second_line, track_colour(1)) for picture in pictures]
    assert np.flatnonzero(thick).tolist() == [3, 6]


def test_a_dropped_region_is_grey_and_thin():
    pictures = paint(piece([still(list(range(2, 8)))], [], [0] * 10), 10)
    assert shows(pictures[4], BOX, GREY)
    assert not shows(pictures[4], (BOX[0], BOX[1], BOX[2], BOX[3] - 1), GREY)


@pytest.mark.parametrize("reason", ["cut", "end", "damage"])
def test_nothing_lingers_where_everything_ends(reason):
    followed = still(list(range(6)), reason=reason)
    given = piece([followed], [Stored(still([0, 3], reason=reason), 0.0)], [0] * 6 + [1] * 6)
    pictures = paint(given, 12)
    seen = [shows(picture, BOX, track_colour(1)) for picture in pictures]
    assert seen == [True] * 6 + [False] * 6


def test_what_ended_before_a_cut_is_not_shown_after_it():
    given = piece([still([0, 1, 2, 3])], [Stored(still([0, 3]), 0.0)], [0] * 5 + [1] * 5)
    seen = [shows(picture, BOX, track_colour(1)) for picture in paint(given, 10)]
    assert seen == [True] * 5 + [False] * 5


def test_a_cut_flashes_on_the_first_pictures_of_its_shot():
    pictures = paint(piece([], [], [0] * 5 + [1] * 5), 10)
    flashes = [bool((picture[HEAD + 2, 200] == FLASH).all()) for picture in pictures]
    assert flashes == [False] * 5 + [True] * (1 + LINGER // 3) + [False] * (4 - LINGER // 3)


def test_a_damaged_frame_does_not_shift_the_boxes():
    given = piece([still([5, 6, 7])], [Stored(still([5, 6, 7]), 0.0)], [0] * 10)
    pictures = paint(given, 11, damaged=3)
    seen = [shows(picture, BOX, track_colour(1)) for picture in pictures]
    assert len(pictures) == 11
    assert np.flatnonzero(seen).tolist() == [6, 7, 8, 9, 10][: 3 + LINGER]


def test_the_crops_are_shown_below_while_their_track_is():
    given = piece([still(list(range(2, 8)))], [Stored(still([3, 6]), 0.0)], [0] * 14)
    pictures = paint(given, 14)
    layout = plan_layout(WIDTH, HEIGHT, 4)
    x, y = layout.pair(0)
    has_crop = [bool((p[y + 40, x + layout.cell // 2] == 90).all()) for p in pictures]
    assert np.flatnonzero(has_crop).tolist() == list(range(3, 8 + LINGER))
    assert not any((p[y + 40, layout.pair(1)[0] + 20] == 90).all() for p in pictures)


def test_more_tracks_than_places_leave_some_without_crops():
    lefts = [20.0, 100.0, 180.0]
    followed = [still(list(range(6)), left) for left in lefts]
    given = piece(followed, [Stored(still([0, 3], left), 0.0) for left in lefts], [0] * 6)
    pictures = paint(given, 6, slots=2)
    assert all(
        shows(pictures[4], (int(x), 100, int(x) + 60, 180), track_colour(k + 1))
        for k, x in enumerate(lefts)
    )


@pytest.mark.parametrize("size", [(2, 200), (200, 2), (1, 1), (640, 480), (3840, 2160), (853, 481)])
@pytest.mark.parametrize("slots", [0, 1, 8, 16])
def test_the_layout_is_even_and_everything_lies_within_it(size, slots):
    layout = plan_layout(*size, slots)
    width, height = layout.canvas
    assert width % 2 == height % 2 == 0 and width >= MIN_WIDTH
    assert max(layout.frame) <= 1280 and min(layout.frame) >= 1
    assert layout.left >= 0 and layout.left + layout.frame[0] <= width
    assert HEAD + layout.frame[1] <= height
    corners = [layout.pair(slot) for slot in range(slots)]
    assert len(set(corners)) == slots
    for x, y in corners:
        assert x + 2 * layout.cell <= width and y + 16 + layout.cell <= height
        assert y >= HEAD + layout.frame[1] and layout.cell >= 40
