"""Exported tracks read back by other tools hold what the store holds."""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.tracks.test_store import METADATA, make_row, write_version_1
from vidcl.cli import main
from vidcl.errors import VidclError
from vidcl.tracks import export, store_writer
from vidcl.tracks.export import export_tracks
from vidcl.tracks.store import TrackStore, open_store
from vidcl.tracks.store_writer import shard_path, write_shard
from vidcl.tracks.track import SCORES

LABELS = (None, "cat", 'say "no", then\ngo', "=1+1")


@pytest.fixture
def store(tmp_path, monkeypatch) -> TrackStore:
    monkeypatch.setattr(store_writer, "BATCH_BYTES", 3000)  # several batches per shard
    rng = np.random.default_rng(0)
    rows = [
        make_row(
            rng,
            f"video-0000-{k:05d}",
            kind=("region", "frame")[k % 2],
            split=("train", "test")[k // 20],
            label=LABELS[k % 4],
        )
        for k in range(30)
    ]
    folder = tmp_path / "store"
    write_shard(shard_path(folder, 0), rows[:13], METADATA)
    write_shard(shard_path(folder, 1), [], METADATA)
    write_shard(shard_path(folder, 2), rows[13:], METADATA)
    return open_store(folder)


def steps_of(store: TrackStore, rows: np.ndarray, crops: bool) -> list[dict]:
    """The exported steps, made one by one."""
    steps = []
    for row in map(int, rows):
        plain = store.table_without_crops().slice(row, 1).to_pylist()[0]
        del plain["length"]
        for step in range(int(store.lengths[row])):
            box, seen = store.boxes(row)[step].tolist(), store.crop_boxes(row)[step].tolist()
            size = store.sizes(row)[step].tolist()
            steps.append(
                plain
                | {"step": step, "time": store.times(row)[step].item()}
                | dict(zip(("x0", "y0", "x1", "y1"), box, strict=True))
                | dict(zip(("crop_x0", "crop_y0", "crop_x1", "crop_y1"), seen, strict=True))
                | dict(zip(("width", "height"), size, strict=True))
                | {name: store.scores(row)[name][step].item() for name in SCORES}
                | {"step_change": store.changes(row)[step].item()}
                | ({"crop": store.crop(row, step)} if crops else {})
            )
    return steps


@pytest.mark.parametrize("crops", [False, True])
@pytest.mark.parametrize(
    "chosen", [{}, {"kind": "region"}, {"kind": "frame", "split": "test"}, {"split": "train"}]
)
def test_a_step_is_a_row(store, tmp_path, monkeypatch, crops, chosen):
    monkeypatch.setattr(export, "GROUP_ROWS", 20)
    out = tmp_path / "steps.parquet"
    done = export_tracks(store.path, out, per="step", crops=crops, **chosen)
    wanted = steps_of(store, store.select(**chosen), crops)
    table = pq.read_table(out)
    assert table.to_pylist() == wanted
    assert (done.tracks, done.steps, done.files) == (
        len(store.select(**chosen)), len(wanted), 1
    )  # fmt: skip
    assert done.bytes == out.stat().st_size
    assert pq.ParquetFile(out).num_row_groups > 1 or len(wanted) <= 20
    assert table.schema.metadata[b"vidcl_metadata"]


@pytest.mark.parametrize("crops", [False, True])
@pytest.mark.parametrize("chosen", [{}, {"kind": "region"}])
def test_a_track_is_a_row_of_lists(store, tmp_path, crops, chosen):
    out = tmp_path / "tracks.parquet"
    export_tracks(store.path, out, crops=crops, **chosen)
    rows = store.select(**chosen)
    table = pq.read_table(out).to_pylist()
    assert [row.pop("length") for row in table] == store.lengths[rows].tolist()
    steps = []
    for row in table:
        lists = {name: value for name, value in row.items() if isinstance(value, list)}
        plain = {name: value for name, value in row.items() if name not in lists}
        for step, values in enumerate(zip(*lists.values(), strict=True)):
            steps.append(plain | {"step": step} | dict(zip(lists, values, strict=True)))
    assert steps == steps_of(store, rows, crops)


def test_duckdb_and_pandas_read_it(store, tmp_path):
    tracks, steps = tmp_path / "tracks.parquet", tmp_path / "steps.parquet"
    export_tracks(store.path, tracks, crops=True)
    export_tracks(store.path, steps, per="step", crops=True)
    flat = pd.DataFrame(steps_of(store, np.arange(len(store)), crops=True))

    with duckdb.connect() as database:
        count, crops = database.execute(
            f"select count(*), sum(octet_length(crop)) from '{steps}' where kind = 'region'"
        ).fetchone()
        regions = flat[flat["kind"] == "region"]
        assert count == len(regions) and crops == regions["crop"].map(len).sum()
        longest = database.execute(
            f"select track_id, length, list_max(time) from '{tracks}' order by 2 desc, 1 limit 3"
        ).fetchall()
        lasts = flat.groupby("track_id").agg(length=("time", "size"), last=("time", "max"))
        lasts = lasts.reset_index().sort_values(["length", "track_id"], ascending=[False, True])
        assert longest == list(lasts.head(3).itertuples(index=False, name=None))
        unnested = database.execute(
            "select track_id, unnest(time), unnest(x0), unnest(total), unnest(crop) "
            f"from '{tracks}'"
        ).fetchall()
        columns = ["track_id", "time", "x0", "total", "crop"]
        assert unnested == list(flat[columns].itertuples(index=False, name=None))

    frame = pd.read_parquet(steps)
    assert len(frame) == len(flat) and list(frame.columns) == list(flat.columns)
    for name in frame.columns:
        column = frame[name]
        assert column.isna().tolist() == flat[name].isna().tolist(), name
        there = column.notna()
        assert column[there].tolist() == flat[name][there].tolist(), name
    listed = pd.read_parquet(tracks)
    assert [len(times) for times in listed["time"]] == store.lengths.tolist()
    assert listed["crop"][3][0] == store.crop(3, 0)


def test_csv_keeps_quotes_and_numbers(store, tmp_path):
    out = tmp_path / "steps.csv"
    export_tracks(store.path, out, format="csv", per="step")
    wanted = steps_of(store, np.arange(len(store)), crops=False)
    frame = pd.read_csv(out, keep_default_na=False, na_values={"step_change": [""]})
    assert len(frame) == len(wanted) and list(frame.columns) == list(wanted[0])
    for name in frame.columns:
        values = [row[name] for row in wanted]
        if frame[name].dtype.kind in "fiu":
            assert np.array_equal(frame[name].astype(np.float32), np.float32(values)), name
        else:
            assert frame[name].tolist() == ["" if value is None else value for value in values]


def test_files_of_a_folder_cut_no_track(store, tmp_path):
    out = tmp_path / "parts"
    for per, limit in (("track", 7), ("step", 10), ("step", 1)):
        done = export_tracks(
            store.path, out, per=per, rows_per_file=limit, overwrite=True, kind="region"
        )
        files = sorted(out.iterdir())
        assert [path.name for path in files] == [f"part-{k:05d}.parquet" for k in range(done.files)]
        tables = [pq.read_table(path).to_pylist() for path in files]
        ids = [{row["track_id"] for row in table} for table in tables]
        assert sum(map(len, ids)) == len(set.union(*ids)) == 15
        for table, names in zip(tables, ids, strict=True):
            assert len(table) <= limit or len(names) == 1
        whole = tmp_path / "whole.parquet"
        export_tracks(store.path, whole, per=per, kind="region", overwrite=True)
        assert [row for table in tables for row in table] == pq.read_table(whole).to_pylist()
        assert done.files > 2


def test_changes_that_were_not_measured_are_null(store, tmp_path):
    rows = [store.read_row(row) for row in range(len(store))]
    old = tmp_path / "old"
    write_version_1(shard_path(old, 0), rows[:5])
    write_shard(shard_path(old, 1), rows[5:], METADATA)
    out = tmp_path / "steps.parquet"
    export_tracks(old, out, per="step")
    first = int(store.lengths[:5].sum())
    changes = pq.read_table(out)["step_change"]
    assert changes.slice(0, first).null_count == first and changes.null_count == first


def test_what_is_there_is_not_lost(store, tmp_path):
    out = tmp_path / "tracks.parquet"
    out.write_text("mine")
    with pytest.raises(VidclError, match="--overwrite"):
        export_tracks(store.path, out)
    assert out.read_text() == "mine"
    export_tracks(store.path, out, overwrite=True)
    assert pq.read_table(out).num_rows == 30
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "letter.txt").write_text("dear")
    with pytest.raises(VidclError, match="not replaced"):
        export_tracks(store.path, folder, rows_per_file=5, overwrite=True)
    with pytest.raises(VidclError, match="is a folder"):
        export_tracks(store.path, folder, overwrite=True)
    assert (folder / "letter.txt").read_text() == "dear"
    with pytest.raises(VidclError, match="is a file"):
        export_tracks(store.path, out, rows_per_file=5, overwrite=True)


def test_an_export_that_fails_leaves_nothing(store, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export, "exported", full)
    out = tmp_path / "out" / "tracks.parquet"
    for rows_per_file in (None, 5):
        with pytest.raises(VidclError, match="No space left"):
            export_tracks(store.path, out, rows_per_file=rows_per_file)
        assert not list(out.parent.iterdir())


def test_the_command_says_what_it_wrote(store, tmp_path, capsys):
    out = tmp_path / "steps.csv"
    words = ["export-tracks", str(store.path), "--out", str(out), "--format", "csv"]
    assert main(words) == 0
    assert f"30 tracks with {int(store.lengths.sum())} steps in 1 file" in capsys.readouterr().out
    assert main(words) == 1
    assert "--overwrite" in capsys.readouterr().err
    for wrong, text in (
        (["--crops"], "no crops"),
        (["--kind", "image"], "No track"),
        (["--rows-per-file", "0"], "at least one row"),
    ):
        assert main([*words, "--overwrite", *wrong]) == 1
        assert text in capsys.readouterr().err
    assert Path(out).is_file()
