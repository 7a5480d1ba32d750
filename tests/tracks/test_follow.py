"""From frames to tracks."""

from pathlib import Path

import numpy as np
import pytest

from tests.tracks.clips import plain_crop, square_clip, texture
from vidcl.errors import VidclError
from vidcl.tracks.boxes import iou
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.crops import CropConfig, Cropper
from vidcl.tracks.follow import follow
from vidcl.tracks.given import GivenBoxes, GivenObject
from vidcl.tracks.quality.measure import measure_free, total
from vidcl.tracks.quality.sequences import read_sequences
from vidcl.tracks.track import SCORES, Track
from vidcl.video.frames import Frame

EVERY = {"follow_rate": None, "keep_rate": None}


def given_of(truth: np.ndarray, name: str = "square") -> GivenBoxes:
    times = np.arange(len(truth)) / 12
    return GivenBoxes((GivenObject(name, times, truth, np.ones(len(truth), bool)),))


def regions(tracks: list[Track]) -> list[Track]:
    return [track for track in tracks if track.kind == "region"]


def agreement(track: Track, truth: np.ndarray) -> np.ndarray:
    rows = np.round(track.times * 12).astype(int)
    return np.diag(iou(track.boxes.astype(np.float64), truth[rows]))


@pytest.mark.parametrize("seed", [0, 2, 4])
def test_a_moving_square_is_found_and_followed(seed: int) -> None:
    frames, truth = square_clip(30, seed=seed)
    tracks = regions(list(follow(frames, FollowConfig(**EVERY), plain_crop)))
    best = max(tracks, key=len)
    assert len(best) >= 22
    assert best.end_reason == "end"
    assert (agreement(best, truth)[2:] > 0.7).all()
    assert (best.proposer, best.tracker, best.shot) == ("combined", "flow_cf", 0)


def test_a_given_first_box_is_followed() -> None:
    frames, truth = square_clip(30)
    config = FollowConfig(proposer="given", **EVERY)
    (track,) = regions(list(follow(frames, config, plain_crop, given=given_of(truth[:1]))))
    assert track.label == "square"
    assert len(track) == 30
    assert (agreement(track, truth) > 0.7).all()


def test_given_boxes_are_taken_as_they_are() -> None:
    frames, truth = square_clip(24)
    config = FollowConfig(proposer="given", tracker="given", **EVERY)
    given = given_of(truth[:16])
    (track,) = regions(list(follow(frames, config, plain_crop, given=given)))
    assert len(track) == 16
    assert track.end_reason == "given"
    assert np.allclose(track.boxes, truth[:16])


def test_a_static_box_does_not_move() -> None:
    frames, _ = square_clip(24)
    config = FollowConfig(tracker="static", **EVERY)
    tracks = regions(list(follow(frames, config, plain_crop)))
    assert tracks
    for track in tracks:
        assert (track.boxes == track.boxes[0]).all()
        assert track.end_reason == "end"


def test_a_cut_ends_every_track() -> None:
    first, _ = square_clip(16, seed=0)
    second, _ = square_clip(16, seed=30)
    joined = first + [Frame(f.image, f.time + 16 / 12, False) for f in second]
    tracks = list(follow(joined, FollowConfig(**EVERY), plain_crop))
    whole = [track for track in tracks if track.kind == "frame"]
    assert [(t.shot, len(t), t.end_reason) for t in whole] == [(0, 16, "cut"), (1, 16, "end")]
    for track in tracks:
        before = track.times < 16 / 12 - 1e-3
        assert before.all() or not before.any()
        assert track.shot == (0 if before.all() else 1)


def test_damaged_frames_end_every_track_and_are_not_kept() -> None:
    frames, _ = square_clip(30)
    frames[14] = Frame(frames[14].image, frames[14].time, True)
    tracks = list(follow(frames, FollowConfig(**EVERY), plain_crop))
    assert {track.end_reason for track in tracks} == {"damage", "end"}
    assert all(not np.isclose(track.times, 14 / 12).any() for track in tracks)
    assert [len(track) for track in tracks if track.kind == "frame"] == [14, 15]


