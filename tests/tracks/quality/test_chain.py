"""The whole chain against the truth."""

import numpy as np
import pytest

from tests.tracks.clips import square_clip
from tests.tracks.quality.making import made, square_sequence, square_with_times
from vidcl.errors import VidclError
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.quality.chain import (
    CHAIN_MEASURES,
    ChainRun,
    ChainTrack,
    chain_sums,
    kept_seconds,
    run_chain,
)
from vidcl.tracks.quality.measures import overlaps
from vidcl.tracks.quality.truth import TruthRows


def a_track(values, kept=True, rate=12.0):
    """A track whose IoU with K objects is ``values`` [T, K]."""
    table = np.array(values, dtype=np.float64)
    return ChainTrack(np.arange(len(table)) / rate, table, "end", kept)


def value(pair):
    return pair[0] / pair[1]


def test_exact_boxes_are_perfect():
    config = FollowConfig(proposer="given", tracker="given", follow_rate=None)
    (run,) = run_chain(square_with_times(20), config)
    sums = chain_sums([run], config)
    for name in ("recall", "coverage", "on_object", "purity", "track_purity", "pairs"):
        assert value(sums[name]) == 1.0, name
    assert sums["kept_boxes"] == (20, 1)
    assert value(sums["kept_seconds"]) == pytest.approx(19 / 12, abs=1e-5)


def test_a_box_that_stays_while_the_square_leaves():
    sequence = square_with_times(20)
    config = FollowConfig(proposer="given", tracker="static", follow_rate=None, propose_every=100)
    (run,) = run_chain(sequence, config)
    (track,) = run.tracks
    _, truth = square_clip(20)
    count = len(track.times)
    expected = overlaps(np.repeat(truth[:1], count, axis=0), truth[:count])
    np.testing.assert_allclose(track.overlaps[:, 0], expected, atol=1e-3)
    on = expected >= 0.5
    sums = chain_sums([run], config, (0.0, 0.5))
    assert 0 < on.sum() < count
    assert sums["purity"] == (on[1:].sum(), count - 1)
    pairs = [(i, j) for i in range(count) for j in range(i + 1, count) if j - i <= 6]
    share = sum(on[i] and on[j] for i, j in pairs) / len(pairs)
    assert sums["pairs"] == (pytest.approx(share), 1)


def test_sums_of_tracks_made_by_hand():
    config = FollowConfig(keep_rate=4.0, min_kept=3)
    assert kept_seconds(config) == 0.5
    tracks = (
        a_track([[0.9, 0.6, 0], [0.6, 0.9, 0], [0.2, 0.9, 0]]),  # starts on object 0
        a_track([[0.1, 0.2, 0], [0.9, 0.9, 0]]),  # starts on none
        a_track([[0.0, 0.8, 0]], kept=False),  # starts on object 1, is not kept
        a_track([[np.nan] * 3, [0.9] * 3]),  # nobody knows
    )
    # object 2 was there too briefly to be kept, object 1 long enough
    run = ChainRun(tracks, np.array([3.0, 0.6, 0.5]))
    sums = chain_sums([run, ChainRun((), np.array([0.0, 0.0, 9.0]))], config, (0.0, 9.0))
    assert sums["recall"] == (2, 3)
    assert sums["coverage"] == (1, 3)
    assert sums["on_object"] == (1, 2)
    assert sums["purity"] == (1, 2)
    assert sums["track_purity"] == (0.5, 1)
    assert sums["kept_boxes"] == (3, 1)
    assert sums["kept_seconds"] == (pytest.approx(2 / 12), 1)
    # three pairs of the first track are all on object 1; the second's only pair is not on one
    assert sums["pairs"] == (1.0, 2)
    assert sums["regions"] == (4, 2)
    assert set(sums) == set(CHAIN_MEASURES)


def test_a_track_stands_for_the_object_it_covers_best():
    assert a_track([[0.6, 0.7]]).target == 1
    assert a_track([[0.49, 0.2]]).target is None
    assert a_track([[np.nan, 0.5]]).target == 1
    assert a_track(np.zeros((1, 0))).target is None


def test_short_tracks_are_not_kept_but_count_as_begun():
    frames, boxes = square_clip(14)
    # the square vanishes after a third of a second
    boxes[5:] = 0
    sequence = made(frames, TruthRows(boxes))
    config = FollowConfig(proposer="random", tracker="static", follow_rate=None, max_regions=4)
    (run,) = run_chain(sequence, config)
    assert len(run.tracks) == 4
    assert run.seconds == pytest.approx([5 / 12])
    times = [frame.time for frame in frames]
    for track in run.tracks:
        assert track.kept == (track.times[-1] - track.times[0] >= 0.5 - 1e-3)
        assert track.times == pytest.approx(times[-len(track.times) :], abs=1e-5)
    assert chain_sums([run], config)["recall"] == (0, 0)  # not there long enough to ask for


@pytest.mark.parametrize("rate", [None, 12.0, 6.0, 4.0])
def test_boxes_are_recorded_at_the_follow_rate(rate):
    config = FollowConfig(proposer="given", tracker="given", follow_rate=rate, keep_rate=2.0)
    (run,) = run_chain(square_with_times(24), config)
    (track,) = run.tracks
    assert len(track.times) == round(24 * (rate or 12) / 12)
    np.testing.assert_allclose(track.overlaps, 1.0, atol=1e-4)


def test_starts_leave_room_to_keep_something():
    sequence = square_sequence(24)
    config = FollowConfig(proposer="random", tracker="static", follow_rate=None)
    runs = run_chain(sequence, config, every=4)
    # 0.5 s are 6 frames: from frame 16 on 7 are left, from frame 20 on 3
    assert len(runs) == 5
    frames, boxes = square_clip(24)
    alone = run_chain(made(frames[8:], TruthRows(boxes[8:])), config, seed=2)
    assert len(alone[0].tracks) == len(runs[2].tracks)
    for first, second in zip(alone[0].tracks, runs[2].tracks, strict=True):
        np.testing.assert_allclose(first.overlaps, second.overlaps)


def test_the_seed_draws_the_random_boxes():
    config = FollowConfig(proposer="random", tracker="static", follow_rate=None)
    tables = [
        np.concatenate(
            [t.overlaps for t in run_chain(square_sequence(8), config, seed=s)[0].tracks]
        )
        for s in (0, 0, 1)
    ]
    np.testing.assert_array_equal(tables[0], tables[1])
    assert tables[0].shape != tables[2].shape or not np.allclose(tables[0], tables[2])


def test_given_boxes_need_times():
    config = FollowConfig(proposer="given")
    with pytest.raises(VidclError, match="boxes with times"):
        run_chain(square_sequence(4), config)


def test_a_clip_without_frames_or_objects_gives_nothing():
    config = FollowConfig(proposer="random", tracker="static")
    (run,) = run_chain(made([], TruthRows(np.zeros((0, 4)))), config)
    assert run.tracks == ()
    assert chain_sums([run], config)["regions"] == (0, 1)
