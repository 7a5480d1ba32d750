"""The pair sampler against brute-force enumeration."""

from collections import Counter

import numpy as np
import pytest

from tests.training.making import CANVAS, make_row, make_store
from vidcl.errors import VidclError
from vidcl.tracks.store import open_store
from vidcl.tracks.store_writer import shard_path, write_shard
from vidcl.training.config import PairConfig, StreamConfig
from vidcl.training.pairs import PairSampler, split_batch
from vidcl.training.pool import TrackPool


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """Tracks of unequal length with unequal steps."""
    generator = np.random.default_rng(1)
    path = tmp_path_factory.mktemp("uneven")
    rows = [
        make_row(
            i,
            generator,
            times=np.sort(generator.choice(60, size, replace=False)) * 0.1 + i,
            kind="region",
            proposer="motion",
            tracker="flow_cf",
            video=i // 2,
            changes=(generator.integers(0, 9, size) / 8).astype(np.float32),  # sums are exact
        )
        for i, size in enumerate([1, 2, 3, 7, 9, 5, 1, 12])
    ]
    write_shard(shard_path(path, 0), rows, {"canvas": CANVAS})
    return open_store(path)


def admissible(times, low, high):
    n = len(times)
    found = [
        (i, j)
        for i in range(n)
        for j in range(i, n)
        if low - 1e-6 <= times[j] - times[i] <= high + 1e-6
    ]
    if high == 0:
        found = [(i, i) for i in range(n)]
    if found:
        return found
    distance = {
        (i, j): max(low - (times[j] - times[i]), (times[j] - times[i]) - high)
        for i in range(n)
        for j in range(i, n)
    }
    best = min(distance.values())
    return [pair for pair, value in distance.items() if abs(value - best) < 1e-6]


@pytest.mark.parametrize("gap", [(0, 0), (0, 0.5), (0.3, 1.0), (0.1, 9.0), (4.0, 5.0), (50, 60)])
def test_pairs_are_the_admissible_ones_and_equally_likely(uneven, gap):
    pool = TrackPool(uneven, StreamConfig(kind="region", gap=gap))
    generator = np.random.default_rng(0)
    draws = 1500
    alone = 0
    for track, row in enumerate(pool.rows):
        times = np.asarray(uneven.times(int(row)), np.float64)
        wanted = set(admissible(times, *gap))
        inside = {p for p in wanted if gap[0] - 1e-6 <= times[p[1]] - times[p[0]] <= gap[1] + 1e-6}
        alone += not inside
        steps, seconds = pool.pairs(np.full(draws, track), generator)
        np.testing.assert_allclose(seconds, np.abs(times[steps[:, 1]] - times[steps[:, 0]]))
        seen = Counter(map(tuple, np.sort(steps, 1).tolist()))
        if inside:
            assert set(seen) == wanted
            expected = draws / len(wanted)
            assert all(abs(n - expected) < 6 * np.sqrt(expected) for n in seen.values())
        else:
            assert len(seen) == 1 and set(seen) <= wanted
        if any(i != j for i, j in seen):
            swapped = (steps[:, 0] > steps[:, 1]).mean() / (steps[:, 0] != steps[:, 1]).mean()
            assert 0.4 < swapped < 0.6
    assert pool.fallbacks == alone


def test_filters_choose_training_tracks(tmp_path):
    store = make_store(tmp_path)
    for config, want in [
        (StreamConfig(), 12),
        (StreamConfig(kind="region"), 16),
        (StreamConfig(kind="region", proposer=("random",)), 8),
        (StreamConfig(kind="region", proposer=("random",), tracker=("static",)), 4),
    ]:
        pool = TrackPool(store, config)
        assert len(pool.rows) == want
        assert set(store.split[pool.rows]) == {"train"}
    with pytest.raises(VidclError, match=r"kind region, proposer given: it has"):
        TrackPool(store, StreamConfig(kind="region", proposer=("given",)))


def test_every_track_is_drawn_once_per_epoch(uneven):
    sampler = PairSampler(uneven, PairConfig(streams=(StreamConfig(kind="region"),)), 3, seed=0)
    rows = np.concatenate([sampler.batch(step).rows for step in range(8)])
    for epoch in rows.reshape(3, 8):
        assert sorted(epoch) == list(range(8))
    assert sampler.crops == 40


