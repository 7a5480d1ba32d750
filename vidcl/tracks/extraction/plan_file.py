"""``plan.parquet``: the plan of a store, one row per segment; older stores have ``plan.json``."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vidcl.errors import VidclError
from vidcl.files import atomic_path
from vidcl.tracks.extraction.plan import SEGMENT_TYPE, SPLITS, VIDEO_SCHEMA, Plan
from vidcl.tracks.extraction.split import SplitRule

#: 1 was one JSON file.
PLAN_VERSION = 2

#: Segments that are in memory as rows of the file at a time.
_ROWS = 65_536

_FACTS = b"vidcl_plan"
#: Hash of it; the rows are in pages that Parquet itself checks.
_DIGEST = b"vidcl_plan_digest"

#: Columns of numbers: their names in ``Plan.segments`` and in the file.
_NUMBERS = {"shard": "shard", "video": "video", "index": "segment", "start": "start", "end": "end"}

#: What stands for null in ``Plan.segments``.
_OPEN = {"start": np.nan, "end": np.nan}

_SCHEMA = pa.schema(
    [
        ("shard", pa.int32()),
        ("video", pa.int32()),
        ("segment", pa.int32()),
        ("start", pa.float64()),
        ("end", pa.float64()),
        ("split", pa.string()),
        *VIDEO_SCHEMA,
    ]
)


def plan_path(store: str | Path) -> Path:
    """Where the plan lies."""
    return Path(store) / "plan.parquet"


def old_plan_path(store: str | Path) -> Path:
    """Where vidcl kept it up to plan version 1."""
    return Path(store) / "plan.json"


def read_plan(store: str | Path) -> Plan | None:
    """The plan of a store, of either version; None where there is none.

    Raises:
        VidclError: the file is not a plan, or a newer vidcl wrote it.
    """
    for path, read in ((plan_path(store), _read), (old_plan_path(store), _read_version_1)):
        if path.exists():
            with _no_plan(path):
                return read(path)
    return None


@dataclass(frozen=True)
class Outline:
    """What a plan comes to, without its files and segments.

    Attributes:
        kind, backend: of the plan.
        sizes: segments of every shard, int64 [shard_count]; 0 of an emptied one.
    """

    kind: str
    backend: str
    sizes: np.ndarray


def read_outline(store: str | Path) -> Outline | None:
    """The outline of a store's plan, in little memory; None where there is no plan.

    Raises:
        VidclError: as ``read_plan``.
    """
    path = plan_path(store)
    if not path.exists():
        plan = read_plan(store)
        return None if plan is None else Outline(plan.kind, plan.backend, plan.sizes)
    with _no_plan(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        facts = _facts(path, file)
        sizes = np.zeros(facts["shards"], np.int64)
        for batch in file.iter_batches(_ROWS, columns=["shard"]):
            sizes += np.bincount(batch["shard"].to_numpy(), minlength=len(sizes))
        return Outline(facts["kind"], facts["backend"], sizes)


def write_plan(store: str | Path, plan: Plan) -> None:
    """Write ``plan.parquet``, whole or not at all; a ``plan.json`` goes once it is safe.

    Raises:
        VidclError: it cannot be written.
    """
    facts = {
        "plan_version": PLAN_VERSION,
        "kind": plan.kind,
        "settings": plan.settings,
        "backend": plan.backend,
        "split": {"rule": plan.split.rule, "test_below": plan.split.test_below},
        "shards": plan.shard_count,
    }
    text = json.dumps(facts).encode()
    schema = _SCHEMA.with_metadata({_FACTS: text, _DIGEST: _digest(text)})
    path = plan_path(store)
    try:
        with (
            atomic_path(path) as aside,
            pq.ParquetWriter(aside, schema, compression="zstd", write_page_checksum=True) as writer,
        ):
            for rows in _rows(plan):
                writer.write_table(pa.table(rows, schema))
        old = old_plan_path(store)
        if old.exists():
            _flush_folder(path.parent)
            old.unlink()
    except OSError as error:
        raise VidclError(
            f"Cannot write {path} ({error.strerror or error}): make room or check permissions, "
            "then run the same command again."
        ) from error


def _rows(plan: Plan) -> Iterator[dict[str, Any]]:
    for at in range(0, len(plan.segments), _ROWS):
        part = plan.segments[at : at + _ROWS]
        videos = plan.videos.take(pa.array(part["video"]))
        yield {
            "shard": part["shard"],
            "video": part["video"],
            "segment": part["index"],
            "start": pa.array(part["start"], mask=np.isnan(part["start"])),
            "end": pa.array(part["end"], mask=np.isnan(part["end"])),
            "split": pa.array(np.array(SPLITS)[part["split"]]),
            **{name: videos[name] for name in VIDEO_SCHEMA.names},
        }


def _read(path: Path) -> Plan:
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        facts = _facts(path, file)
        segments = np.empty(file.metadata.num_rows, SEGMENT_TYPE)
        parts: list[pa.RecordBatch] = []
        order: list[np.ndarray] = []
        at = 0
        for batch in file.iter_batches(_ROWS):
            rows = segments[at : at + batch.num_rows]
            at += batch.num_rows
            for name, column in _NUMBERS.items():
                # nulls are filled first: pyarrow would import pandas over them
                rows[name] = pc.fill_null(batch[column], _OPEN.get(name, 0)).to_numpy()
            rows["split"] = pc.index_in(batch["split"], pa.array(SPLITS)).to_numpy()
            first = np.flatnonzero(rows["index"] == 0)
            parts.append(batch.select(VIDEO_SCHEMA.names).take(pa.array(first)))
            order.append(rows["video"][first])
    # every video has one segment 0; videos that were planned again stand later than their number
    videos = pa.Table.from_batches(parts, VIDEO_SCHEMA)
    places = np.concatenate([np.empty(0, np.int32), *order])
    if not np.array_equal(np.sort(places), np.arange(len(videos))):
        raise ValueError("its videos are not those that its segments name")
    if (np.diff(places) < 0).any():
        videos = videos.take(pa.array(np.argsort(places)))
    return Plan(
        kind=facts["kind"],
        settings=facts["settings"],
        backend=facts["backend"],
        split=SplitRule(**facts["split"]),
        videos=videos.combine_chunks(),
        segments=segments,
        shard_count=facts["shards"],
    )


def _read_version_1(path: Path) -> Plan:
    data = json.loads(path.read_text(encoding="utf-8"))
    _check_version(path, data["plan_version"], newest=1)
    place = {video_id: row for row, video_id in enumerate(data["videos"])}
    rows = [
        (
            number,
            place[segment["video_id"]],
            segment["index"],
            SPLITS.index(segment["split"]),
            np.nan if segment["start"] is None else segment["start"],
            np.nan if segment["end"] is None else segment["end"],
        )
        for number, shard in enumerate(data["shards"])
        for segment in shard
    ]
    videos = [{"video_id": key, **source} for key, source in data["videos"].items()]
    return Plan(
        kind=data["kind"],
        settings=data["settings"],
        backend=data["backend"],
        split=SplitRule(**data["split"]),
        videos=pa.Table.from_pylist(videos, VIDEO_SCHEMA),
        segments=np.array(rows, SEGMENT_TYPE),
        shard_count=len(data["shards"]),
    )


@contextmanager
def _no_plan(path: Path) -> Iterator[None]:
    """Says of a file that cannot be read as a plan that it is none."""
    try:
        yield
    except (
        OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError,
        MemoryError, pa.ArrowException,
    ) as error:  # fmt: skip
        raise VidclError(
            f"{path} is not the plan of a track store ({error!r}): name another folder."
        ) from error


def _facts(path: Path, file: pq.ParquetFile) -> dict[str, Any]:
    metadata = file.schema_arrow.metadata or {}
    text = metadata[_FACTS]
    facts: dict[str, Any] = json.loads(text)
    _check_version(path, facts["plan_version"])
    if metadata[_DIGEST] != _digest(text):
        raise ValueError("its settings are damaged")
    return facts


def _digest(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=16).hexdigest().encode()


def _check_version(path: Path, version: int, newest: int = PLAN_VERSION) -> None:
    if version > newest:
        raise VidclError(
            f"{path} has version {version} and this vidcl knows up to {newest}: install a newer "
            "vidcl."
        )


def _flush_folder(folder: Path) -> None:
    """Bring a rename in this folder to disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
