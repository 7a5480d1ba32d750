"""The track store: what is written is what is read, and damage is told."""

import pickle
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pyarrow as pa
import pytest

from vidcl.errors import VidclError
from vidcl.tracks import store_writer
from vidcl.tracks.store import open_store
from vidcl.tracks.store_schema import SCHEMA, SCHEMAS, VERSION_KEY, TrackRow
from vidcl.tracks.store_writer import shard_path, write_shard
from vidcl.tracks.track import SCORES, Track

METADATA = {"canvas": 8, "follow_rate": 12.0, "configuration": {"crop": {"canvas": 8}}}


def make_row(rng: np.random.Generator, name: str, **changes) -> TrackRow:
    length = int(rng.integers(1, 7))
    track = Track(
        kind=changes.get("kind", "region"),
        proposer="motion",
        tracker=changes.get("tracker", "flow_cf"),
        shot=int(rng.integers(0, 3)),
        times=np.cumsum(rng.random(length)).astype(np.float32),
        boxes=rng.random((length, 4)).astype(np.float32),
        crop_boxes=rng.random((length, 4)).astype(np.float32),
        crops=[rng.bytes(int(rng.integers(0, 50))) for _ in range(length)],
        sizes=rng.integers(1, 60000, (length, 2)).astype(np.uint16),
        end_reason="cut",
        scores={key: rng.random(length).astype(np.float32) for key in SCORES},
        label=changes.get("label"),
    )
    split = changes.get("split", "train")
    return TrackRow(
        track_id=name,
        video_id="video",
        video="/a/b.mp4",
        split=split,
        change=np.float32(rng.random()).item(),
        changes=rng.random(length).astype(np.float32),
        track=track,
    )


def write_version_1(path, rows: list[TrackRow]) -> None:
    """A shard as vidcl wrote them before there was a column ``changes``."""
    write_shard(path, rows, METADATA)
    table = pa.ipc.open_file(str(path)).read_all()
    schema = SCHEMAS[1].with_metadata({**table.schema.metadata, VERSION_KEY: b"1"})
    with pa.ipc.new_file(str(path), schema) as writer:
        writer.write_table(table.drop_columns("changes").cast(schema))


