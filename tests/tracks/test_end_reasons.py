"""Why tracks end, from frames to tracks."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from tests.tracks.clips import plain_crop, texture
from vidcl.tracks.boxes import iou
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.follow import follow
from vidcl.tracks.given import GivenBoxes, GivenObject
from vidcl.tracks.track import Track
from vidcl.video.frames import Frame

EVERY = {"follow_rate": None, "keep_rate": None}
Place = Callable[[int], tuple[int, int, int]]


def clip(count: int, *places: Place, seed: int = 0, wall: int | None = None) -> list[Frame]:
    """Textured squares over a textured ground at 12 frames per second.

    Args:
        places: functions of the frame's number, which give x, y and side.
        wall: everything from this column on is behind a wall.
    """
    ground, front = texture(seed, 120, 160, grain=10), texture(seed + 50, 120, 160, grain=10)
    frames = []
    for k in range(count):
        image = ground.copy()
        for number, place in enumerate(places):
            x, y, side = place(k)
            thing = cv2.resize(texture(seed + 1 + number, 34, 34, grain=5), (side, side))
            room = image[y : y + side, x : x + side]
            room[:] = thing[: room.shape[0], : room.shape[1]]
        if wall is not None:
            image[:, wall:] = front[:, wall:]
        frames.append(Frame(image, k / 12, False))
    return frames


def followed(frames: list[Frame], *boxes: list[int], **settings: object) -> list[Track]:
    """The region tracks; ``boxes`` are given in the first frame, without them motion proposes."""
    objects = tuple(
        GivenObject(str(k), np.zeros(1), np.array([box], float), np.ones(1, bool))
        for k, box in enumerate(boxes)
    )
    config = FollowConfig(**{"proposer": "given" if boxes else "motion", **EVERY, **settings})
    given = GivenBoxes(objects) if boxes else None
    return list(follow(frames, config, plain_crop, given=given, whole_frames=False))


def frame_of(track: Track, place: int) -> int:
    return round(float(track.times[place]) * 12)


@pytest.mark.parametrize("seed", [0, 2, 4])
def test_what_goes_behind_a_wall_is_lost_before_most_of_the_damage(seed: int) -> None:
    frames = clip(50, lambda k: (round(20 + 2.5 * k), 40, 34), seed=seed, wall=80)
    (track,) = followed(frames, [20, 40, 54, 74])
    assert track.end_reason == "lost"
    assert 8 <= len(track) <= 24  # in frame 11 the wall is reached, in frame 24 nothing is left
    seen = np.array([[round(20 + 2.5 * k), 40, 80, 74] for k in range(len(track))], float)
    seen[:, 2] = np.minimum(seen[:, 0] + 34, 80)
    on = np.diag(iou(track.boxes.astype(np.float64), seen))
    assert (on >= 0.5).mean() > 0.85
    (all_of_it,) = followed(frames, [20, 40, 54, 74], min_confidence=0.0, max_fb_error=9.0)
    assert len(all_of_it) > len(track) + 15  # so it is judgement that ended the other


def test_a_thing_that_grows_past_the_largest_area_ends() -> None:
    frames = clip(30, lambda k: (60 - k, 40 - k, round(34 * 1.03**k)))
    (track,) = followed(frames, [60, 40, 94, 74], max_area=0.1)
    assert track.end_reason == "size"
    sides = track.boxes[:, 2:] - track.boxes[:, :2]
    assert (sides.prod(axis=1) <= 1.5 * 0.1 * 160 * 120).all()
    assert len(track) >= 10


@pytest.mark.parametrize("seed", [0, 1])
def test_a_thing_that_leaves_ends_while_it_is_seen(seed: int) -> None:
    frames = clip(30, lambda k: (min(60 + 5 * k, 159), 40, 34), seed=seed)
    (blind,) = followed(frames, [60, 40, 94, 74], min_confidence=0.0, max_fb_error=9.0)
    assert blind.end_reason == "border"  # whatever the looks say
    (track,) = followed(frames, [60, 40, 94, 74])
    assert track.end_reason in ("lost", "border")
    assert 10 <= len(track) <= len(blind)
    assert (track.boxes[-1, 2:] - track.boxes[-1, :2]).min() > 20


def test_two_boxes_on_one_thing_become_one() -> None:
    frames = clip(16, lambda k: (30 + 2 * k, 40, 34))
    tracks = followed(frames, [30, 40, 64, 74], [32, 42, 66, 76])
    assert [(track.label, track.end_reason) for track in tracks] == [("1", "overlap"), ("0", "end")]
    assert [len(track) for track in tracks] == [1, 16]  # the frames of the overlap are dropped


@pytest.mark.parametrize("seed", [0, 2, 4])
def test_what_stops_ends_and_its_rest_is_dropped(seed: int) -> None:
    frames = clip(50, lambda k: (round(20 + 2.5 * min(k, 16)), 40, 34), seed=seed)
    tracks = followed(frames)
    best = max(tracks, key=len)
    assert best.end_reason == "still"
    assert 14 <= frame_of(best, -1) <= 20


@pytest.mark.parametrize("seed", [0, 2, 4])
def test_two_things_that_part_are_told_apart(seed: int) -> None:
    """They move as one until frame 8, then the upper one turns back."""
    frames = clip(
        40,
        lambda k: (round(50 + 2 * k - max(0, k - 8) * 3.5), 30, 26),
        lambda k: (50 + 2 * k, 56, 26),
        seed=seed,
    )
    tracks = followed(frames, min_confidence=0.1)
    both = [track for track in tracks if track.end_reason == "mixed"]
    assert both and frame_of(both[0], 0) < 8 < frame_of(both[0], -1) < 24
    late = [track for track in tracks if track.end_reason == "end"]
    assert len(late) == 2
    assert all((track.boxes[:, 3] - track.boxes[:, 1] < 40).all() for track in late)