def test_every_video_is_drawn_once_per_epoch_when_videos_weigh_alike(tmp_path):
    generator = np.random.default_rng(0)
    rows = [
        make_row(i, generator, times=np.arange(2), video=v)
        for i, v in enumerate([0, 0, 0, 0, 1, 2, 2])
    ]
    write_shard(shard_path(tmp_path, 0), rows, {"canvas": CANVAS})
    store = open_store(tmp_path)
    sampler = PairSampler(store, PairConfig(weight="video"), 3, seed=0)
    drawn = np.stack([sampler.batch(step).rows for step in range(60)])
    videos = store.video_id[drawn]
    assert all(set(batch) == {"v0", "v1", "v2"} for batch in videos)
    counts = np.bincount(drawn.ravel(), minlength=7)
    assert counts[4] == 60 and (counts[:4] > 5).all() and (counts[5:] > 15).all()


MIX = PairConfig(
    streams=(
        StreamConfig(share=0.5, kind="frame"),
        StreamConfig(share=0.5, kind="region", gap=(0.2, 1.0)),
    )
)


def test_a_step_is_a_function_of_seed_and_step(tmp_path):
    store = make_store(tmp_path)
    a, b = PairSampler(store, MIX, 8, seed=4), PairSampler(store, MIX, 8, seed=4)
    late = b.batch(37)
    for step in range(38):
        early = a.batch(step)
    for name in ("rows", "steps", "stream", "gap"):
        np.testing.assert_array_equal(getattr(early, name), getattr(late, name))
    assert list(late.stream) == [0] * 4 + [1] * 4
    assert list(store.kind[late.rows]) == ["frame"] * 4 + ["region"] * 4
    assert (late.gap[:4] == 0).all() and (late.gap[4:] >= 0.2).all()
    other = PairSampler(store, MIX, 8, seed=5).batch(37)
    assert not np.array_equal(other.rows, late.rows) or not np.array_equal(other.steps, late.steps)


def test_processes_share_one_batch(tmp_path):
    store = make_store(tmp_path)
    whole = PairSampler(store, MIX, 8, seed=0).batch(3)
    parts = [PairSampler(store, MIX, 8, 0, rank, 2).batch(3) for rank in range(2)]
    assert [len(part.rows) for part in parts] == [4, 4]

    def pairs(batch):
        return sorted(zip(batch.rows.tolist(), batch.steps.tolist(), strict=True))

    assert sorted(pairs(parts[0]) + pairs(parts[1])) == pairs(whole)
    with pytest.raises(VidclError, match="multiple"):
        PairSampler(store, MIX, 9, 0, 0, 2)


#: (weight, step) -> rows and steps of MIX with seed 4, as drawn before there was a choice of
#: candidates: runs of that time go on unchanged.
RECORDED = {
    ("track", 0): (
        [1, 3, 9, 11, 15, 19, 16, 18],
        [[4, 4], [5, 5], [5, 5], [3, 3], [4, 1], [4, 5], [1, 0], [1, 4]],
    ),
    ("track", 37): (
        [7, 4, 9, 2, 13, 14, 27, 24],
        [[5, 5], [5, 5], [3, 3], [4, 4], [4, 2], [0, 4], [4, 3], [0, 2]],
    ),
    ("video", 0): (
        [6, 11, 3, 6, 17, 27, 20, 13],
        [[5, 5], [5, 5], [5, 5], [0, 0], [3, 4], [3, 0], [1, 5], [0, 1]],
    ),
    ("video", 37): (
        [3, 11, 2, 6, 22, 16, 15, 24],
        [[0, 0], [0, 0], [0, 0], [4, 4], [3, 4], [1, 0], [4, 2], [1, 3]],
    ),
}


@pytest.mark.parametrize(("weight", "step"), RECORDED)
def test_batches_are_those_of_earlier_versions(tmp_path, weight, step):
    config = MIX.model_copy(update={"weight": weight})
    batch = PairSampler(make_store(tmp_path), config, 8, seed=4).batch(step)
    assert (batch.rows.tolist(), batch.steps.tolist()) == RECORDED[weight, step]


@pytest.mark.parametrize("candidates", [2, 5])
def test_of_the_candidates_the_one_that_changed_most_is_kept(uneven, candidates):
    """In law: the best of so many uniform draws, by enumeration."""
    low, high = gap = (0.3, 2.0)
    pool = TrackPool(uneven, StreamConfig(kind="region", gap=gap), candidates=candidates)
    generator = np.random.default_rng(0)
    draws = 4000
    for track, row in enumerate(pool.rows):
        pairs = admissible(np.asarray(uneven.times(int(row)), np.float64), low, high)
        changes = np.asarray(uneven.changes(int(row)), np.float64)
        paths = [float(sum(changes[i + 1 : j + 1])) for i, j in pairs]
        steps, seconds = pool.pairs(np.full(draws, track), generator)
        assert seconds.max() <= high + 1e-6
        seen = Counter(map(tuple, np.sort(steps, 1).tolist()))
        if not pool.totals[track]:
            assert len(seen) == 1 and set(seen) <= set(pairs)
            continue
        for value in sorted(set(paths)):
            equals = [p for p, path in zip(pairs, paths, strict=True) if path == value]
            below = sum(path < value for path in paths) / len(paths)
            upto = sum(path <= value for path in paths) / len(paths)
            expected = draws * (upto**candidates - below**candidates) / len(equals)
            spread = 6 * np.sqrt(max(expected, 1.0))
            assert all(abs(seen[pair] - expected) < spread for pair in equals), (value, seen)
        assert set(seen) <= set(pairs)


