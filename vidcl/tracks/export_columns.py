"""The columns of exported tracks, made from a store's record batches without touching the crops."""

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vidcl.tracks.store import TrackStore
from vidcl.tracks.store_schema import METADATA_KEY, PLAIN_COLUMNS, SCHEMA
from vidcl.tracks.track import SCORES

Form = Literal["track", "step"]

#: What changes along a track: name -> type. ``step_change`` is null where it was not measured.
STEP_COLUMNS: dict[str, pa.DataType] = {
    "time": pa.float32(),
    **dict.fromkeys(("x0", "y0", "x1", "y1"), pa.float32()),
    **dict.fromkeys(("crop_x0", "crop_y0", "crop_x1", "crop_y1"), pa.float32()),
    "width": pa.uint16(),
    "height": pa.uint16(),
    **dict.fromkeys(SCORES, pa.float32()),
    "step_change": pa.float32(),
}


def schema_of(per: Form, crops: bool, metadata: bytes | None) -> pa.Schema:
    """The exported columns.

    Args:
        per: in the form ``track`` the columns of a step are lists.
        crops: with a column ``crop``, the JPEG files.
        metadata: the store's facts (JSON), kept under ``vidcl_metadata``.
    """
    steps = {**STEP_COLUMNS, **({"crop": pa.binary()} if crops else {})}
    fields = [SCHEMA.field(name) for name in PLAIN_COLUMNS]
    if per == "track":
        fields.append(pa.field("length", pa.int32(), nullable=False))
        fields += [pa.field(name, pa.list_(kind)) for name, kind in steps.items()]
    else:
        fields.append(pa.field("step", pa.int32(), nullable=False))
        fields += [pa.field(name, kind) for name, kind in steps.items()]
    return pa.schema(fields, metadata={METADATA_KEY: metadata or b"{}"})


def exported(batch: pa.RecordBatch, rows: np.ndarray, schema: pa.Schema) -> pa.Table:
    """Some rows of a store's record batch with the columns of ``schema_of``.

    Args:
        batch: of the store, of any schema version.
        rows: int64, ascending: which of its rows.
        schema: from ``schema_of``; whether there are crops and in which form follows from it.
    """
    wanted = [name for name in batch.schema.names if name != "crops" or "crop" in schema.names]
    batch = _taken(batch.select(wanted), rows)
    lengths = pc.list_value_length(batch.column("times"))
    steps = _step_columns(batch)
    columns = {name: batch.column(name) for name in PLAIN_COLUMNS}
    if "length" in schema.names:
        offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
        columns["length"] = lengths
        for name, values in steps.items():
            columns[name] = pa.ListArray.from_arrays(offsets, values)
    else:
        counts = lengths.to_numpy()
        track = pa.array(np.repeat(np.arange(len(counts)), counts))
        columns = {name: column.take(track) for name, column in columns.items()}
        firsts = np.repeat(np.cumsum(counts) - counts, counts)
        columns["step"] = pa.array((np.arange(len(track)) - firsts).astype(np.int32))
        columns |= steps
    arrays = [columns[name] for name in schema.names]
    return pa.Table.from_arrays(arrays, schema=schema)


def store_facts(store: TrackStore) -> bytes | None:
    """The metadata of a store as it lies in its first shard."""
    for block in store.blocks[:1]:
        return (block.batch.schema.metadata or {}).get(METADATA_KEY)
    return None


def _taken(batch: pa.RecordBatch, rows: np.ndarray) -> pa.RecordBatch:
    if len(rows) == rows[-1] - rows[0] + 1:
        return batch.slice(int(rows[0]), len(rows))  # no copy
    return batch.take(pa.array(rows))


def _step_columns(batch: pa.RecordBatch) -> dict[str, pa.Array]:
    """One value per step of all rows, in order."""
    times = batch.column("times").flatten()
    boxes = _columns_of(batch.column("boxes"), 4)
    crop_boxes = _columns_of(batch.column("crop_boxes"), 4)
    sizes = _columns_of(batch.column("sizes"), 2)
    scores = dict(zip(SCORES, _fields(batch.column("scores")), strict=True))
    measured = "changes" in batch.schema.names
    steps = dict(
        zip(STEP_COLUMNS, [times, *boxes, *crop_boxes, *sizes, *scores.values()], strict=False)
    )
    steps["step_change"] = (
        batch.column("changes").flatten() if measured else pa.nulls(len(times), pa.float32())
    )
    if "crops" in batch.schema.names:
        steps["crop"] = batch.column("crops").flatten()
    return steps


def _columns_of(lists: pa.ListArray, width: int) -> list[pa.Array]:
    flat = lists.flatten().flatten().to_numpy().reshape(-1, width)
    return [pa.array(flat[:, k]) for k in range(width)]


def _fields(scores: pa.StructArray) -> list[pa.Array]:
    # flatten, not field: it honours the slice
    return [column.flatten() for column in scores.flatten()]
