"""The rows of one shard, made in the process that decodes."""

import errno
import gc
import os
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import cv2

from vidcl.errors import VidclError
from vidcl.guarded.child import Link
from vidcl.tracks.extraction.change import look_change
from vidcl.tracks.extraction.faults import Fault, out_of_memory
from vidcl.tracks.extraction.heap import map_large_blocks
from vidcl.tracks.extraction.job import ShardJob, TrackMaker
from vidcl.tracks.extraction.outcome import Outcome, read_outcomes
from vidcl.tracks.extraction.segments import Segment
from vidcl.tracks.extraction.sources import Source
from vidcl.tracks.store import TrackStore
from vidcl.tracks.store_schema import TrackRow
from vidcl.tracks.store_writer import shard_path, write_shard
from vidcl.video.errors import VideoError
from vidcl.video.messages import messages_to_stderr

#: The system's words for a refused allocation.
_NO_MEMORY = os.strerror(errno.ENOMEM)


class Desk(Protocol):
    """Who gives out the files of a shard, and hears when each is done with."""

    def begin(self, index: int) -> Path:
        """Where the file of segment ``index`` of the job lies.

        Raises:
            VidclError: it cannot be had.
        """

    def end(self, index: int) -> None:
        """Nothing more will be read for that segment."""


def write_rows(job: ShardJob, lost: Mapping[int, Fault], desk: Desk) -> list[Outcome]:
    """Write ``shard-k.arrow``; gives back the outcomes of its segments, in order.

    Args:
        job: the shard. Segments that the present shard already has are copied from it.
        lost: index of a segment -> its fault, of those not to be tried.
        desk: gives out the files.

    Raises:
        VidclError: the store cannot be written.
    """
    outcomes: list[Outcome] = []
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # the workers are the parallelism
    try:
        rows = _rows(job, lost, desk, outcomes)
        write_shard(shard_path(job.store, job.number), rows, job.metadata)
    except OSError as error:
        raise job.cannot_write(error) from error
    finally:
        cv2.setNumThreads(threads)
    return outcomes


def write_rows_in_child(link: Link, job: ShardJob, lost: Mapping[int, Fault]) -> list[Outcome]:
    """``write_rows`` in a guarded child, whose supervisor gives out the files."""
    messages_to_stderr()
    map_large_blocks()
    return write_rows(job, lost, _FarDesk(link))


class _FarDesk:
    """The desk of a supervisor, asked over a link."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def begin(self, index: int) -> Path:
        self._link.say(("begin", index))
        answer = self._link.hear()
        if isinstance(answer, Fault):
            raise VideoError(answer.message, answer.kind)
        return Path(answer)

    def end(self, index: int) -> None:
        self._link.say(("end", index))


def _rows(
    job: ShardJob, lost: Mapping[int, Fault], desk: Desk, outcomes: list[Outcome]
) -> Iterator[TrackRow]:
    done = read_outcomes(job.store, job.number) or {}
    store, present = _present_rows(job) if done else (None, {})
    make_tracks = job.maker()
    for index, (segment, source) in enumerate(job.segments):
        old = done.get(segment.key)
        if old is not None and store is not None and segment.key not in job.redo:
            outcomes.append(old)
            for row in present.get(_prefix(segment), []):
                yield _measured(store, row)
            continue
        outcome = Outcome(segment.key, segment.video_id)
        outcomes.append(outcome)
        if index in lost:
            fault = lost[index]
            outcome.fail(fault.kind, fault.message)
            outcome.native = fault.native
            continue
        started = time.perf_counter()
        try:
            path = desk.begin(index)
        except VidclError as error:
            outcome.fail(getattr(error, "kind", "input"), str(error))
            continue
        yield from _extract(job, make_tracks, segment, source, path, outcome)
        if outcome.message is not None:  # a fetched file has a name that nobody knows
            outcome.message = outcome.message.replace(str(path), source.path)
        outcome.seconds = round(time.perf_counter() - started, 3)
        desk.end(index)


def _extract(
    job: ShardJob,
    make_tracks: TrackMaker,
    segment: Segment,
    source: Source,
    path: Path,
    outcome: Outcome,
) -> Iterator[TrackRow]:
    try:
        for number, track in enumerate(make_tracks(source, path, segment, outcome)):
            outcome.tracks += 1
            outcome.crops += len(track)
            look = look_change(track.crops)
            yield TrackRow(
                track_id=f"{_prefix(segment)}-{number:05d}",
                video_id=segment.video_id,
                video=source.path,
                split=segment.split,
                change=look.overall,
                changes=look.steps,
                track=track,
            )
    except VidclError as error:
        outcome.fail(getattr(error, "kind", "input"), str(error))
    except Exception as error:
        if _is_memory(error):
            gc.collect()
            outcome.fail("memory", out_of_memory(source.path, job.limits))
        else:
            # One video's surprise must not cost the others. It is not hidden: its row carries the
            # traceback, the run reports it at its end and does not exit with 0.
            trace = traceback.format_exc(limit=-4)
            outcome.fail("internal", f"{type(error).__name__}: {error}\n{trace}")
    if outcome.error in ("corrupt", "not_video") and _NO_MEMORY in (outcome.message or ""):
        # a decoder that is refused memory stops as at a damaged file, but says why
        outcome.fail("memory", out_of_memory(source.path, job.limits))


def _is_memory(error: Exception) -> bool:
    # numpy, pyarrow and PyAV derive theirs from MemoryError; OpenCV has a code
    return isinstance(error, MemoryError) or (
        isinstance(error, cv2.error) and getattr(error, "code", None) == cv2.Error.StsNoMem
    )


def _measured(store: TrackStore, row: int) -> TrackRow:
    """A row of the present shard; one that an older vidcl wrote gets its changes measured."""
    present = store.read_row(row)
    if store.has_changes:
        return present
    look = look_change(present.track.crops)
    return replace(present, change=look.overall, changes=look.steps)


def _prefix(segment: Segment) -> str:
    return f"{segment.video_id}-{segment.index:04d}"


def _present_rows(job: ShardJob) -> tuple[TrackStore | None, dict[str, list[int]]]:
    """The shard that is there and prefix of the track id -> its rows; None if it is damaged."""
    rows: dict[str, list[int]] = {}
    try:
        store = TrackStore(job.store, (shard_path(job.store, job.number).name,))
        for row, track_id in enumerate(store.column("track_id")):
            rows.setdefault(track_id.rpartition("-")[0], []).append(row)
    except VidclError:
        # extracting all of its segments again mends it
        return None, {}
    return store, rows
