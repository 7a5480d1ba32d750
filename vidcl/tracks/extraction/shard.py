"""One task: the segments of one shard to its committed file.

A shard is committed by two files: ``shard-k.arrow`` with the rows, then ``shard-k.json`` with what
happened to each segment. It is done when both are there and the second names exactly the planned
segments, so a run killed anywhere leaves shards that are done or will be done again.

The process that runs a task only supervises it: files are decoded, and the rows written, in a child
process of its own, which may hang or die over a file. Then the shard is done again without that
file. So this module, and what it imports, needs neither numpy nor a decoder.
"""

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

from vidcl.errors import VidclError
from vidcl.tracks.extraction.done import ShardDone
from vidcl.tracks.extraction.faults import Fault, SegmentLost
from vidcl.tracks.extraction.job import ShardJob, TrackMaker
from vidcl.tracks.extraction.outcome import (
    Outcome,
    outcome_path,
    read_outcomes,
    write_outcomes,
)
from vidcl.tracks.extraction.spool import Spool
from vidcl.tracks.extraction.supervise import run_in_child

__all__ = [
    "Outcome",
    "ShardJob",
    "TrackMaker",
    "extract_shard",
    "outcome_path",
    "read_outcomes",
]

#: A segment over which something outside kills the process is tried so many times.
TRIES = 3


def extract_shard(job: ShardJob) -> ShardDone:
    """Extract and commit one shard; gives back its counts.

    Segments that the present shard already has are copied from it. A fault of one video goes into
    its outcome and costs no other.

    Raises:
        VidclError: the store cannot be written, or no process for the work stays alive.
    """
    with Spool(job.spool) as spool:
        outcomes = _outcomes(job, FrontDesk(job, spool))
    try:
        write_outcomes(job.store, job.number, outcomes)
    except OSError as error:
        raise job.cannot_write(error) from error
    return ShardDone(
        number=job.number,
        segments=len(outcomes),
        failed=sum(outcome.error is not None for outcome in outcomes),
        frames=sum(outcome.frames for outcome in outcomes),
    )


class FrontDesk:
    """Gives out the files of a shard, and sees that they are those that were planned."""

    def __init__(self, job: ShardJob, spool: Spool) -> None:
        self._job = job
        self._spool = spool

    def begin(self, index: int) -> Path:
        """The file of segment ``index``.

        Raises:
            VidclError: it cannot be had, or is not what was planned.
        """
        fault = self._stale(index)
        if fault is not None:
            raise _Stale(fault)
        return self._spool.local(self._job.segments[index][1])

    def end(self, index: int) -> None:
        """Look at the file once more.

        Raises:
            SegmentLost: it changed while it was read.
        """
        fault = self._stale(index)
        if fault is not None:
            raise SegmentLost(index, fault)

    def _stale(self, index: int) -> Fault | None:
        segment, source = self._job.segments[index]
        if source.size < 0 or "://" in source.path:
            return None  # a file that was not there when it was planned, or one the spool checks
        try:
            status = os.stat(source.path)
        except OSError as error:
            words = (error.strerror or str(error)).lower()
            return Fault("missing", f"{source.path} cannot be read ({words}); check the path.")
        now = replace(source, size=status.st_size, mtime_ns=status.st_mtime_ns)
        if now.stamp == segment.stamp:
            return None
        return Fault(
            "changed",
            f"{source.path} changed after it was planned, or while it was read: when it is whole, "
            "run the same command again with --update.",
        )


class _Stale(VidclError):
    """A fault that was met before anything was read."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.kind = fault.kind


def _outcomes(job: ShardJob, desk: FrontDesk) -> list[Outcome]:
    """Try until every segment is extracted or lost: each attempt that fails loses one, or counts
    against one."""
    lost: dict[int, Fault] = {}
    failures: Counter[int] = Counter()
    while True:
        try:
            if job.limits.isolate:
                return run_in_child(job, lost, desk)
            # imported here, since it brings the decoders along
            from vidcl.tracks.extraction.rows import write_rows

            return write_rows(job, lost, desk)
        except SegmentLost as loss:
            _remove_half_written(job)
            failures[loss.index] += 1
            if not loss.from_outside or failures[loss.index] >= TRIES:
                lost[loss.index] = loss.fault


def _remove_half_written(job: ShardJob) -> None:
    """What a killed process could not remove itself."""
    path = outcome_path(job.store, job.number).with_suffix(".arrow")
    for half in path.parent.glob(f".{path.name}.*.tmp"):
        half.unlink(missing_ok=True)
