"""What a store still lacks: which shards are missing, or have segments to be done again."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vidcl.tracks.extraction.faults import TRANSIENT
from vidcl.tracks.extraction.outcome import Outcome, outcome_path, read_outcomes
from vidcl.tracks.extraction.plan import Plan
from vidcl.tracks.extraction.remote_access import is_remote
from vidcl.tracks.extraction.sources import Source
from vidcl.tracks.store_writer import shard_path

#: Whether a segment is to be done again; one without a fault never is.
Again = Callable[[Outcome, Source], bool]

_SHARD_FILE = re.compile(r"shard-(\d+)\.(?:arrow|json)")


def missing_shards(plan: Plan, store: Path, again: Again) -> np.ndarray:
    """Numbers of the shards that are not there as planned or have a segment to be done again,
    int64, rising. One shard's outcomes are in memory at a time."""
    numbers = (int(number) for number in plan.live_shards)
    return np.array([n for n in numbers if _is_missing(plan, store, n, again)], np.int64)


def to_redo(plan: Plan, store: Path, number: int, again: Again) -> frozenset[str]:
    """Keys of the committed segments of a shard that are to be done again."""
    outcomes = read_outcomes(store, number) or {}
    return frozenset(
        segment.key
        for segment, source in plan.shard(number)
        if (found := outcomes.get(segment.key)) is not None and again(found, source)
    )


def faulty_videos(plan: Plan, store: Path) -> set[str]:
    """Ids of the videos with a fault in any committed segment."""
    return {
        outcome.video_id
        for number in plan.live_shards
        for outcome in (read_outcomes(store, int(number)) or {}).values()
        if outcome.error
    }


def again_on_demand(outcome: Outcome, source: Source) -> bool:
    """``--retry-failed``: whatever met a fault."""
    return outcome.error is not None


def again_of_itself(outcome: Outcome, source: Source) -> bool:
    """Without it: what failed for a reason outside the file, if the planned file is there."""
    return outcome.error in TRANSIENT and _is_there(source)


def remove_emptied(plan: Plan, store: Path) -> None:
    """Remove the files of shards that have no segments any more, rows first."""
    live = plan.sizes > 0
    folder = store / "shards"
    if not folder.is_dir():
        return
    numbers = {int(match[1]) for name in os.listdir(folder) if (match := _SHARD_FILE.match(name))}
    for number in numbers:
        if number >= len(live) or not live[number]:
            shard_path(store, number).unlink(missing_ok=True)
            outcome_path(store, number).unlink(missing_ok=True)


def _is_missing(plan: Plan, store: Path, number: int, again: Again) -> bool:
    outcomes = read_outcomes(store, number)
    if outcomes is None:
        return True
    if list(outcomes) != plan.keys(number):
        return True
    if not any(outcome.error for outcome in outcomes.values()):
        return False
    planned = plan.shard(number)
    return any(again(outcomes[segment.key], source) for segment, source in planned)


def _is_there(source: Source) -> bool:
    if is_remote(source.path):
        return True  # the worker finds out when it fetches it
    try:
        status = os.stat(source.path)
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (source.size, source.mtime_ns)
