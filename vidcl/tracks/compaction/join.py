"""Join the rows of several shards into one, a record batch at a time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from vidcl.errors import VidclError
from vidcl.tracks import store_writer
from vidcl.tracks.extraction.change import look_change
from vidcl.tracks.store import TrackStore
from vidcl.tracks.store_files import open_shard
from vidcl.tracks.store_schema import SCHEMA, TrackRow
from vidcl.tracks.store_writer import STEP_BYTES, make_batch, shard_schema


def join_shards(shards: Sequence[Path], out: Path) -> int:
    """Write the rows of ``shards``, in their order, as the one shard ``out``; how many there are.

    Its record batches are cut as ``write_shard`` cuts them, but larger, and its facts are the first
    shard's. Rows of an older schema are lifted. At most two record batches are in memory.

    Raises:
        VidclError: a shard is damaged.
        OSError: ``out`` cannot be written.
    """
    schema = shard_schema(open_shard(shards[0])[1])
    rows = 0
    with pa.OSFile(str(out), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for batch in _filled(part for shard in shards for part in _batches(shard, schema)):
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def row_bytes(batch: pa.RecordBatch) -> np.ndarray:
    """int64 [rows]: what each row counts for where batches are cut."""
    crops = batch.column("crops")
    steps = crops.offsets.to_numpy().astype(np.int64)
    files = crops.values
    first = files.offset
    ends = np.frombuffer(files.buffers()[1], np.int32)[first : first + len(files) + 1]
    return np.diff(ends[steps].astype(np.int64)) + STEP_BYTES * np.diff(steps)


def _filled(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The rows of the batches in batches that are as full as they may be."""
    pending: list[pa.RecordBatch] = []
    held = 0
    for batch in batches:
        ends = np.cumsum(row_bytes(batch))
        begin, before = 0, 0
        while begin < batch.num_rows:
            # rows that still fit; one that is too large stands alone
            end = int(np.searchsorted(ends, before + store_writer.JOINED_BYTES - held, "right"))
            if end <= begin and not pending:
                end = begin + 1
            if end > begin:
                pending.append(batch.slice(begin, end - begin))
                held += int(ends[end - 1]) - before
                begin, before = end, int(ends[end - 1])
            if begin < batch.num_rows:
                yield _joined(pending)
                pending, held = [], 0
    if pending:
        yield _joined(pending)


def _joined(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(parts) == 1:
        return parts[0]
    (batch,) = pa.Table.from_batches(parts).combine_chunks().to_batches()
    return batch


def _batches(shard: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    reader, _ = open_shard(shard)
    if not reader.schema.equals(SCHEMA, check_metadata=False):
        yield from _lifted(shard, schema)
        return
    try:
        for index in range(reader.num_record_batches):
            batch = reader.get_batch(index)
            if batch.num_rows:
                yield batch.replace_schema_metadata(schema.metadata)
    except (OSError, pa.ArrowInvalid) as error:
        raise VidclError(
            f"The shard {shard} is damaged ({str(error).splitlines()[0]}): delete it and run the "
            "store's 'vidcl extract' command again, then compact."
        ) from error


def _lifted(shard: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Rows of schema version 1 with their changes measured, as a shard written again has them."""
    store = TrackStore(shard.parent.parent, (shard.name,))
    pending: list[TrackRow] = []
    held = 0
    for number in range(len(store)):
        row = store.read_row(number)
        try:
            look = look_change(row.track.crops)
        except ValueError as error:
            raise VidclError(
                f"The shard {shard} is of an older schema, and a crop of its track {row.track_id} "
                "does not decode: delete the shard and run the store's 'vidcl extract' command "
                "again."
            ) from error
        pending.append(replace(row, change=look.overall, changes=look.steps))
        held += sum(map(len, row.track.crops)) + STEP_BYTES * len(row.track)
        if held > store_writer.JOINED_BYTES:
            yield make_batch(pending, schema)
            pending, held = [], 0
    if pending:
        yield make_batch(pending, schema)
