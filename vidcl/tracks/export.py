"""Tracks as Parquet or CSV, for pandas, DuckDB, Spark and what else reads tables.

Two forms with the same column names. ``track``: one row per track, in which what changes along the
track are lists. ``step``: one row per track and time.
"""

import itertools
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from vidcl.errors import VidclError
from vidcl.files import atomic_path
from vidcl.tracks.export_columns import Form, exported, schema_of, store_facts
from vidcl.tracks.store import TrackStore, open_store

Format = Literal["parquet", "csv"]

#: A row group is written once it has so many rows (steps count) or so many bytes.
GROUP_ROWS = 2**17
GROUP_BYTES = 64 * 2**20

_PART = re.compile(r"part-\d{5}\.(parquet|csv)")


@dataclass(frozen=True)
class Exported:
    """What was written: number of tracks, of steps, of files, and their bytes."""

    tracks: int
    steps: int
    files: int
    bytes: int


def export_tracks(
    store: str | Path,
    out: str | Path,
    *,
    format: Format = "parquet",
    per: Form = "track",
    crops: bool = False,
    kind: str | None = None,
    split: str | None = None,
    rows_per_file: int | None = None,
    overwrite: bool = False,
) -> Exported:
    """Write the tracks of a store, in their order.

    Args:
        store: folder of the store.
        out: the file; with ``rows_per_file`` a folder of files ``part-00000.parquet``, ... It
            appears whole or not at all.
        format: CSV has one row per step and no crops.
        per: one row per ``track`` or per ``step``.
        crops: with the JPEG bytes, which are most of a store.
        kind, split: only such tracks.
        rows_per_file: begin another file after so many rows; a track is not cut.
        overwrite: replace ``out`` where it is there.

    Raises:
        VidclError: there is no store, no track fits, ``out`` is there or cannot be written, or the
            options do not fit together.
    """
    out = Path(out)
    if format == "csv" and (crops or per != "step"):
        raise VidclError("CSV has one row per step and no crops: give --per step, or use parquet.")
    if rows_per_file is not None and rows_per_file < 1:
        raise VidclError("A file needs at least one row: give --rows-per-file 1000000 or the like.")
    opened = open_store(store)
    rows = opened.select(kind=kind, split=split)
    if len(rows) == 0:
        raise VidclError(f"No track of {store} fits --kind {kind} and --split {split}.")
    _check_out(out, rows_per_file is not None, overwrite)
    schema = schema_of(per, crops, store_facts(opened))
    pieces = _pieces(opened, rows, per, rows_per_file)
    try:
        if rows_per_file is None:
            with atomic_path(out) as aside, _Writer(aside, schema, format) as writer:
                for _, batch, part in pieces:
                    writer.add(exported(batch, part, schema))
            files = [out]
        else:
            files = _write_folder(out, pieces, schema, format)
    except OSError as error:
        raise VidclError(
            f"Cannot write {out} ({error}): make room, check permissions, or name another --out."
        ) from error
    steps = int(opened.lengths[rows].sum())
    return Exported(len(rows), steps, len(files), sum(path.stat().st_size for path in files))


def _pieces(
    store: TrackStore, rows: np.ndarray, per: Form, limit: int | None
) -> Iterator[tuple[int, pa.RecordBatch, np.ndarray]]:
    """File number, record batch, and rows of it: all ``rows`` of the store, in order.

    A file ends before a track that would take it past ``limit`` rows; a longer one stands alone.
    """
    number = held = 0
    for block in store.blocks:
        first, last = np.searchsorted(rows, block.first_row + np.array([0, block.batch.num_rows]))
        own = rows[first:last] - block.first_row
        counts = store.lengths[rows[first:last]] if per == "step" else np.ones_like(own)
        ends = np.cumsum(counts)
        begin = before = 0
        while begin < len(own):
            end = len(own)
            if limit is not None:
                end = int(np.searchsorted(ends, before + limit - held, "right"))
                if end <= begin and held == 0:
                    end = begin + 1
            if end > begin:
                yield number, block.batch, own[begin:end]
                held += int(ends[end - 1]) - before
                begin, before = end, int(ends[end - 1])
            if begin < len(own):
                number, held = number + 1, 0


def _write_folder(
    out: Path,
    pieces: Iterator[tuple[int, pa.RecordBatch, np.ndarray]],
    schema: pa.Schema,
    format: Format,
) -> list[Path]:
    """Write the files aside and give the folder its name once all of them are whole."""
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".tmp", dir=out.parent))
    old = aside.with_suffix(".old")
    try:
        for number, part in itertools.groupby(pieces, key=lambda piece: piece[0]):
            path = aside / f"part-{number:05d}.{format}"
            with atomic_path(path) as half, _Writer(half, schema, format) as writer:
                for _, batch, rows in part:
                    writer.add(exported(batch, rows, schema))
        mask = os.umask(0)
        os.umask(mask)
        aside.chmod(0o777 & ~mask)
        if out.exists():
            os.replace(out, old)
        os.replace(aside, out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return sorted(out.iterdir())


def _check_out(out: Path, folder: bool, overwrite: bool) -> None:
    if not out.exists():
        return
    if not overwrite:
        raise VidclError(f"{out} is there already: name another --out, or give --overwrite.")
    if out.is_dir() and not folder:
        raise VidclError(f"{out} is a folder: name a file, or give --rows-per-file for a folder.")
    if not out.is_dir() and folder:
        raise VidclError(f"{out} is a file, and --rows-per-file writes a folder: name another.")
    if out.is_dir() and any(not _PART.fullmatch(path.name) for path in out.iterdir()):
        raise VidclError(
            f"{out} holds files that are no exported tracks, so it is not replaced: name another "
            "--out."
        )


class _Writer:
    """One file; small tables are gathered into row groups."""

    def __init__(self, path: Path, schema: pa.Schema, format: Format) -> None:
        self._schema = schema
        self._waiting: list[pa.Table] = []
        self._rows = self._bytes = 0
        self._writer: pq.ParquetWriter | pa.csv.CSVWriter
        if format == "csv":
            self._writer = pa.csv.CSVWriter(path, schema)
            return
        # JPEG files do not get smaller, and times and boxes seldom repeat
        repeating = [f.name for f in schema if pa.types.is_string(f.type)]
        leaf = "crop" if "step" in schema.names else "crop.list.element"
        self._writer = pq.ParquetWriter(
            path,
            schema,
            use_dictionary=[name for name in repeating if name != "track_id"],
            compression={
                **dict.fromkeys(_leaves(schema), "zstd"),
                **({leaf: "none"} if "crop" in schema.names else {}),
            },
        )

    def add(self, table: pa.Table) -> None:
        """Write the table, or keep it until there is enough."""
        self._waiting.append(table)
        self._rows += _steps(table)
        self._bytes += table.nbytes
        if self._rows >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            table = pa.concat_tables(self._waiting)
            self._writer.write_table(table, max(1, table.num_rows))
        self._waiting, self._rows, self._bytes = [], 0, 0

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            self._writer.close()


def _steps(table: pa.Table) -> int:
    return int(pc.sum(table["length"]).as_py()) if "length" in table.column_names else len(table)


def _leaves(schema: pa.Schema) -> list[str]:
    """Parquet's names of the columns."""
    return [f"{f.name}.list.element" if pa.types.is_list(f.type) else f.name for f in schema]
