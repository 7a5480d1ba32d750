"""The benchmark of the driver's memory, on a few files."""

from benchmarks import driver_memory


def test_small_stores(tmp_path, capsys):
    rows = driver_memory.main(["--work", str(tmp_path), "--smoke", "--names", "30"])
    assert [row["run"] for row in rows] == ["first", "again", "grown"] * 2
    # 20 and 60 files of five segments each, eight segments in a shard, and one file more
    assert [row["shards_done"] for row in rows] == [13, 0, 1, 38, 0, 1]
    assert [row["videos"] for row in rows] == [20, 20, 21, 60, 60, 61]
    assert all(row["peak"] >= row["before"] > 0 for row in rows)
    said = capsys.readouterr().out
    assert "| 60 | first | 38 |" in said and "30 names listed" in said
