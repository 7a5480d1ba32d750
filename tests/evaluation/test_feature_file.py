"""Features on disk: what is read equals what was written, whatever the blocks and row groups."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.invariance import write_table
from vidcl.errors import VidclError
from vidcl.evaluation.feature_file import (
    ArrayFeatures,
    Labels,
    NpyFeatures,
    ParquetFeatures,
    as_labels,
    as_source,
    columns_within,
)
from vidcl.evaluation.invariance.blocks import RowsOf, unit_block
from vidcl.evaluation.table import embedding_table, write_embeddings

MIB = 2**20


def rows_and_labels(count=50, units=6):
    features = np.random.default_rng(0).standard_normal((count, units)).astype(np.float32)
    return features, np.array([f"o{k % 7}" for k in range(count)])


def parquet(path, features, labels, group):
    table = embedding_table(features, {"instance": labels, "n": np.arange(len(labels))}, {"a": 1})
    pq.write_table(table, path, row_group_size=group)
    return ParquetFeatures(path)


@pytest.fixture(params=["array", "npy", "parquet of one group", "parquet of small groups"])
def source_and_rows(request, tmp_path):
    features, labels = rows_and_labels()
    if request.param == "array":
        return ArrayFeatures(features), features
    if request.param == "npy":
        np.save(tmp_path / "f.npy", features)
        return NpyFeatures(tmp_path / "f.npy"), features
    group = 50 if request.param == "parquet of one group" else 9
    return parquet(tmp_path / "f.parquet", features, labels, group), features


@pytest.mark.parametrize("rows_per_read", [8192, 4, 1])
def test_yields_the_rows_asked_for(source_and_rows, rows_per_read, monkeypatch):
    source, features = source_and_rows
    monkeypatch.setattr("vidcl.evaluation.feature_file.ROWS_PER_READ", rows_per_read)
    assert (source.rows, source.units, source.dtype) == (50, 6, np.float32)
    for start, stop in ((0, None), (0, 1), (8, 10), (9, 18), (17, 50), (49, 50), (20, 20)):
        parts = [np.empty((0, 6)), *source.batches(start, stop)]
        assert (np.concatenate(parts) == features[start:stop]).all()
        assert all(len(part) <= rows_per_read for part in parts)


def test_columns_become_rows(source_and_rows, monkeypatch):
    source, features = source_and_rows
    monkeypatch.setattr("vidcl.evaluation.invariance.blocks.ROWS_PER_TILE", 7)
    block = unit_block(source, 1, 4)
    assert (block == features[:, 1:4].T).all()
    assert block.flags.c_contiguous and block.dtype == np.float32


def test_some_rows_of_a_source(source_and_rows):
    source, features = source_and_rows
    wanted = np.random.default_rng(1).random(50) < 0.4
    part = RowsOf(source, wanted)
    assert part.rows == wanted.sum()
    assert (np.concatenate(list(part.batches())) == features[wanted]).all()
    assert (np.concatenate(list(part.batches(3, 9))) == features[wanted][3:9]).all()
    assert (unit_block(part, 2, 6) == features[wanted, 2:6].T).all()
    assert list(RowsOf(source, np.zeros(50, bool)).batches()) == []


def test_labels_are_numbered_as_numpy_sorts_them(tmp_path):
    features, labels = rows_and_labels()
    source = parquet(tmp_path / "f.parquet", features, labels, 9)
    assert source.columns == ["instance", "n"] and source.metadata == {"a": 1}
    for name, values in (("instance", labels), ("n", np.arange(50))):
        found = source.labels(name)
        names, codes = np.unique(values, return_inverse=True)
        assert (found.names == names).all() and (found.codes == codes).all()
    own = as_labels(source.labels("instance").select(np.array([3, 5, 3])))
    assert own.names.tolist() == ["o3", "o5"] and own.codes.tolist() == [0, 1, 0]
    assert as_labels(np.array(["b", "a"])).codes.tolist() == [1, 0]
    assert isinstance(as_labels(found), Labels)


def test_blocks_fit_the_memory_they_are_given(tmp_path):
    features, labels = rows_and_labels()
    write_embeddings(embedding_table(features, {"instance": labels}, {}), tmp_path / "f.parquet")
    assert ParquetFeatures(tmp_path / "f.parquet", 3 * 4 * 50).block_columns == 3
    assert columns_within(10, 50, np.dtype(np.float32)) == 1
    np.save(tmp_path / "d.npy", features.astype(np.float64))
    assert NpyFeatures(tmp_path / "d.npy", 3 * 8 * 50).block_columns == 3
    source = ArrayFeatures(features)
    assert as_source(source) is source


def test_says_what_is_wrong_with_a_file(tmp_path):
    features, _ = rows_and_labels()
    with pytest.raises(VidclError, match="There are no embeddings at"):
        ParquetFeatures(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("no table")
    with pytest.raises(VidclError, match="is not a Parquet file"):
        ParquetFeatures(tmp_path / "text.parquet")
    pq.write_table(pa.table({"n": [1]}), tmp_path / "n.parquet")
    with pytest.raises(VidclError, match="no column 'feature'"):
        ParquetFeatures(tmp_path / "n.parquet")
    pq.write_table(pa.table({"feature": [[1.0], [1.0, 2.0]]}), tmp_path / "l.parquet")
    with pytest.raises(VidclError, match="fixed-size float lists"):
        ParquetFeatures(tmp_path / "l.parquet")
    kind = pa.list_(pa.float32(), 2)
    holes = pa.table({"feature": pa.array([[1, 2], None], kind), "c": ["a", None]})
    pq.write_table(holes, tmp_path / "holes.parquet")
    source = ParquetFeatures(tmp_path / "holes.parquet")
    with pytest.raises(VidclError, match="rows without a feature"):
        list(source.batches())
    with pytest.raises(VidclError, match="rows without 'c'"):
        source.labels("c")
    with pytest.raises(VidclError, match="no label column 'x'; it has: c"):
        source.labels("x")
    np.save(tmp_path / "f.npy", np.asfortranarray(features))
    with pytest.raises(VidclError, match="C order"):
        NpyFeatures(tmp_path / "f.npy")
    (tmp_path / "bad.npy").write_bytes(b"no array")
    with pytest.raises(VidclError, match=r"not a \.npy file"):
        NpyFeatures(tmp_path / "bad.npy")
    np.save(tmp_path / "short.npy", features)
    source = NpyFeatures(tmp_path / "short.npy")
    with open(tmp_path / "short.npy", "r+b") as file:
        file.truncate(400)
    with pytest.raises(VidclError, match="ends before its row"):
        list(source.batches())
    with pytest.raises(VidclError, match="NaN or infinite"):
        unit_block(ArrayFeatures(np.full((3, 2), np.inf)), 0, 2)


CHILD = """
import sys
from benchmarks.invariance import peak_memory
from vidcl.evaluation.feature_file import {kind}
from vidcl.evaluation.invariance.ris import ris
import numpy as np
source = {kind}(sys.argv[1], block_bytes={block})
sets = np.arange(source.rows) * 2000 // source.rows
ris(source, sets, sets // 4, bootstrap=200)
print(peak_memory(), "torch" in sys.modules)
"""


def peak(path, kind, block):
    code = CHILD.format(kind=kind, block=block)
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    memory, torch = run.stdout.split()
    assert torch == "False"
    return float(memory)


@pytest.mark.parametrize("kind", ["ParquetFeatures", "NpyFeatures"])
def test_memory_stays_below_the_size_of_the_features(tmp_path, kind):
    """150,000 x 128 float32 are 73 MiB; the cap of 600 MB for 1,000,000 x 256 stands to them as
    43 MiB to these, above what the program itself takes."""
    files = {}
    for name, rows in (("large", 150_000), ("small", 8_000)):
        path = files[name] = tmp_path / f"{name}.parquet"
        if kind == "ParquetFeatures":
            write_table(path, rows, 128, 2_000, 8_192)
        else:
            generator = np.random.default_rng(0)
            mapped = np.lib.format.open_memmap(path, "w+", np.float32, (rows, 128))
            for first in range(0, rows, 10_000):
                part = mapped[first : first + 10_000]
                part[:] = generator.standard_normal(part.shape, dtype=np.float32)
            del mapped
    large, small = (peak(files[name], kind, 6 * MIB) for name in ("large", "small"))
    assert large - small < 43


@pytest.mark.full
@pytest.mark.parametrize("what", ["ris", "all"])
def test_a_million_rows_stay_below_600_mb(tmp_path, what):
    from benchmarks.invariance import measure_apart

    path = tmp_path / "features.parquet"
    write_table(path, 1_000_000, 256, 30_000, 8_192)
    assert measure_apart(path, what)["peak"] * MIB < 600e6