def test_only_frames_at_the_keep_rate_are_cropped() -> None:
    frames, _ = square_clip(30)
    tracks = list(follow(frames, FollowConfig(min_kept=1), plain_crop))
    for track in tracks:
        assert np.allclose(track.times * 4 % 1, 0, atol=1e-3)
    (whole,) = [track for track in tracks if track.kind == "frame"]
    assert len(whole) == 10
    assert (whole.boxes == [0, 0, 160, 120]).all()


@pytest.mark.parametrize("proposer", ["random", "grid", "motion"])
def test_two_runs_agree(proposer: str) -> None:
    frames, _ = square_clip(12)
    config = FollowConfig(proposer=proposer, min_kept=1, **EVERY)  # type: ignore[arg-type]
    first, again, other = (
        list(follow(frames, config, plain_crop, seed=seed)) for seed in (1, 1, 2)
    )
    assert len(first) == len(again) > 1
    for one, two in zip(first, again, strict=True):
        assert np.array_equal(one.boxes, two.boxes)
        assert all(np.array_equal(one.scores[name], two.scores[name]) for name in SCORES)
    if proposer == "random":
        assert not np.array_equal(regions(first)[0].boxes, regions(other)[0].boxes)


def test_whole_frames_only() -> None:
    frames, _ = square_clip(10)
    for config in (FollowConfig(proposer="frame", **EVERY), FollowConfig(max_regions=0, **EVERY)):
        (track,) = list(follow(frames, config, plain_crop))
        assert track.kind == "frame" and len(track) == 10
    assert list(follow(frames, config, plain_crop, whole_frames=False)) == []


def test_long_tracks_are_handed_out_in_pieces() -> None:
    frames, _ = square_clip(20)
    config = FollowConfig(proposer="frame", max_kept=8, **EVERY)
    assert [len(track) for track in follow(frames, config, plain_crop)] == [8, 8, 4]


def test_every_step_is_sound() -> None:
    """Boxes in the picture, scores in [0, 1], times rising, as many crops as steps."""
    frames, _ = square_clip(40, speed=(4.0, 1.0))  # it leaves the picture
    config = FollowConfig(min_kept=1, **EVERY)
    for track in follow(frames, config, Cropper(CropConfig(canvas=32))):
        assert (np.diff(track.times) > 0).all()
        assert len(track.crops) == len(track.sizes) == len(track.crop_boxes) == len(track)
        assert (track.boxes >= 0).all()
        assert (track.boxes[:, [2, 3]] <= [160, 120]).all()
        assert (track.boxes[:, 2:] > track.boxes[:, :2]).all()
        for name in SCORES:
            assert track.scores[name].shape == (len(track),)
            assert ((track.scores[name] >= 0) & (track.scores[name] <= 1)).all()


@pytest.mark.parametrize("shape", [(2, 40), (40, 2), (1, 1), (16, 16), (700, 30)])
@pytest.mark.parametrize("proposer", ["motion", "grid", "random"])
def test_odd_sizes_do_no_harm(shape: tuple[int, int], proposer: str) -> None:
    images = [texture(k, *shape) for k in range(4)]
    frames = [Frame(image, k / 12, False) for k, image in enumerate(images)]
    config = FollowConfig(proposer=proposer, min_kept=1, **EVERY)  # type: ignore[arg-type]
    tracks = list(follow(frames, config, Cropper(CropConfig(canvas=16))))
    assert any(track.kind == "frame" for track in tracks)


def test_no_frames_and_one_frame() -> None:
    assert list(follow([], FollowConfig(), plain_crop)) == []
    (track,) = list(follow(square_clip(1)[0], FollowConfig(), plain_crop))
    assert len(track) == 1


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(VidclError, match="proposer 'given'"):
        list(follow([], FollowConfig(tracker="given"), plain_crop))
    with pytest.raises(VidclError, match="file of boxes"):
        list(follow([], FollowConfig(proposer="given"), plain_crop))


@pytest.mark.real_data
def test_real_sequences_are_followed_better_than_by_a_static_box(real_data: Path) -> None:
    sequences = read_sequences(real_data / "tracking", ["camel", "car-shadow", "libby"])
    auc = {
        tracker: total(measure_free(sequences, tracker, every=1000)["first"])["auc"]
        for tracker in ("flow_cf", "static")
    }
    assert auc["flow_cf"] > auc["static"] + 0.1
