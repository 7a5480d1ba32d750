"""What a run tells its user."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidcl.errors import VidclError
from vidcl.tracks.extraction.plan import PlanChange


@dataclass(frozen=True)
class ExtractReport:
    """What a store holds after a run.

    Attributes:
        videos: files in the store's plan.
        failed: those without tracks; partial: those with a fault and tracks nevertheless.
        internal: those that met a fault of vidcl's own ('internal' in ``videos.parquet``); a
            command exits with status 3 when there are any.
        tracks, crops: in the whole store.
        shards_done: extracted by this run; shards_skipped: there already.
        seconds: wall clock of this run.
        notes: sentences for the user.
    """

    videos: int
    failed: int
    partial: int
    internal: int
    tracks: int
    crops: int
    shards_done: int
    shards_skipped: int
    seconds: float
    notes: tuple[str, ...]


def make_report(
    rows: list[dict[str, Any]],
    change: PlanChange,
    out: Path,
    *,
    shards_done: int,
    shards_skipped: int,
    seconds: float,
    update: bool,
) -> ExtractReport:
    """Sum up the rows of ``videos.parquet``.

    Raises:
        VidclError: not one track came out.
    """
    report = ExtractReport(
        videos=len(rows),
        failed=sum(row["status"] == "failed" for row in rows),
        partial=sum(row["status"] == "partial" for row in rows),
        internal=sum(row["error"] == "internal" for row in rows),
        tracks=sum(row["tracks"] for row in rows),
        crops=sum(row["crops"] for row in rows),
        shards_done=shards_done,
        shards_skipped=shards_skipped,
        seconds=seconds,
        notes=_notes(out, change, update, rows),
    )
    if report.tracks == 0:
        first = next((row["message"] for row in rows if row["message"]), "nothing moved in them.")
        raise VidclError(
            f"No track came out of {_count(len(rows), change.plan.kind)} in {out}; the first one: "
            f"{first.splitlines()[0]}"
        )
    return report


def _notes(
    out: Path, change: PlanChange, update: bool, rows: list[dict[str, Any]]
) -> tuple[str, ...]:
    notes = [change.plan.split.note(len(rows))] if change.plan.kind == "video" else []
    if change.changed and not update:
        notes.append(
            f"{_count(len(change.changed), 'file')} changed since the store was planned (the "
            f"first: {change.changed[0]}): --update extracts them again."
        )
    faults = [row for row in rows if row["error"]]
    if faults:
        notes.append(
            f"{_count(len(faults), 'file')} had a fault, listed in {out / 'videos.parquet'} (the "
            f"first: {faults[0]['message'].splitlines()[0]})"
        )
    internal = [row for row in rows if row["error"] == "internal"]
    if internal:
        notes.append(
            f"{_count(len(internal), 'file')} met a fault of vidcl itself (the first: "
            f"{internal[0]['path']}): please report the message in {out / 'videos.parquet'}."
        )
    return tuple(notes)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
