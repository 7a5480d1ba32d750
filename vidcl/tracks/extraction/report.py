"""What a run tells its user."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidcl.errors import VidclError
from vidcl.tracks.extraction.extend import PlanChange


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

    def ending(self, store: Path) -> str:
        """What this run did, and where."""
        there = f", {self.shards_skipped} were there" if self.shards_skipped else ""
        return (
            f"{_count(self.shards_done, 'shard')} extracted in {self.seconds:.1f} s{there}; the "
            f"store is {store}"
        )


@dataclass
class Totals:
    """Sums over the rows of ``videos.parquet``.

    Attributes:
        videos: rows.
        failed, partial: by their status.
        faults: rows with a fault; internal: those with one of vidcl's own.
        tracks, crops: in all.
        first_message: the first row's that has one; first_internal: path of the first such row.
    """

    videos: int = 0
    failed: int = 0
    partial: int = 0
    faults: int = 0
    internal: int = 0
    tracks: int = 0
    crops: int = 0
    first_message: str | None = None
    first_internal: str | None = None

    def add(self, row: dict[str, Any]) -> None:
        """One more row."""
        self.videos += 1
        self.failed += row["status"] == "failed"
        self.partial += row["status"] == "partial"
        self.tracks += row["tracks"]
        self.crops += row["crops"]
        if row["error"]:
            self.faults += 1
            if self.first_message is None:
                self.first_message = row["message"].splitlines()[0]
        if row["error"] == "internal":
            self.internal += 1
            if self.first_internal is None:
                self.first_internal = row["path"]


def make_report(
    totals: Totals,
    change: PlanChange,
    out: Path,
    *,
    shards_done: int,
    shards_skipped: int,
    seconds: float,
    update: bool,
) -> ExtractReport:
    """Say what the sums of ``videos.parquet`` mean.

    Raises:
        VidclError: not one track came out.
    """
    if totals.tracks == 0:
        raise VidclError(
            f"No track came out of {_count(totals.videos, change.plan.kind)} in {out}; the first "
            f"one: {totals.first_message or 'nothing moved in them.'}"
        )
    return ExtractReport(
        videos=totals.videos,
        failed=totals.failed,
        partial=totals.partial,
        internal=totals.internal,
        tracks=totals.tracks,
        crops=totals.crops,
        shards_done=shards_done,
        shards_skipped=shards_skipped,
        seconds=seconds,
        notes=_notes(out, change, update, totals),
    )


def _notes(out: Path, change: PlanChange, update: bool, totals: Totals) -> tuple[str, ...]:
    notes = [change.plan.split.note(totals.videos)] if change.plan.kind == "video" else []
    if change.changed and not update:
        notes.append(
            f"{_count(len(change.changed), 'file')} changed since the store was planned (the "
            f"first: {change.changed[0]}): --update extracts them again."
        )
    if change.copies:
        notes.append(
            f"{_count(len(change.copies), 'file')} left out as copies of files in the store (the "
            f"first: {change.copies[0]})."
        )
    if totals.faults:
        notes.append(
            f"{_count(totals.faults, 'file')} had a fault, listed in {out / 'videos.parquet'} (the "
            f"first: {totals.first_message})"
        )
    if totals.internal:
        notes.append(
            f"{_count(totals.internal, 'file')} met a fault of vidcl itself (the first: "
            f"{totals.first_internal}): please report the message in {out / 'videos.parquet'}."
        )
    return tuple(notes)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
