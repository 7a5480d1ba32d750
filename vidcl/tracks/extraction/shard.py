"""One task: the segments of one shard to its committed file, in one process.

A shard is committed by two files: ``shard-k.arrow`` with the rows, then ``shard-k.json`` with what
happened to each segment. It is done when both are there and the second names exactly the planned
segments, so a run killed anywhere leaves shards that are done or will be done again.
"""

import json
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2

from vidcl.errors import VidclError
from vidcl.files import write_atomic
from vidcl.tracks.extraction.change import look_change
from vidcl.tracks.extraction.done import ShardDone
from vidcl.tracks.extraction.limits import Limits
from vidcl.tracks.extraction.plan import Segment
from vidcl.tracks.extraction.sources import Source
from vidcl.tracks.extraction.spool import Spool, SpoolConfig
from vidcl.tracks.store import TrackStore
from vidcl.tracks.store_schema import TrackRow
from vidcl.tracks.store_writer import shard_path, write_shard
from vidcl.tracks.track import Track


@dataclass
class Outcome:
    """What became of one segment; the numbers behind a row of ``videos.parquet``.

    Attributes:
        key: of the segment.
        video_id: of its video.
        error: kind of the fault, or None; ``internal`` is a fault of vidcl's own.
        message: one sentence, with the traceback behind it for an internal fault.
        facts: width, height, duration, codec, backend and version, once the file was opened.
    """

    key: str
    video_id: str
    frames: int = 0
    corrupt_frames: int = 0
    tracks: int = 0
    crops: int = 0
    seconds: float = 0.0
    error: str | None = None
    message: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def fail(self, kind: str, message: str) -> None:
        self.error, self.message = kind, message


#: Yields the tracks of one segment of a source, whose bytes lie at the path, and fills in the
#: outcome; must pickle.
TrackMaker = Callable[[Source, Path, Segment, Outcome], Iterator[Track]]


@dataclass(frozen=True)
class ShardJob:
    """Everything a worker is told: paths and numbers, no pixels.

    Attributes:
        store: folder of the store.
        number: of the shard.
        segments: with their files, in the order of the rows.
        redo: keys of segments to extract although the present shard has them.
        make_tracks: extracts one segment.
        metadata: written into the shard.
        limits: what a segment may cost.
        spool: where remote files are kept meanwhile.
    """

    store: str
    number: int
    segments: tuple[tuple[Segment, Source], ...]
    redo: frozenset[str]
    make_tracks: TrackMaker
    metadata: dict[str, Any]
    limits: Limits
    spool: SpoolConfig


def outcome_path(store: str | Path, number: int) -> Path:
    """Where the outcomes of a shard's segments lie."""
    return shard_path(store, number).with_suffix(".json")


def read_outcomes(store: str | Path, number: int) -> dict[str, Outcome] | None:
    """Segment key -> outcome of a committed shard, in order; None where it is not committed."""
    try:
        data = json.loads(outcome_path(store, number).read_text(encoding="utf-8"))
        outcomes = {item["key"]: Outcome(**item) for item in data["segments"]}
    except (OSError, ValueError, KeyError, TypeError):
        # absent or damaged alike: the shard is extracted again, which mends it
        return None
    return outcomes if shard_path(store, number).is_file() else None


def extract_shard(job: ShardJob) -> ShardDone:
    """Extract and commit one shard; gives back its counts.

    Segments that the present shard already has are copied from it. A fault of one video goes into
    its outcome and costs no other.

    Raises:
        VidclError: the store cannot be written.
    """
    done = read_outcomes(job.store, job.number) or {}
    store, present = _present_rows(job) if done else (None, {})
    outcomes: list[Outcome] = []

    def rows(spool: Spool) -> Iterator[TrackRow]:
        for segment, source in job.segments:
            old = done.get(segment.key)
            if old is not None and store is not None and segment.key not in job.redo:
                outcomes.append(old)
                for row in present.get(_prefix(segment), []):
                    yield _measured(store, row)
            else:
                outcome = Outcome(segment.key, segment.video_id)
                outcomes.append(outcome)
                yield from _extract(job, segment, source, outcome, spool)

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # the workers are the parallelism
    try:
        with Spool(job.spool) as spool:
            write_shard(shard_path(job.store, job.number), rows(spool), job.metadata)
        text = json.dumps({"segments": [asdict(outcome) for outcome in outcomes]})
        write_atomic(outcome_path(job.store, job.number), text.encode("utf-8"))
    except OSError as error:
        raise VidclError(
            f"Cannot write shard {job.number} of {job.store} ({error}): make room or check "
            "permissions, then run the same command again; finished shards stay."
        ) from error
    finally:
        cv2.setNumThreads(threads)
    return ShardDone(
        number=job.number,
        segments=len(outcomes),
        failed=sum(outcome.error is not None for outcome in outcomes),
        frames=sum(outcome.frames for outcome in outcomes),
    )


def _extract(
    job: ShardJob, segment: Segment, source: Source, outcome: Outcome, spool: Spool
) -> Iterator[TrackRow]:
    started = time.perf_counter()
    try:
        for number, track in enumerate(
            job.make_tracks(source, spool.local(source), segment, outcome)
        ):
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
        # One video's surprise must not cost the others. It is not hidden: its row carries the
        # traceback, the run reports it at its end and does not exit with 0.
        trace = traceback.format_exc(limit=-4)
        outcome.fail("internal", f"{type(error).__name__}: {error}\n{trace}")
    outcome.seconds = round(time.perf_counter() - started, 3)


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