def test_candidates_of_one_crop_are_drawn_evenly(uneven):
    pool = TrackPool(uneven, StreamConfig(kind="region"), candidates=4)
    steps, gap = pool.pairs(np.full(3000, 7), np.random.default_rng(0))
    assert (steps[:, 0] == steps[:, 1]).all() and not gap.any()
    counts = np.bincount(steps[:, 0], minlength=12)
    assert (abs(counts - 250) < 6 * np.sqrt(250)).all()


def test_candidates_need_changes(tmp_path):
    from tests.tracks.test_store import write_version_1

    store = make_store(tmp_path)
    write_version_1(shard_path(tmp_path, 0), [store.read_row(row) for row in range(len(store))])
    old = open_store(tmp_path)
    want = PairSampler(store, MIX, 8, seed=0).batch(0)
    np.testing.assert_array_equal(PairSampler(old, MIX, 8, seed=0).batch(0).steps, want.steps)
    with pytest.raises(VidclError, match=r"pairs\.candidates at 1, or extract"):
        PairSampler(old, MIX.model_copy(update={"candidates": 2}), 8, seed=0)


def test_tracks_are_drawn_by_their_change(tmp_path):
    generator = np.random.default_rng(0)
    change = [0.0, 0.1, 0.3, 1.7, 0.6]
    rows = [
        make_row(i, generator, times=np.arange(3), change=value) for i, value in enumerate(change)
    ]
    write_shard(shard_path(tmp_path, 0), rows, {"canvas": CANVAS})
    store = open_store(tmp_path)
    config = PairConfig(weight="change", change_floor=0.2)
    sampler = PairSampler(store, config, 4, seed=0)
    drawn = np.concatenate([sampler.batch(step).rows for step in range(2500)])
    weights = np.array([0.2, 0.3, 0.5, 1.2, 0.8])
    shares = np.bincount(drawn, minlength=5) / len(drawn)
    np.testing.assert_allclose(shares, weights / weights.sum(), atol=0.01)
    again = PairSampler(store, config, 4, seed=0).batch(1234)
    np.testing.assert_array_equal(again.rows, drawn[1234 * 4 :][:4])


def test_a_still_image_is_a_track_of_length_one(tmp_path):
    generator = np.random.default_rng(0)
    rows = [make_row(i, generator, times=np.zeros(1), kind="image") for i in range(6)]
    rows += [make_row(6, generator, times=np.arange(4)), make_row(7, generator, times=np.arange(2))]
    write_shard(shard_path(tmp_path, 0), rows, {"canvas": CANVAS})
    store = open_store(tmp_path)
    assert len(TrackPool(store, StreamConfig(kind=["frame", "image"])).rows) == 8
    assert len(TrackPool(store, StreamConfig(kind="image", gap=(1, 2))).rows) == 6
    batch = PairSampler(store, PairConfig(candidates=3, weight="change"), 8, seed=0).batch(0)
    assert sorted(batch.rows) == list(range(8)) and not batch.gap.any()
    with pytest.raises(VidclError, match=r"no training track of kind region: it has \(kind"):
        TrackPool(store, StreamConfig(kind="region"))
    with pytest.raises(ValueError, match="at least 1 item"):
        StreamConfig(kind=())


def test_batches_are_split_by_share():
    assert split_batch(128, [0.5, 0.5]) == [64, 64]
    assert split_batch(10, [0.34, 0.33, 0.33]) == [4, 3, 3]
    with pytest.raises(VidclError, match="too small"):
        split_batch(1, [0.5, 0.5])
    with pytest.raises(ValueError, match="sum to 1"):
        PairConfig(streams=(StreamConfig(share=0.5),))


def test_held_out_videos_are_drawn_from_only_when_asked(tmp_path):
    store = make_store(tmp_path)
    held_out = set(store.select(kind="frame", split="test").tolist())
    assert held_out
    train = PairSampler(store, PairConfig(streams=(StreamConfig(kind="frame"),)), 8, seed=0)
    both = PairConfig(streams=(StreamConfig(kind="frame"),), splits=("train", "test"))
    everything = PairSampler(store, both, 8, seed=0)
    assert not held_out & set(train.rows.tolist())
    assert held_out < set(everything.rows.tolist())
