"""Boxes without identities: to which frame they belong, and how regions begin from them."""

import numpy as np
import pytest

from tests.tracks.clips import plain_crop, square_clip
from vidcl.errors import VidclError
from vidcl.tracks.boxes import iou
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.detections import NO_DETECTIONS, DetectionFeed, make_detections
from vidcl.tracks.follow import follow
from vidcl.tracks.given import GivenBoxes, GivenObject
from vidcl.tracks.track import Track

CONFIG = FollowConfig(proposer="given", follow_rate=None, keep_rate=None, min_kept=1)


def detections(*rows: tuple) -> GivenBoxes:
    """Rows of (time, box, score)."""
    times, boxes, scores = (np.array(values, float) for values in zip(*rows, strict=True))
    return GivenBoxes((), make_detections(times, boxes, scores))


def regions(frames, given, config=CONFIG) -> list[Track]:
    tracks = follow(frames, config, plain_crop, given=given, whole_frames=False)
    return sorted(tracks, key=lambda track: float(track.times[0]))


def test_near_is_the_obvious_search():
    generator = np.random.default_rng(0)
    for _ in range(200):
        count = int(generator.integers(0, 8))
        times = generator.integers(0, 6, count) / 4
        scores = generator.random(count)
        boxes = generator.random((count, 4))
        found = make_detections(times, boxes, scores)
        time, reach = generator.uniform(-0.5, 2), generator.uniform(0, 0.5)
        slow = []
        if count:
            nearest = min(times, key=lambda t: (abs(t - time), t))
            if abs(nearest - time) <= reach:
                here = [k for k in range(count) if times[k] == nearest]
                slow = [boxes[k].tolist() for k in sorted(here, key=lambda k: -scores[k])]
        assert found.near(time, reach).tolist() == slow


def box_at(value: float) -> list[float]:
    return [value, 0, value + 1, 1]


def test_a_detection_belongs_to_the_nearest_followed_frame():
    given = detections(*[(t, box_at(t), 0) for t in (0.01, 0.26, 0.5, 0.74, 1.2, 3.0)])
    feed = DetectionFeed(given.detections, every=1)
    frames = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.04, 2.0, 2.2]
    taken = {time: feed.take(time)[:, 0].tolist() for time in frames}
    # 0.5 lies half way between two frames and serves both; 1.2 and 3.0 are too far from any
    assert taken == {
        0.0: [0.01], 0.2: [0.26], 0.4: [0.5], 0.6: [0.5], 0.8: [0.74],
        1.0: [], 1.04: [], 2.0: [], 2.2: [],
    }  # fmt: skip


def test_detections_rest_after_some_were_used():
    given = detections(*[(k / 10, box_at(k), 0) for k in range(10) if k != 4])
    feed = DetectionFeed(given.detections, every=4)
    used = [k for k in range(8) if len(feed.take(k / 10))]
    assert used == [0, 5]  # frame 4 has none, so its turn goes to the next
    feed.reset()
    assert len(feed.take(0.8)) and not len(feed.take(0.9))
    assert not len(DetectionFeed(NO_DETECTIONS, every=1).take(0.0))


def test_detections_of_every_frame_make_one_track():
    """The square is found again and again while it is followed, and once more after a gap."""
    frames, truth = square_clip(30)
    generator = np.random.default_rng(0)
    rows = [(k / 12, box + generator.uniform(-2, 2, 4), 0.9) for k, box in enumerate(truth)]
    (track,) = regions(frames, detections(*rows))
    assert len(track) == 30 and track.label is None
    assert (track.proposer, track.tracker) == ("given", "flow_cf")
    overlap = np.diag(iou(track.boxes.astype(float), truth))
    assert (overlap > 0.65).all()


def test_a_detection_starts_where_it_is_and_when_it_is():
    frames, truth = square_clip(30)
    (track,) = regions(frames, detections((13 / 12 + 0.01, truth[13], 0.9)))
    assert track.times[0] == pytest.approx(13 / 12)
    np.testing.assert_allclose(track.boxes[0], truth[13], atol=0.01)
    assert len(track) == 17


def test_the_best_of_overlapping_detections_starts():
    frames, truth = square_clip(8)
    worse = truth[0] + [4, 4, 4, 4]
    (track,) = regions(frames, detections((0, worse, 0.2), (0, truth[0], 0.8)))
    np.testing.assert_allclose(track.boxes[0], truth[0], atol=0.01)
    # too small, outside of the picture, and the whole picture: none of them is worth following
    odd = detections((0, [5, 5, 9, 9], 1), (0, [-80, 0, -2, 70], 1), (0, [0, 0, 160, 120], 1))
    assert regions(frames, odd) == []


def test_named_boxes_and_detections_share_the_room():
    frames, truth = square_clip(8)
    named = GivenObject("square", np.arange(8) / 12, truth, np.ones(8, bool))
    other = [100, 60, 140, 100]
    rows = ((0, truth[0], 0.9), (0, other, 0.8), (0, [5, 80, 40, 115], 0.1))
    given = GivenBoxes((named,), detections(*rows).detections)
    tracks = regions(frames, given, CONFIG.model_copy(update={"max_regions": 2}))
    assert [track.label for track in tracks] == ["square", None]
    np.testing.assert_allclose(tracks[1].boxes[0], other, atol=0.01)


def test_short_tracks_of_detections_are_dropped_and_named_ones_kept():
    frames, truth = square_clip(2)
    config = CONFIG.model_copy(update={"min_kept": 3})
    assert regions(frames, detections((0, truth[0], 1)), config) == []
    named = GivenObject("square", np.arange(2) / 12, truth, np.ones(2, bool))
    assert len(regions(frames, GivenBoxes((named,)), config)) == 1


def test_the_tracker_given_needs_names():
    frames, truth = square_clip(2)
    config = FollowConfig(proposer="given", tracker="given")
    with pytest.raises(VidclError, match="column 'object'"):
        regions(frames, detections((0, truth[0], 1)), config)
