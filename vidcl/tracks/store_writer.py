"""Write one shard of a track store: an uncompressed Arrow IPC file that appears whole or not."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from vidcl.files import atomic_path
from vidcl.tracks.store_arrays import numbers, packed
from vidcl.tracks.store_schema import METADATA_KEY, SCHEMA, SCHEMA_VERSION, VERSION_KEY, TrackRow
from vidcl.tracks.track import SCORES

#: A record batch is closed before its crops pass this many bytes (a longer track stands alone). A
#: worker holds one twice, as rows and as columns, so this is what a long video costs it in memory.
BATCH_BYTES = 4 * 2**20

#: The same for shards that are joined: fewer batches open faster.
JOINED_BYTES = 60 * 2**20

#: What a step counts for beside the bytes of its crop.
STEP_BYTES = 64


@dataclass(frozen=True)
class ShardSummary:
    """What was written: path of the shard, number of tracks and of crops, bytes of the file."""

    path: Path
    tracks: int
    crops: int
    bytes: int


def shard_path(store: str | Path, number: int) -> Path:
    """Where shard ``number`` of a store lies."""
    return Path(store) / "shards" / f"shard-{number:05d}.arrow"


def write_shard(
    path: str | Path, rows: Iterable[TrackRow], metadata: dict[str, Any]
) -> ShardSummary:
    """Write rows, in their order, as one shard.

    Args:
        path: the shard's file; replaced if it is there, and only once all rows are on disk.
        rows: consumed lazily; at most one record batch is held in memory.
        metadata: JSON-able facts about the extraction (canvas, quality, rates, backend, ...).

    Raises:
        ValueError: a row's arrays disagree in length.
    """
    path = Path(path)
    schema = shard_schema(metadata)
    tracks = crops = pending_bytes = 0
    pending: list[TrackRow] = []
    with atomic_path(path) as aside:
        with pa.OSFile(str(aside), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for row in rows:
                size = sum(map(len, row.track.crops)) + STEP_BYTES * len(row.track)
                if pending and pending_bytes + size > BATCH_BYTES:
                    writer.write_batch(make_batch(pending, schema))
                    pending, pending_bytes = [], 0
                pending.append(row)
                pending_bytes += size
                tracks += 1
                crops += len(row.track)
            if pending:
                writer.write_batch(make_batch(pending, schema))
        written = aside.stat().st_size
    return ShardSummary(path=path, tracks=tracks, crops=crops, bytes=written)


def shard_schema(metadata: dict[str, Any]) -> pa.Schema:
    """The columns of a shard with its facts, as ``write_shard`` takes them."""
    return SCHEMA.with_metadata(
        {
            VERSION_KEY: str(SCHEMA_VERSION).encode(),
            METADATA_KEY: json.dumps(metadata, sort_keys=True).encode(),
        }
    )


def make_batch(rows: list[TrackRow], schema: pa.Schema) -> pa.RecordBatch:
    """One record batch of rows.

    Raises:
        ValueError: a row's arrays disagree in length.
    """
    tracks = [row.track for row in rows]
    for row in rows:
        _check(row)
    ends = np.cumsum([0, *(len(track) for track in tracks)]).astype(np.int32)
    offsets = numbers(ends, pa.int32())

    def lists(values: list[np.ndarray], dtype: type, field: str) -> pa.Array:
        flat = np.concatenate([np.asarray(value, dtype=dtype) for value in values])
        inner = numbers(flat.reshape(-1), pa.from_numpy_dtype(dtype))
        if flat.ndim == 2:
            inner = pa.FixedSizeListArray.from_arrays(inner, flat.shape[1])
        return pa.ListArray.from_arrays(offsets, inner, type=schema.field(field).type)

    scores = [
        pa.ListArray.from_arrays(
            offsets,
            numbers(
                np.concatenate([np.asarray(t.scores[name], np.float32) for t in tracks]),
                pa.float32(),
            ),
        )
        for name in SCORES
    ]
    crops = packed([crop for track in tracks for crop in track.crops], pa.binary())
    columns: dict[str, Any] = {
        "track_id": [row.track_id for row in rows],
        "video_id": [row.video_id for row in rows],
        "video": [row.video for row in rows],
        "shot": [track.shot for track in tracks],
        "split": [row.split for row in rows],
        "kind": [track.kind for track in tracks],
        "proposer": [track.proposer for track in tracks],
        "tracker": [track.tracker for track in tracks],
        "end_reason": [track.end_reason for track in tracks],
        "change": [row.change for row in rows],
        "times": lists([track.times for track in tracks], np.float32, "times"),
        "boxes": lists([track.boxes for track in tracks], np.float32, "boxes"),
        "crop_boxes": lists([track.crop_boxes for track in tracks], np.float32, "crop_boxes"),
        "scores": pa.StructArray.from_arrays(scores, fields=list(schema.field("scores").type)),
        "changes": lists([row.changes for row in rows], np.float32, "changes"),
        "crops": pa.ListArray.from_arrays(offsets, crops),
        "sizes": lists([track.sizes for track in tracks], np.uint16, "sizes"),
        "label": [track.label for track in tracks],
    }
    arrays = [
        values if isinstance(values, pa.Array) else _plain(values, schema.field(name).type)
        for name, values in columns.items()
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _plain(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_string(kind):
        return packed([None if v is None else v.encode() for v in values], kind)
    return numbers(np.array(values, kind.to_pandas_dtype()), kind)


def _check(row: TrackRow) -> None:
    track, length = row.track, len(row.track)
    shapes = {
        "times": (np.shape(track.times), (length,)),
        "boxes": (np.shape(track.boxes), (length, 4)),
        "crop_boxes": (np.shape(track.crop_boxes), (length, 4)),
        "sizes": (np.shape(track.sizes), (length, 2)),
        "changes": (np.shape(row.changes), (length,)),
        "crops": ((len(track.crops),), (length,)),
        **{f"scores.{name}": (np.shape(track.scores.get(name, ())), (length,)) for name in SCORES},
    }
    for name, (shape, wanted) in shapes.items():
        if shape != wanted or length == 0:
            raise ValueError(f"track {row.track_id}: {name} has shape {shape}, not {wanted}")
