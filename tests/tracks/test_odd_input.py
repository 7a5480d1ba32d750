"""Input that nobody films and somebody has: every proposer and every tracker lives through it."""

from typing import get_args

import cv2
import numpy as np
import pytest

from tests.tracks.clips import square_clip, texture
from vidcl.tracks.config import FollowConfig, ProposerName, TrackerName
from vidcl.tracks.crops import CropConfig, Cropper
from vidcl.tracks.detections import NO_DETECTIONS, make_detections
from vidcl.tracks.extraction.config import ExtractConfig
from vidcl.tracks.extraction.run import extract
from vidcl.tracks.follow import follow
from vidcl.tracks.given import GivenBoxes, GivenObject
from vidcl.tracks.store import open_store
from vidcl.tracks.track import SCORES, EndReason, Track
from vidcl.video.frames import Frame
from vidcl.video.writer import write_video

CANVAS = 16


def clip_of(images: list[np.ndarray]) -> list[Frame]:
    return [Frame(image, k / 12, False) for k, image in enumerate(images)]


def drifting(height: int, width: int, count: int = 6) -> list[Frame]:
    """A textured picture that slides by two pixels a frame."""
    wide = texture(1, height, width + 2 * count)
    return clip_of([np.ascontiguousarray(wide[:, 2 * k : 2 * k + width]) for k in range(count)])


def flat(level: int, count: int = 6) -> list[Frame]:
    return clip_of([np.full((60, 80, 3), level, np.uint8)] * count)


def occluded() -> list[Frame]:
    """The square is wholly behind a grey wall for a third of the clip."""
    frames, boxes = square_clip(9)
    for frame, (x0, y0, x1, y1) in zip(frames[3:6], boxes[3:6].astype(int), strict=True):
        frame.image[y0 - 4 : y1 + 4, x0 - 4 : x1 + 4] = 128
    return frames


def leaving() -> list[Frame]:
    """The square runs out of the picture."""
    return square_clip(9, speed=(16.0, 2.0))[0]


#: Name -> frames, all of one size, and boxes given for their first moment.
CLIPS = {
    "long": (square_clip(12)[0], [[25, 35, 59, 69]]),
    "occluded": (occluded(), [[25, 35, 59, 69]]),
    "leaving": (leaving(), [[25, 35, 59, 69]]),
    "tiny": (square_clip(5)[0], [[30, 40, 41, 51], [30, 40, 33, 43], [50, 60, 51, 61.5]]),
    "thin": (square_clip(5)[0], [[0, 40, 160, 42], [30, 0, 31.2, 120], [3.2, 3.2, 3.9, 3.9]]),
    "full frame": (square_clip(5)[0], [[0, 0, 160, 120], [-9, -9, 170, 130]]),
    "off screen": (
        square_clip(5)[0],
        [[-50, -50, -1, -1], [200, 10, 260, 60], [-30, 40, 4, 80], [140, 100, 1e6, 1e6]],
    ),
    "one frame": (square_clip(1)[0], [[25, 35, 59, 69]]),
    "two pixels wide": (drifting(64, 2), [[0, 10, 2, 30], [0, 0, 2, 64]]),
    "one pixel high": (drifting(1, 64), [[10, 0, 30, 1], [0, 0, 64, 1]]),
    "one pixel": (drifting(1, 1), [[0, 0, 1, 1]]),
    "panorama": (drifting(24, 640, 4), [[300, 4, 340, 20], [0, 0, 640, 24]]),
    "black": (flat(0), [[20, 20, 50, 50]]),
    "white": (flat(255), [[20, 20, 50, 50]]),
    "frozen": (clip_of([square_clip(1)[0][0].image] * 6), [[25, 35, 59, 69]]),
    "noise": (
        clip_of(list(np.random.default_rng(0).integers(0, 255, (5, 60, 80, 3), np.uint8))),
        [[20, 20, 50, 50]],
    ),
    "flashing": (
        clip_of([np.full((60, 80, 3), 255 * (k % 2), np.uint8) for k in range(6)]),
        [[20, 20, 50, 50]],
    ),
}


def config_of(**changes: object) -> FollowConfig:
    return FollowConfig(follow_rate=None, keep_rate=None, min_kept=1, max_kept=5).model_copy(
        update=changes
    )


def run(frames: list[Frame], config: FollowConfig, given: GivenBoxes | None = None) -> list[Track]:
    """All tracks, after looking at each of them."""
    tracks = list(follow(frames, config, Cropper(CropConfig(canvas=CANVAS)), given=given))
    height, width = frames[0].image.shape[:2]
    for track in tracks:
        assert_sound(track, width, height, config.max_kept)
    whole = [track for track in tracks if track.kind == "frame"]
    assert sum(map(len, whole)) == len(frames)
    return [track for track in tracks if track.kind == "region"]


