"""The files of a track store as numpy views into memory maps."""

import errno
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from vidcl.errors import VidclError
from vidcl.tracks.store_merge import files_of_rows, read_record
from vidcl.tracks.store_schema import METADATA_KEY, SCHEMA_VERSION, SCHEMAS, VERSION_KEY
from vidcl.tracks.track import SCORES

_SHARD_NAME = re.compile(r"shard-(\d+)\.arrow")

#: A folder is listed so often at most when shards are merged just then.
TRIES = 20


class Listing(NamedTuple):
    """The files that hold a store's rows: names in the order of the rows, and the generation of the
    merge record they were listed at (None: listed by hand, not checked)."""

    names: tuple[str, ...]
    generation: int | None


@dataclass(frozen=True)
class Block:
    """One record batch as numpy views into the memory map; no column but the ids is copied.

    ``measured`` says whether the shard holds ``changes``; those of schema version 1 read as zeros.
    """

    batch: pa.RecordBatch
    first_row: int
    list_offsets: np.ndarray
    times: np.ndarray
    boxes: np.ndarray
    crop_boxes: np.ndarray
    sizes: np.ndarray
    scores: dict[str, np.ndarray]
    measured: bool
    changes: np.ndarray
    crop_offsets: np.ndarray
    crop_data: np.ndarray


def make_block(batch: pa.RecordBatch, first_row: int) -> Block:
    """Views of a batch whose first row is the store's row ``first_row``."""
    crops = batch.column("crops")
    files = crops.values
    scores = batch.column("scores")
    data = files.buffers()[2]
    times = batch.column("times").values.to_numpy()
    measured = "changes" in batch.schema.names
    return Block(
        batch=batch,
        first_row=first_row,
        list_offsets=crops.offsets.to_numpy(),
        times=times,
        boxes=batch.column("boxes").values.values.to_numpy().reshape(-1, 4),
        crop_boxes=batch.column("crop_boxes").values.values.to_numpy().reshape(-1, 4),
        sizes=batch.column("sizes").values.values.to_numpy().reshape(-1, 2),
        scores={name: scores.field(name).values.to_numpy() for name in SCORES},
        measured=measured,
        changes=batch.column("changes").values.to_numpy() if measured else np.zeros_like(times),
        crop_offsets=np.frombuffer(files.buffers()[1], np.int32),
        crop_data=np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8),
    )


def list_shards(path: Path) -> Listing:
    """The files of a store's shards, by number; half-written files do not count.

    Raises:
        VidclError: there is no store or it has no shard.
    """
    if not path.is_dir():
        raise VidclError(f"There is no track store at {path}: make one with 'vidcl extract'.")
    folder = path / "shards"
    if not folder.is_dir():
        raise VidclError(f"{path} is not a track store: it has no folder 'shards'.")
    for _ in range(TRIES):
        record = read_record(path)
        names = os.listdir(folder)
        # a listing is no snapshot: it is one only if nothing was switched while it was made
        if read_record(path).generation == record.generation:
            break
    else:
        raise VidclError(f"{path} is being compacted: open it again in a moment.")
    found = sorted((int(m[1]), name) for name in names if (m := _SHARD_NAME.fullmatch(name)))
    if not found:
        raise VidclError(
            f"The store {path} has no shard yet: run its 'vidcl extract' command again to finish."
        )
    return Listing(tuple(files_of_rows(found, set(names), record)), record.generation)


def open_shard(path: Path) -> tuple[pa.ipc.RecordBatchFileReader, dict[str, Any]]:
    """Map a shard; its reader and the metadata of the extraction.

    Raises:
        VidclError: it is damaged, not a shard, or of a newer schema.
    """
    try:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        schema = reader.schema
    except FileNotFoundError as error:
        raise VidclError(
            f"{path} is gone: the store was compacted or changed, open it again."
        ) from error
    except (OSError, pa.ArrowInvalid) as error:
        raise VidclError(_unreadable(path, error)) from error
    facts = schema.metadata or {}
    version = facts.get(VERSION_KEY, b"").decode(errors="replace")
    if not version.isdigit():
        raise VidclError(f"{path} is an Arrow file but no shard of a track store: move it away.")
    if int(version) > SCHEMA_VERSION:
        raise VidclError(
            f"{path} has store schema {version} and this vidcl reads up to {SCHEMA_VERSION}: "
            "install a newer vidcl to read it."
        )
    columns = SCHEMAS.get(int(version))
    if columns is None or not schema.equals(columns, check_metadata=False):
        raise VidclError(f"{path} does not have the columns of a track store: extract it again.")
    try:
        return reader, json.loads(facts.get(METADATA_KEY, b"{}"))
    except ValueError as error:
        raise VidclError(_unreadable(path, error)) from error


def read_block(
    path: Path, reader: pa.ipc.RecordBatchFileReader, index: int, first_row: int
) -> Block | None:
    """Batch ``index`` of the shard ``path``, whose first row is the store's ``first_row``; None
    where it has no rows.

    Raises:
        VidclError: it is damaged, though the shard's end is not.
    """
    try:
        batch = reader.get_batch(index)
        return make_block(batch, first_row) if batch.num_rows else None
    except (OSError, ValueError, pa.ArrowException, AttributeError, TypeError) as error:
        # views of a damaged batch fail in any of these ways
        raise VidclError(_unreadable(path, error)) from error


def _unreadable(path: Path, error: Exception) -> str:
    """What is wrong with a shard; only what is damaged may be deleted."""
    if _is(error, errno.ENOMEM, errno.EMFILE, errno.ENFILE):
        return (
            f"{path} cannot be mapped beside the store's other shards ({_first_line(error)}): "
            "merge small shards with 'vidcl compact', or raise the limit vm.max_map_count."
        )
    if _is(error, errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE):
        return f"{path} cannot be read ({_first_line(error)}): check permissions and the disk."
    return (
        f"The shard {path} is damaged or not an Arrow file ({_first_line(error)}): delete it "
        "and run the same 'vidcl extract' command again."
    )


def _is(error: Exception, *codes: int) -> bool:
    # pyarrow gives the number only where a file is opened, not where it is mapped
    known = getattr(error, "errno", None)
    return known in codes or any(os.strerror(code) in str(error) for code in codes)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
