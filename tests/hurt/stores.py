"""Compare stores row for row, and look for what a run should not leave behind."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from vidcl.tracks.extraction.videos import read_videos
from vidcl.tracks.store import open_store


@dataclass(frozen=True)
class Whole:
    """An undisturbed extraction.

    Attributes:
        clips: folder of its videos.
        store: what came out.
        seconds: that it took, from start to exit.
    """

    clips: Path
    store: Path
    seconds: float


def check_same(store: Path, whole: Path) -> None:
    """The same shards with the same rows in the same order, every column of them, crops' bytes
    included; the same table of videos but for the seconds; and no half files.

    Raises:
        AssertionError: names the first difference.
    """
    ours, theirs = open_store(store), open_store(whole)
    assert ours.shards == theirs.shards
    for name in ours.shards:
        _check_same_table(_shard(store, name), _shard(whole, name), name)
    there, wanted = videos(store), videos(whole)
    assert there.keys() == wanted.keys()
    assert there == wanted, [
        (name, field, there[name][field], wanted[name][field])
        for name in there
        for field in wanted[name]
        if there[name][field] != wanted[name][field]
    ]
    check_tidy(store)


def check_tidy(store: Path) -> None:
    """No half-written file lies in the store.

    Raises:
        AssertionError: names those that do.
    """
    hidden = [p for p in store.rglob(".*") if p.name != ".lock"]
    assert not [*hidden, *store.rglob("*.tmp")]


def videos(store: Path) -> dict[str, dict[str, Any]]:
    """Name of the file -> its row of ``videos.parquet``, without the seconds it took."""
    rows = read_videos(store).to_pylist()
    return {Path(row["path"]).name: {k: row[k] for k in row if k != "seconds"} for row in rows}


def statuses(store: Path) -> dict[str, tuple[str, str | None]]:
    """Name of the file -> status and kind of fault."""
    return {name: (row["status"], row["error"]) for name, row in videos(store).items()}


def shards(store: Path) -> list[Path]:
    """The shard files that are there."""
    return sorted(store.glob("shards/*.arrow"))


def size_of(store: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in store.rglob("*") if path.is_file())


def _shard(store: Path, name: str) -> pa.Table:
    with pa.ipc.open_file(store / "shards" / name) as reader:
        return reader.read_all()


def _check_same_table(ours: pa.Table, theirs: pa.Table, name: str) -> None:
    assert ours.schema.equals(theirs.schema, check_metadata=True), name
    assert len(ours) == len(theirs), name
    for column in theirs.schema.names:
        mine, other = ours[column].combine_chunks(), theirs[column].combine_chunks()
        wrong = next((k for k in range(len(other)) if mine[k] != other[k]), None)
        assert wrong is None, f"{name}: column {column} of row {wrong} differs"