def assert_sound(track: Track, width: int, height: int, max_kept: int) -> None:
    count = len(track)
    assert 1 <= count <= max_kept
    assert np.isfinite(track.times).all() and (np.diff(track.times) > 0).all()
    assert track.boxes.shape == track.crop_boxes.shape == (count, 4)
    assert np.isfinite(track.boxes).all() and np.isfinite(track.crop_boxes).all()
    assert (track.boxes >= 0).all() and (track.boxes <= [width, height, width, height]).all()
    assert (track.boxes[:, 2:] > track.boxes[:, :2]).all()
    assert (track.crop_boxes[:, 2:] > track.crop_boxes[:, :2]).all()
    assert track.sizes.shape == (count, 2) and (track.sizes >= 1).all()
    assert len(track.crops) == count
    for crop in track.crops:
        picture = cv2.imdecode(np.frombuffer(crop, np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (CANVAS, CANVAS, 3)
    assert set(track.scores) == set(SCORES)
    for values in track.scores.values():
        assert values.shape == (count,) and ((values >= 0) & (values <= 1)).all()
    assert track.end_reason in get_args(EndReason)


def given_once(boxes: list[list[float]]) -> GivenBoxes:
    """Objects seen in the first frame alone."""
    things = [
        GivenObject(str(k), np.zeros(1), np.array([box], float), np.ones(1, bool))
        for k, box in enumerate(boxes)
    ]
    return GivenBoxes(tuple(things))


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("tracker", get_args(TrackerName))
def test_every_tracker_lives_through(tracker: str, clip: str) -> None:
    frames, boxes = CLIPS[clip]
    tracks = run(frames, config_of(proposer="given", tracker=tracker), given_once(boxes))
    assert all(track.tracker == tracker for track in tracks)
    height, width = frames[0].image.shape[:2]
    seen = np.clip(boxes, 0, [width, height, width, height])
    if (seen[:, 2:] - seen[:, :2]).min(axis=1).max() >= 1.5 and len(frames) == 1:
        assert tracks  # one moment is a track of length one


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("proposer", [p for p in get_args(ProposerName) if p != "given"])
def test_every_proposer_lives_through(proposer: str, clip: str) -> None:
    tracks = run(CLIPS[clip][0], config_of(proposer=proposer, tracker="flow_cf"))
    assert all(track.proposer == proposer for track in tracks)
    if proposer == "frame":
        assert tracks == []


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("tracker", ["flow_cf", "static"])
def test_detections_of_odd_input(tracker: str, clip: str) -> None:
    frames, boxes = CLIPS[clip]
    times = np.repeat([frame.time for frame in frames], len(boxes))
    every = make_detections(times, np.array(boxes * len(frames), float), np.zeros(len(times)))
    tracks = run(frames, config_of(proposer="given", tracker=tracker), GivenBoxes((), every))
    assert all(track.label is None for track in tracks)


@pytest.mark.parametrize("clip", CLIPS)
def test_boxes_given_for_every_frame(clip: str) -> None:
    """The tracker 'given' puts out what is in the picture, clipped to it."""
    frames, boxes = CLIPS[clip]
    times = np.arange(len(frames)) / 12
    things = [
        GivenObject(str(k), times, np.tile(np.array(box, float), (len(frames), 1)), times >= 0)
        for k, box in enumerate(boxes)
    ]
    tracks = run(frames, config_of(proposer="given", tracker="given"), GivenBoxes(tuple(things)))
    height, width = frames[0].image.shape[:2]
    for track in tracks:
        inside = np.clip(boxes[int(track.label or 0)], 0, [width, height, width, height])
        np.testing.assert_allclose(track.boxes, np.tile(inside, (len(track), 1)), atol=1e-3)


def test_a_long_track_comes_in_pieces_that_follow_on_each_other() -> None:
    frames, boxes = CLIPS["long"]
    config = config_of(proposer="given", tracker="flow_cf")
    tracks = run(frames, config, given_once(boxes))
    assert [len(track) for track in tracks] == [5, 5, 2]
    times = np.concatenate([track.times for track in tracks])
    np.testing.assert_allclose(times, [frame.time for frame in frames], atol=1e-6)


def test_no_boxes_and_no_frames() -> None:
    config = config_of(proposer="given", tracker="flow_cf")
    assert run(square_clip(3)[0], config, GivenBoxes((), NO_DETECTIONS)) == []
    cropper = Cropper(CropConfig(canvas=CANVAS))
    for proposer in get_args(ProposerName):
        again = config.model_copy(update={"proposer": proposer})
        assert list(follow([], again, cropper, given=GivenBoxes(()))) == []


def test_odd_files_become_stores(tmp_path) -> None:
    """One frame, two pixels of width, and nothing but black, from the file to the store."""
    folder = tmp_path / "videos"
    folder.mkdir()
    write_video(folder / "one.mkv", np.stack([square_clip(1)[0][0].image]), rate=12)
    write_video(folder / "thin.mkv", np.stack([f.image for f in drifting(64, 2)]), rate=12)
    write_video(folder / "black.mkv", np.zeros((6, 48, 64, 3), np.uint8), rate=12)
    config = ExtractConfig(
        follow=config_of(proposer="grid"), crop=CropConfig(canvas=CANVAS), engine="local", workers=1
    )
    report = extract([folder], tmp_path / "store", config)
    assert report.failed == report.partial == report.internal == 0
    store = open_store(tmp_path / "store")
    names = {path.rsplit("/", 1)[1] for path in store.video[store.select(kind="frame")]}
    assert names == {"one.mkv", "thin.mkv", "black.mkv"}
    for row in range(len(store)):
        changes = store.changes(row)
        assert changes.shape == (store.lengths[row],) and changes[0] == 0
        assert ((changes >= 0) & (changes <= 2)).all() and 0 <= store.change[row] <= 2
        if store.video[row].endswith("black.mkv"):
            assert changes.max() < 0.01
