"""``videos.parquet``: one row per file of a store, whatever became of it."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from vidcl.errors import VidclError
from vidcl.files import atomic_path
from vidcl.tracks.extraction.plan import Plan
from vidcl.tracks.extraction.shard import Outcome, read_outcomes

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
    ]
)


def videos_path(store: str | Path) -> Path:
    """Where the table lies."""
    return Path(store) / "videos.parquet"


def write_videos(store: Path, plan: Plan) -> list[dict[str, Any]]:
    """Rebuild the table from the committed shards; gives back its rows, in the plan's order.

    ``status`` is ``ok``, ``partial`` (a fault, and tracks nevertheless), ``failed`` (a fault and no
    tracks) or ``pending`` (not all of its segments are extracted yet).
    """
    found: dict[str, list[Outcome]] = {video_id: [] for video_id in plan.videos}
    pending: set[str] = set()
    for number, segments in enumerate(plan.shards):
        outcomes = read_outcomes(store, number) or {}
        for segment in segments:
            outcome = outcomes.get(segment.key)
            if outcome is None:
                pending.add(segment.video_id)
            else:
                found[segment.video_id].append(outcome)
    rows = [_row(plan, video_id, found[video_id], video_id in pending) for video_id in plan.videos]
    table = pa.Table.from_pylist(rows, SCHEMA)
    path = videos_path(store)
    # a run with nothing to do leaves the file untouched
    if not (path.is_file() and read_videos(store).equals(table)):
        with atomic_path(path) as aside:
            pq.write_table(table, aside)
    return rows


def read_videos(store: str | Path) -> pa.Table:
    """The table of a store.

    Raises:
        VidclError: it is not there or cannot be read.
    """
    path = videos_path(store)
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise VidclError(
            f"{path} cannot be read ({str(error).splitlines()[0]}): run the store's 'vidcl "
            "extract' command again, which writes it anew."
        ) from error


def _row(plan: Plan, video_id: str, outcomes: list[Outcome], pending: bool) -> dict[str, Any]:
    source = plan.videos[video_id]
    facts = next((outcome.facts for outcome in outcomes if outcome.facts), {})
    # an internal fault in any segment is what the user must hear of first
    faults = sorted((o for o in outcomes if o.error), key=lambda o: o.error != "internal")
    fault = (faults[0].error, faults[0].message) if faults else (None, None)
    frames = sum(outcome.frames for outcome in outcomes)
    tracks = sum(outcome.tracks for outcome in outcomes)
    if pending:
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
    }
