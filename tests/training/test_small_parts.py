import math
import threading
import time

import numpy as np
import pytest
import torch

from tests.training.making import make_store
from vidcl.errors import VidclError
from vidcl.models.jpeg import decode_jpegs
from vidcl.tracks.store import open_store
from vidcl.training.config import PairConfig, StreamConfig, TrainingConfig
from vidcl.training.crops import Crops
from vidcl.training.optimizer import build_optimizer, learning_rate
from vidcl.training.pairs import PairBatch, PairSampler
from vidcl.training.prefetch import prefetch


def test_learning_rates():
    config = TrainingConfig(steps=100, lr=1.0, warmup_steps=10)
    assert learning_rate(config, 0) == 0.1 and learning_rate(config, 9) == 1.0
    assert learning_rate(config, 10) == 1.0
    assert learning_rate(config, 55) == pytest.approx(0.5)
    assert learning_rate(config, 99) == pytest.approx(0.5 * (1 + math.cos(math.pi * 89 / 90)))
    flat = TrainingConfig(steps=100, lr=1.0, schedule="constant")
    assert learning_rate(flat, 99) == 1.0
    stairs = TrainingConfig(steps=100, lr=1.0, schedule="step", warmup_steps=2)
    rates = [learning_rate(stairs, step) for step in (0, 2, 59, 60, 79, 80, 99)]
    assert rates == pytest.approx([0.5, 1, 1, 0.1, 0.1, 0.01, 0.01])


def test_lars_makes_steps_in_proportion_to_the_weights():
    """You et al. 2017, eq. 6: the first step is lr * trust * |w| / |g + wd w| * (g + wd w)."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(4, 3, bias=False)
    config = TrainingConfig(optimizer="lars", lr=2.0, momentum=0.9, weight_decay=1e-2)
    optimizer = build_optimizer(layer, config)
    before = layer.weight.detach().clone()
    layer(torch.ones(2, 4)).square().sum().backward()
    gradient = layer.weight.grad + 1e-2 * before
    ratio = 0.001 * before.norm() / (layer.weight.grad.norm() + 1e-2 * before.norm())
    optimizer.step()
    torch.testing.assert_close(layer.weight.detach(), before - 2.0 * ratio * gradient)


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_prefetch_keeps_the_order_and_passes_errors_on(depth):
    assert list(prefetch(lambda step: step * 2, 3, 9, depth)) == [6, 8, 10, 12, 14, 16]

    def broken(step):
        if step == 2:
            raise ValueError("step 2")
        return step

    seen = []
    with pytest.raises(ValueError, match="step 2"):
        for item in prefetch(broken, 0, 5, depth):
            seen.append(item)
    assert seen == [0, 1]


def test_closing_a_prefetch_ends_its_thread():
    before = threading.active_count()
    batches = prefetch(lambda step: step, 0, 10**6, 2)
    assert next(batches) == 0
    assert threading.active_count() == before + 1
    batches.close()
    time.sleep(0)
    assert threading.active_count() == before


@pytest.mark.parametrize("cache", [0, 10**9])
def test_crops_are_the_stores(tmp_path, cache):
    store = make_store(tmp_path)
    config = PairConfig(streams=(StreamConfig(kind="region", gap=(0.2, 1.0)),))
    sampler = PairSampler(store, config, 6, seed=0)
    crops = Crops(store, sampler.rows, torch.device("cpu"), cache)
    assert crops.cached == (cache > 0)
    for step in (0, 1, 5, 1):
        pairs = sampler.batch(step)
        batch = crops.read(pairs)
        got, shown = crops.finish(batch)
        np.testing.assert_array_equal(shown.rows, pairs.rows)
        files = [
            store.crop(int(r), int(s))
            for side in (0, 1)
            for r, s in zip(pairs.rows, pairs.steps[:, side], strict=True)
        ]
        assert torch.equal(got, decode_jpegs(files, canvas=store.canvas))
        np.testing.assert_array_equal(batch.sizes, np.tile([[48, 32]], (12, 1)))


@pytest.mark.parametrize("cache", [0, 10**9])
def test_crops_that_do_not_decode_give_way_and_are_counted(tmp_path, cache):
    store = make_store(tmp_path)
    shard = tmp_path / "shards" / store.shards[0]
    data = bytearray(shard.read_bytes())
    spoilt = [(1, 0), (1, 3), (2, 5)]
    for row, step in spoilt:
        file = store.crop(row, step)
        at = data.find(file)
        data[at : at + len(file)] = bytes(len(file))
    shard.write_bytes(data)
    store = open_store(tmp_path)
    rows, steps = np.array([0, 1, 2, 3]), np.array([[0, 1], [0, 2], [5, 5], [4, 4]])
    pairs = PairBatch(rows, steps, np.zeros(4, np.int64), np.zeros(4))
    known = np.arange(len(store))
    crops = Crops(store, known, torch.device("cpu"), cache, max_bad=2)
    with pytest.warns(UserWarning) as warned:
        images, shown = crops.finish(crops.read(pairs))
    told = [str(w.message)[:22] for w in warned if str(w.message).startswith("crop")]
    assert told == ["crop 0 of track v0-0-1", "crop 5 of track v0-0-2"]
    assert shown.rows.tolist() == [0, 3, 3, 3]  # the next good one
    files = [store.crop(*rs) for rs in [(0, 0), *[(3, 4)] * 3, (0, 1), *[(3, 4)] * 3]]
    assert torch.equal(images, decode_jpegs(files, canvas=store.canvas))
    # once known, they are not reported again, and a batch without them is as it was
    again, shown = crops.finish(crops.read(pairs))
    assert torch.equal(images, again)
    clean = PairBatch(rows[[0, 3]], steps[[0, 3]], np.zeros(2, np.int64), np.zeros(2))
    assert crops.finish(crops.read(clean))[1].rows.tolist() == [0, 3]
    third = PairBatch(rows[:2], np.array([[0, 1], [3, 2]]), np.zeros(2, np.int64), np.zeros(2))
    with pytest.raises(VidclError, match=r"More than 2 crops .* --training.max-bad-crops"):
        crops.finish(crops.read(third))
    only = PairBatch(rows[1:3], steps[1:3], np.zeros(2, np.int64), np.zeros(2))
    with pytest.raises(VidclError, match="No pair of a whole batch"):
        crops.finish(crops.read(only))
