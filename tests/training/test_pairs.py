"""The pair sampler against brute-force enumeration."""

from collections import Counter

import numpy as np
import pytest

from tests.training.making import CANVAS, make_row, make_store
from vidcl.errors import VidclError
from vidcl.tracks.store import open_store
from vidcl.tracks.store_writer import shard_path, write_shard
from vidcl.training.config import PairConfig, StreamConfig
from vidcl.training.pairs import Deck, PairSampler, TrackPool, split_batch


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
    with pytest.raises(VidclError, match=r"given.*it has"):
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


def test_a_tiny_deck_is_dealt_many_times_in_one_batch():
    deck = Deck(None, 3, (0, 0))
    cards = deck.draw(2, 11, np.random.default_rng(0))
    whole = deck.draw(0, 15, np.random.default_rng(0))
    np.testing.assert_array_equal(cards, whole[2:13])
    assert all(sorted(whole[i : i + 3]) == [0, 1, 2] for i in range(0, 15, 3))


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
