"""Compact a track store: fewer and larger shards, the same rows in the same order."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from vidcl.errors import VidclError
from vidcl.files import atomic_path, write_atomic
from vidcl.tracks.compaction.groups import Choice, Small, groups_to_merge
from vidcl.tracks.compaction.join import join_shards
from vidcl.tracks.compaction.settle import settle, settle_files, sync_folder
from vidcl.tracks.extraction.lock import locked
from vidcl.tracks.extraction.outcome import outcome_path, read_outcomes
from vidcl.tracks.extraction.plan import Plan
from vidcl.tracks.extraction.plan_file import read_plan
from vidcl.tracks.store_files import list_shards
from vidcl.tracks.store_merge import MergeRecord, aside_name, read_record, write_record
from vidcl.tracks.store_writer import shard_path

#: Bytes left free beside the merged file, for the plan and for others.
SPARE = 64 * 2**20

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CompactReport:
    """What a compaction did, or would do.

    Attributes:
        before, after: shards that are extracted.
        merged: of ``before``, those that went into larger ones.
        pending: shards that are planned and not extracted; they stay as they are.
        rows, bytes: of the shards that were merged.
        seconds: wall clock.
    """

    before: int
    after: int
    merged: int
    pending: int
    rows: int
    bytes: int
    seconds: float


def compact(
    store: str | Path,
    *,
    target: int = 512 * 2**20,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> CompactReport:
    """Merge neighbouring shards into shards of up to ``target`` bytes of crops.

    Readers see every row once at every moment, however the compaction ends. Segments that are not
    extracted yet stay to be extracted, and faults stay to be retried.

    Args:
        store: folder of the store.
        target: bytes of crops per shard; a larger shard stays as it is.
        dry_run: change nothing, only say what would be done.
        progress: called with (shards merged, shards to merge).

    Raises:
        VidclError: there is no store or it has no plan, another process works on it, a shard is
            damaged, or there is no room.
    """
    began = time.monotonic()
    store = Path(store)
    if target < 1:
        raise VidclError("The target size must be above 0: give --target-mib 512, for example.")
    list_shards(store)
    if dry_run:
        record = read_record(store)
        if record.into is not None or record.unplanned:
            raise VidclError(
                f"A compaction of {store} was interrupted: run it without --dry-run to finish it."
            )
        return _report(groups_to_merge(store, _plan(store), target), began)
    try:
        with locked(store):
            settle(store)
            choice = groups_to_merge(store, _plan(store), target)
            _check_room(store, choice.groups)
            try:
                _merge_all(store, choice.groups, progress)
            finally:
                settle(store)
    except OSError as error:
        raise VidclError(
            f"Cannot write into {store} ({error}): make room or check permissions, then compact "
            "again; no row is lost."
        ) from error
    return _report(choice, began)


def _merge_all(store: Path, groups: list[list[Small]], progress: Progress | None) -> None:
    total = sum(map(len, groups))
    done = 0
    for group in groups:
        if progress:
            progress(done, total)
        _merge(store, group)
        done += len(group)
    if progress:
        progress(done, total)


def _plan(store: Path) -> Plan:
    plan = read_plan(store)
    if plan is None:
        raise VidclError(
            f"{store} has no plan, so it was not written by 'vidcl extract': only such stores "
            "can be compacted."
        )
    return plan


def _merge(store: Path, group: list[Small]) -> None:
    """Merge one group; all that can fail for want of room comes before anything is changed."""
    numbers = tuple(shard.number for shard in group)
    rows_path, outcomes_path = shard_path(store, numbers[0]), outcome_path(store, numbers[0])
    with atomic_path(rows_path.with_name(aside_name(rows_path.name))) as aside:
        rows = join_shards([shard_path(store, number) for number in numbers], aside)
        if rows != sum(shard.rows for shard in group):
            raise VidclError(
                f"The shards {numbers[0]} to {numbers[-1]} of {store} changed while they were "
                "merged: make sure that nothing else writes there, and compact again."
            )
    outcomes = [
        asdict(outcome)
        for number in numbers
        for outcome in (read_outcomes(store, number) or {}).values()
    ]
    write_atomic(
        outcomes_path.with_name(aside_name(outcomes_path.name)),
        json.dumps({"segments": outcomes}).encode("utf-8"),
    )
    sync_folder(store / "shards")
    present = read_record(store)
    record = MergeRecord(present.generation + 1, numbers[0], numbers, present.unplanned)
    write_record(store, record)
    settle_files(store, record)


def _check_room(store: Path, groups: list[list[Small]]) -> None:
    """Old and merged files lie side by side for one group at a time."""
    needed = max((sum(shard.size for shard in group) for group in groups), default=0) + SPARE
    free = shutil.disk_usage(store).free
    if groups and free < needed:
        raise VidclError(
            f"Compacting {store} needs {needed / 2**20:.0f} MiB free at a time and there are "
            f"{free / 2**20:.0f}: make room, or give a smaller --target-mib."
        )


def _report(choice: Choice, began: float) -> CompactReport:
    merged = [shard for group in choice.groups for shard in group]
    return CompactReport(
        before=choice.shards,
        after=choice.shards - len(merged) + len(choice.groups),
        merged=len(merged),
        pending=choice.pending,
        rows=sum(shard.rows for shard in merged),
        bytes=sum(shard.size for shard in merged),
        seconds=time.monotonic() - began,
    )
