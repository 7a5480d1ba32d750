"""What the loader keeps in memory does not grow with the store."""

import errno
import os

import numpy as np
import pytest

from benchmarks import loader_memory
from benchmarks.sparse_store import Shape, write_sparse_store
from vidcl.errors import VidclError
from vidcl.tracks.store import open_store
from vidcl.training import pool, scratch
from vidcl.training.config import PairConfig, StreamConfig
from vidcl.training.pairs import PairSampler

MIB = 2**20


def on_disk(path):
    return sum(file.stat().st_blocks * 512 for file in path.rglob("*.arrow"))


def long(path):
    return sum(file.stat().st_size for file in path.rglob("*.arrow"))


def test_a_store_twenty_times_as_large_takes_the_same_memory(tmp_path, capsys):
    small, large = loader_memory.main(["--work", str(tmp_path), "--smoke"])
    grown = long(tmp_path / "400_MB") - long(tmp_path / "20_MB")
    assert grown > 360 * MIB and on_disk(tmp_path) < 20 * MIB
    assert large["crops"] == 20 * small["crops"]
    assert large["peak"] - small["peak"] < 24 * MIB
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6 and all(line.count("|") == 9 for line in lines[2:])


@pytest.mark.full
@pytest.mark.parametrize(
    ("small", "large"),
    [("1 GB", "20 GB"), ("1 GB, crops of 5 KB", "20 GB, crops of 5 KB")],
)
def test_twenty_gigabytes_take_the_memory_of_one(tmp_path, small, large):
    rows = []
    for name in (small, large):
        shape = loader_memory.STORES[name]
        path = write_sparse_store(tmp_path / name, shape)
        assert long(path) > 0.95e9 * (20 if name == large else 1)
        rows.append(loader_memory.measure(path, decode=shape.decodes, batch_size=32))
    assert on_disk(tmp_path) < 1e9
    # 24 KB for each of 320 record batches, 75 bytes for each of up to 250,000 tracks
    assert rows[1]["peak"] - rows[0]["peak"] < 48 * MIB


def test_the_crops_of_a_sparse_store_decode(tmp_path):
    shape = Shape(crops=60, crop_bytes=100_000, length=4, decodes=True)
    store = open_store(write_sparse_store(tmp_path, shape, shards=2))
    assert len(store) == 15 and len(store.crop(7, 3)) == 100_000
    assert all(store.crop(row, 0)[:2] == b"\xff\xd8" for row in range(15))
    assert long(tmp_path) > 6e6 > 4 * on_disk(tmp_path)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    shape = Shape(crops=3000, crop_bytes=100, length=12, decodes=False)
    return open_store(write_sparse_store(tmp_path_factory.mktemp("many"), shape))


@pytest.mark.parametrize("gap", [(0, 0), (0.2, 0.5), (1.05, 1.15), (5, 6)])
@pytest.mark.parametrize("candidates", [1, 3])
def test_where_the_index_lies_does_not_change_what_is_drawn(many, gap, candidates, monkeypatch):
    streams = (StreamConfig(kind="region", gap=gap),)
    config = PairConfig(streams=streams, candidates=candidates)
    whole = PairSampler(many, config, 64, seed=1)
    monkeypatch.setattr(pool, "PART", 100)
    monkeypatch.setattr(scratch, "LIMIT", 0)
    parts = PairSampler(many, config, 64, seed=1)
    for step in (0, 1, 500):
        a, b = whole.batch(step), parts.batch(step)
        for name in ("rows", "steps", "gap"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert whole.pools[0].fallbacks == parts.pools[0].fallbacks == (250 if gap[0] == 5 else 0)


def test_a_large_array_is_a_file_and_no_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch.tempfile, "tempdir", str(tmp_path))
    before = loader_memory.memory("RssAnon")
    array = scratch.scratch((8 * MIB, 2), np.int32)
    assert array.shape == (8 * MIB, 2) and array.dtype == np.int32 and not array[::1000].any()
    array[:] = np.arange(2, dtype=np.int32)
    assert array[:, 1].all() and not array[:, 0].any()
    assert loader_memory.memory("RssAnon") - before < 16 * MIB
    assert not list(tmp_path.iterdir())  # it has no name
    small = scratch.scratch(5, np.float64)
    small += 1
    assert small.tolist() == [1.0] * 5


def test_a_full_disk_is_told(monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(VidclError, match=r"needs 8 MiB in .* \(No space left on device\): make ro"):
        scratch.scratch(MIB, np.int64)
