"""``benchmarks/store.py`` on a small store."""

import hashlib
from pathlib import Path

import pytest

from benchmarks import store as benchmark
from tests.tracks.test_compact import make_store
from vidcl.tracks.store import open_store


@pytest.fixture
def store(tmp_path) -> Path:
    make_store(tmp_path / "store", (4, 5, 0, 6, 3))
    return tmp_path / "store"


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_store_is_measured_beside_its_compacted_copy(store, capsys):
    before = hashes(store)
    words = [str(store), "--pairs", "50", "--repeats", "2"]
    assert benchmark.main([*words, "--compacted"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[:2] for line in lines if line.startswith("| as")] == [
        ["| as it is", "5"]
    ]
    assert any(line.startswith("| compacted | 1 |") for line in lines)
    assert "Compacting 5 of 5 shards to 1" in lines[-1]
    assert hashes(store) == before and list(store.parent.iterdir()) == [store]
    assert benchmark.main(words) == 0
    assert "compacted" not in capsys.readouterr().out


def test_the_copy_has_the_same_rows(store):
    with benchmark.compacted(store) as (copy, report):
        assert report.after == 1
        ids = open_store(copy).column("track_id").tolist()
        assert ids == open_store(store).column("track_id").tolist()


def test_no_store_is_one_sentence(tmp_path, capsys):
    assert benchmark.main([str(tmp_path / "nowhere")]) == 1
    assert "no track store" in capsys.readouterr().err
