"""The files of a track store as numpy views into memory maps."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from vidcl.errors import VidclError
from vidcl.tracks.store_schema import METADATA_KEY, SCHEMA_VERSION, SCHEMAS, VERSION_KEY
from vidcl.tracks.track import SCORES

_SHARD_NAME = re.compile(r"shard-(\d+)\.arrow")


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


def list_shards(path: Path) -> tuple[str, ...]:
    """Names of a store's shards, by number; half-written files do not count.

    Raises:
        VidclError: there is no store or it has no shard.
    """
    if not path.is_dir():
        raise VidclError(f"There is no track store at {path}: make one with 'vidcl extract'.")
    folder = path / "shards"
    if not folder.is_dir():
        raise VidclError(f"{path} is not a track store: it has no folder 'shards'.")
    found = [(m, p.name) for p in folder.iterdir() if (m := _SHARD_NAME.fullmatch(p.name))]
    if not found:
        raise VidclError(
            f"The store {path} has no shard yet: run its 'vidcl extract' command again to finish."
        )
    return tuple(name for _, name in sorted((int(match[1]), name) for match, name in found))


def open_shard(path: Path) -> tuple[pa.ipc.RecordBatchFileReader, dict[str, Any]]:
    """Map a shard; its reader and the metadata of the extraction.

    Raises:
        VidclError: it is damaged, not a shard, or of a newer schema.
    """
    try:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        schema = reader.schema
    except (OSError, pa.ArrowInvalid) as error:
        raise VidclError(
            f"The shard {path} is damaged or not an Arrow file ({_first_line(error)}): delete it "
            "and run the same 'vidcl extract' command again."
        ) from error
    facts = schema.metadata or {}
    version = facts.get(VERSION_KEY, b"").decode()
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
    return reader, json.loads(facts.get(METADATA_KEY, b"{}"))


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
