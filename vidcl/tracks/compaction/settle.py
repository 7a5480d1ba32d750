"""Bring a merge of shards to its end, from wherever it stopped.

The merge itself is one moment: when the record names it (``store_merge.py``), readers take the
merged file. Before that nothing has changed; after it only these steps remain, each of which may be
done again.
"""

import os
from dataclasses import replace
from pathlib import Path

from vidcl.tracks.extraction.outcome import outcome_path
from vidcl.tracks.extraction.plan_file import read_plan, write_plan
from vidcl.tracks.store_merge import MergeRecord, aside_name, read_record, write_record
from vidcl.tracks.store_writer import shard_path


def settle(store: str | Path) -> bool:
    """Finish merges that a stopped compaction left, and remove what it never began to use.

    Call it with the store's lock held, before the plan is read. Whether there was anything to
    finish.

    Raises:
        VidclError: the record or the plan cannot be read.
    """
    store = Path(store)
    record = read_record(store)
    if record.into is not None:
        settle_files(store, record)
        record = read_record(store)
    for left in store.glob("shards/.*.merged"):
        left.unlink()
    if not record.unplanned:
        return False
    settle_plan(store, record)
    return True


def settle_files(store: Path, record: MergeRecord) -> None:
    """Give the merged file its name and remove the files it stands for."""
    assert record.into is not None
    # A list of names made earlier must never open both: the old files go before the name is used.
    for number in record.merged:
        if number != record.into:
            outcome_path(store, number).unlink(missing_ok=True)
            shard_path(store, number).unlink(missing_ok=True)
    sync_folder(store / "shards")
    for path in (outcome_path(store, record.into), shard_path(store, record.into)):
        aside = path.with_name(aside_name(path.name))
        if aside.exists():
            os.replace(aside, path)
    sync_folder(store / "shards")
    unplanned = (*record.unplanned, record.merged)
    write_record(store, MergeRecord(record.generation + 1, unplanned=unplanned))


def settle_plan(store: Path, record: MergeRecord) -> None:
    """Write the merges into the plan."""
    plan = read_plan(store)
    if plan is not None:
        write_plan(store, plan.merged_groups(record.unplanned))
    write_record(store, replace(record, unplanned=()))


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last: a file's own flush does not."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
