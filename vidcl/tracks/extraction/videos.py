"""``videos.parquet``: one row per file of a store, whatever became of it."""

import filecmp
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vidcl.errors import VidclError
from vidcl.files import atomic_path
from vidcl.tracks.extraction.outcome import Outcome, read_outcomes
from vidcl.tracks.extraction.plan import Plan
from vidcl.tracks.extraction.report import Totals
from vidcl.tracks.extraction.sources import Source

SCHEMA = pa.schema(
    [
        ("video_id", pa.string()),
        ("path", pa.string()),
        ("size", pa.int64()),
        ("mtime", pa.float64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("duration", pa.float64()),
        ("codec", pa.string()),
        ("frames", pa.int64()),
        ("corrupt_frames", pa.int64()),
        ("tracks", pa.int64()),
        ("crops", pa.int64()),
        ("seconds", pa.float64()),
        ("backend", pa.string()),
        ("backend_version", pa.string()),
        ("status", pa.string()),
        ("error", pa.string()),
        ("message", pa.string()),
        ("native", pa.string()),
    ]
)

#: Files whose rows, and the outcomes of whose segments, are in memory at a time.
ROWS = 4096


def videos_path(store: str | Path) -> Path:
    """Where the table lies."""
    return Path(store) / "videos.parquet"


def write_videos(store: Path, plan: Plan) -> Totals:
    """Rebuild the table from the committed shards, in the plan's order; gives back its sums.

    ``status`` is ``ok``, ``partial`` (a fault, and tracks nevertheless), ``failed`` (a fault and no
    tracks) or ``pending`` (not all of its segments are extracted yet). A few thousand rows are in
    memory at a time.

    Raises:
        VidclError: the table cannot be written; the one before it is still there.
    """
    totals = Totals()
    path = videos_path(store)
    try:
        with atomic_path(path) as aside:
            with pq.ParquetWriter(aside, SCHEMA) as writer:
                for rows in _row_groups(store, plan):
                    writer.write_table(pa.Table.from_pylist(rows, SCHEMA))
                    for row in rows:
                        totals.add(row)
            if path.is_file() and filecmp.cmp(path, aside, shallow=False):
                # a run with nothing to do leaves the file as it was, its time included
                status = path.stat()
                os.utime(aside, ns=(status.st_atime_ns, status.st_mtime_ns))
    except OSError as error:
        raise VidclError(
            f"Cannot write {path} ({error.strerror or error}): make room or check permissions, "
            "then run the same command again; finished shards stay."
        ) from error
    return totals


def read_videos(store: str | Path) -> pa.Table:
    """The table of a store.

    Raises:
        VidclError: it is not there or cannot be read.
    """
    return pa.Table.from_batches(videos_batches(store), SCHEMA)


def videos_batches(store: str | Path) -> Iterator[pa.RecordBatch]:
    """The table of a store, some thousand rows at a time; ``native`` is null in older ones.

    Raises:
        VidclError: it is not there or cannot be read.
    """
    path = videos_path(store)
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS):
                if "native" not in batch.schema.names:
                    batch = batch.append_column("native", pa.nulls(len(batch), pa.string()))
                yield batch.cast(SCHEMA)
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise VidclError(
            f"{path} cannot be read ({str(error).splitlines()[0]}): run the store's 'vidcl "
            "extract' command again, which writes it anew."
        ) from error


def _row_groups(store: Path, plan: Plan) -> Iterator[list[dict[str, Any]]]:
    """The rows, ``ROWS`` at a time; read from only the shards that hold their segments."""
    # by video, and within one by shard, which is the order of its segments
    order = np.argsort(plan.segments["video"], kind="stable")
    first = np.searchsorted(plan.segments["video"], np.arange(plan.video_count), sorter=order)
    first = np.append(first, len(order))
    for at in range(0, plan.video_count, ROWS):
        stop = min(at + ROWS, plan.video_count)
        segments = plan.segments[order[first[at] : first[stop]]]
        found = _outcomes(store, plan, segments)
        owners = np.split(np.arange(len(segments)), first[at + 1 : stop] - first[at])
        files = plan.sources(np.arange(at, stop))
        yield [
            _row(video_id, source, [found[k] for k in own])
            for (video_id, source), own in zip(files, owners, strict=True)
        ]


def _outcomes(store: Path, plan: Plan, segments: np.ndarray) -> list[Outcome | None]:
    """What became of some segments; None of those that are not extracted."""
    keys = plan.keys_of(segments)
    found: list[Outcome | None] = [None] * len(keys)
    by_shard = np.argsort(segments["shard"], kind="stable")
    numbers, first = np.unique(segments["shard"][by_shard], return_index=True)
    for number, places in zip(numbers, np.split(by_shard, first[1:]), strict=True):
        outcomes = read_outcomes(store, int(number)) or {}
        for place in places:
            found[place] = outcomes.get(keys[place])
    return found


def _row(video_id: str, source: Source, found: list[Outcome | None]) -> dict[str, Any]:
    outcomes = [outcome for outcome in found if outcome is not None]
    facts = next((outcome.facts for outcome in outcomes if outcome.facts), {})
    # an internal fault in any segment is what the user must hear of first
    faults = sorted((o for o in outcomes if o.error), key=lambda o: o.error != "internal")
    fault = (faults[0].error, faults[0].message) if faults else (None, None)
    frames = sum(outcome.frames for outcome in outcomes)
    tracks = sum(outcome.tracks for outcome in outcomes)
    if len(outcomes) < len(found):
        status = "pending"
    elif fault[0] is not None:
        status = "partial" if tracks else "failed"
    elif frames == 0:
        status = "failed"
        fault = ("no_frames", f"{source.path}: not one frame could be decoded.")
    else:
        status = "ok"
    return {
        "video_id": video_id,
        "path": source.path,
        "size": source.size,
        "mtime": source.mtime_ns / 1e9,
        **facts,
        "frames": frames,
        "corrupt_frames": sum(outcome.corrupt_frames for outcome in outcomes),
        "tracks": tracks,
        "crops": sum(outcome.crops for outcome in outcomes),
        "seconds": round(sum(outcome.seconds for outcome in outcomes), 3),
        "status": status,
        "error": fault[0],
        "message": fault[1],
        # what the decoder said, of the faulty segment where there is one
        "native": next((o.native for o in [*faults, *outcomes] if o.native), None),
    }