@pytest.fixture
def rows() -> list[TrackRow]:
    rng = np.random.default_rng(0)
    changes = [
        {"kind": ("region", "frame")[k % 2], "split": ("train", "test")[k // 10], "label": label}
        for k, label in enumerate([None, "cat"] * 10)
    ]
    return [make_row(rng, f"video-0000-{k:05d}", **change) for k, change in enumerate(changes)]


@pytest.fixture
def store(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(store_writer, "BATCH_BYTES", 2000)  # several batches per shard
    write_shard(shard_path(tmp_path, 0), rows[:13], METADATA)
    write_shard(shard_path(tmp_path, 1), [], METADATA)
    write_shard(shard_path(tmp_path, 100000), rows[13:], METADATA)
    return open_store(tmp_path)


def assert_same(one: TrackRow, other: TrackRow) -> None:
    pairs = [(f.name, getattr(one, f.name), getattr(other, f.name)) for f in fields(TrackRow)]
    pairs.remove(("track", one.track, other.track))
    pairs += [
        (f.name, getattr(one.track, f.name), getattr(other.track, f.name)) for f in fields(Track)
    ]
    for name, a, b in pairs:
        if name == "scores":
            assert a.keys() == b.keys() and all((a[key] == b[key]).all() for key in a)
        elif isinstance(a, np.ndarray):
            assert a.dtype == b.dtype and np.array_equal(a, b), name
        else:
            assert a == b, name


def test_rows_come_back_as_they_were(store, rows):
    assert len(store) == len(rows) == 20
    assert len(store.blocks) > 3
    for number, row in enumerate(rows):
        assert_same(store.read_row(number), row)
        assert store.track_id(number) == row.track_id
        for step in range(-len(row.track), len(row.track)):
            assert store.crop(number, step) == row.track.crops[step]
    assert_same(store.read_row(-1), rows[-1])
    assert store.metadata == METADATA and store.canvas == 8 and store.has_changes


def test_plain_columns_and_lengths(store, rows):
    table = store.table_without_crops()
    assert table.num_rows == 20 and "crops" not in table.column_names
    assert table["length"].to_pylist() == [len(row.track) for row in rows]
    assert store.lengths.tolist() == table["length"].to_pylist()
    assert store.label.tolist() == [row.track.label for row in rows]
    assert store.kind.tolist() == [row.track.kind for row in rows]
    assert store.change.tolist() == [row.change for row in rows]


def test_select_is_the_obvious_filter(store, rows):
    for kind in (None, "region", ("region", "frame"), "image"):
        for split in (None, "test"):
            for least in (1, 4):
                wanted = [
                    k
                    for k, row in enumerate(rows)
                    if (kind is None or row.track.kind in kind)
                    and (split is None or row.split == split)
                    and len(row.track) >= least
                ]
                assert store.select(kind=kind, split=split, min_length=least).tolist() == wanted


def test_a_pickled_store_keeps_its_shards(store, rows, tmp_path):
    data = pickle.dumps(store)
    assert len(data) < 1000
    write_shard(shard_path(tmp_path, 2), rows[:1], METADATA)
    again = pickle.loads(data)
    assert again.shards == store.shards and len(again) == 20
    assert again.crop(19, 0) == store.crop(19, 0)
    assert len(open_store(tmp_path)) == 21


def test_a_step_that_is_not_there(store):
    for step in (int(store.lengths[0]), -int(store.lengths[0]) - 1):
        with pytest.raises(IndexError, match="none at"):
            store.crop(0, step)


def test_plain_arrow_reads_a_shard(store, rows, tmp_path):
    table = pa.ipc.open_file(pa.memory_map(str(shard_path(tmp_path, 0)))).read_all()
    assert table.schema.equals(SCHEMA)
    assert table["crops"][3].as_py() == rows[3].track.crops
    assert table["boxes"][3].as_py() == rows[3].track.boxes.tolist()


def test_batches_stay_below_their_limit(store):
    for block in store.blocks:
        assert block.batch.nbytes < 3000 or block.batch.num_rows == 1


def test_two_writes_give_the_same_bytes(rows, tmp_path):
    for number in (0, 1):
        write_shard(shard_path(tmp_path, number), rows, METADATA)
    assert shard_path(tmp_path, 0).read_bytes() == shard_path(tmp_path, 1).read_bytes()


def test_an_interrupted_write_leaves_the_old_shard(rows, tmp_path):
    path = shard_path(tmp_path, 0)
    write_shard(path, rows[:3], METADATA)

    def broken():
        yield rows[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shard(path, broken(), METADATA)
    assert len(open_store(tmp_path)) == 3
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_half_written_files_are_not_looked_at(store, tmp_path):
    (tmp_path / "shards" / ".shard-00007.arrow.x.tmp").write_bytes(b"half")
    (tmp_path / "shards" / "shard-00007.json").write_text("{}")
    assert len(open_store(tmp_path)) == 20


def test_rows_whose_arrays_disagree_are_refused(rows, tmp_path):
    rows[0].track.boxes = rows[0].track.boxes[:-1]
    with pytest.raises(ValueError, match="boxes has shape"):
        write_shard(shard_path(tmp_path, 0), rows, METADATA)


def test_what_is_no_store_says_so(tmp_path, rows):
    with pytest.raises(VidclError, match="There is no track store at"):
        open_store(tmp_path / "nowhere")
    with pytest.raises(VidclError, match="has no folder 'shards'"):
        open_store(tmp_path)
    (tmp_path / "shards").mkdir()
    with pytest.raises(VidclError, match="has no shard yet"):
        open_store(tmp_path)
    write_shard(shard_path(tmp_path, 0), [], METADATA)
    with pytest.raises(VidclError, match="holds no tracks"):
        open_store(tmp_path)


@pytest.mark.parametrize("keep", [0, 5, 0.5, 0.99])
def test_a_damaged_shard_says_what_to_do(keep, store, tmp_path):
    path = shard_path(tmp_path, 0)
    data = path.read_bytes()
    path.write_bytes(data[: keep if isinstance(keep, int) else int(len(data) * keep)])
    with pytest.raises(VidclError, match=r"is damaged or not an Arrow file .* delete it and run"):
        open_store(tmp_path)


def test_a_newer_schema_and_foreign_files_are_refused(tmp_path):
    path = shard_path(tmp_path, 0)
    path.parent.mkdir()
    for metadata, words in [({VERSION_KEY: b"3"}, "newer vidcl"), ({}, "no shard of a track")]:
        with pa.ipc.new_file(str(path), SCHEMA.with_metadata(metadata)):
            pass
        with pytest.raises(VidclError, match=words):
            open_store(tmp_path)
    strange = [pa.schema([("a", pa.int8())], {VERSION_KEY: version}) for version in (b"1", b"2")]
    for schema in [*strange, SCHEMA.with_metadata({VERSION_KEY: b"0"})]:
        with pa.ipc.new_file(str(path), schema):
            pass
        with pytest.raises(VidclError, match="does not have the columns"):
            open_store(tmp_path)


def test_shards_of_version_1_are_read_and_have_no_changes(rows, tmp_path):
    write_version_1(shard_path(tmp_path, 0), rows[:8])
    old = open_store(tmp_path)
    write_shard(shard_path(tmp_path, 1), rows[8:], METADATA)
    store = open_store(tmp_path)  # old and new shards side by side
    assert not old.has_changes and not store.has_changes
    for number, row in enumerate(rows):
        there = store.read_row(number)
        if number < 8:
            assert there.changes.shape == (len(row.track),) and not there.changes.any()
            there.changes = row.changes
        assert_same(there, row)


def test_changes_are_refused_where_they_disagree_with_the_track(rows, tmp_path):
    rows[0].changes = rows[0].changes[:-1]
    with pytest.raises(ValueError, match="changes has shape"):
        write_shard(shard_path(tmp_path, 0), rows, METADATA)


def test_shards_of_two_stores_do_not_mix(rows, tmp_path):
    write_shard(shard_path(tmp_path, 0), rows[:2], METADATA)
    write_shard(shard_path(tmp_path, 1), rows[2:], {"canvas": 16})
    with pytest.raises(VidclError, match="canvas of 16 px"):
        open_store(tmp_path)


MAPPED = """
import resource, sys
from vidcl.errors import VidclError
from vidcl.tracks.store import open_store

resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
try:
    open_store(sys.argv[1])
except VidclError as error:
    print(error)
"""


def test_too_many_maps_are_no_damage(tmp_path, rows):
    write_shard(shard_path(tmp_path, 0), rows, METADATA)
    with open(shard_path(tmp_path, 0), "r+b") as file:
        file.truncate(20 * 2**30)  # a hole: larger than the process may map
    run = subprocess.run(
        [sys.executable, "-c", MAPPED, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "cannot be mapped" in run.stdout and "vidcl compact" in run.stdout
    assert "damaged" not in run.stdout and "delete" not in run.stdout


def test_writing_does_not_import_pandas(tmp_path):
    program = """
import sys
import numpy as np
from tests.tracks.test_store import METADATA, make_row
from vidcl.tracks.store_writer import write_shard

write_shard(sys.argv[1], [make_row(np.random.default_rng(0), "a", label="b")], METADATA)
assert "pandas" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "shard.arrow")], check=True)
