"""Extract videos into a track store: plan, do the shards that are missing, report."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vidcl.errors import VidclError
from vidcl.tracks.extraction.config import ExtractConfig
from vidcl.tracks.extraction.counts import Counts, Tally, Watch
from vidcl.tracks.extraction.done import ShardLost
from vidcl.tracks.extraction.engine import open_engine
from vidcl.tracks.extraction.job import ShardJob
from vidcl.tracks.extraction.lock import locked
from vidcl.tracks.extraction.plan import Plan
from vidcl.tracks.extraction.planning import Lazily, plan_work
from vidcl.tracks.extraction.probing import probe_sources
from vidcl.tracks.extraction.report import ExtractReport, make_report
from vidcl.tracks.extraction.segment import VideoTracks
from vidcl.tracks.extraction.shard import extract_shard
from vidcl.tracks.extraction.sources import VIDEO_SUFFIXES, list_sources
from vidcl.tracks.extraction.standing import (
    Again,
    again_of_itself,
    again_on_demand,
    missing_shards,
    to_redo,
)
from vidcl.tracks.extraction.videos import write_videos
from vidcl.tracks.extraction.work import Work
from vidcl.tracks.trackers.linking import NamedEmbedding
from vidcl.version import __version__
from vidcl.video.open import backend_version

Progress = Callable[[int, int], None]


def extract(
    sources: Sequence[str | Path],
    out: str | Path,
    config: ExtractConfig,
    *,
    embed_regions: NamedEmbedding | None = None,
    retry_failed: bool = False,
    update: bool = False,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> ExtractReport:
    """Extract videos into the store ``out``, or finish or extend the one that is there.

    Args:
        sources: files, folders, glob patterns, remote addresses, ``.txt`` lists.
        embed_regions: features for the tracker ``link``; None is its hand-made descriptor.
        retry_failed: do the segments with a fault again.
        update: extract files again that changed since they were planned.
        progress: called with (shards done, shards).
        watch: called with all counts, also while files are probed.

    Raises:
        VidclError: a source names nothing, the store has another configuration, nothing in any
            file could be tracked, a shard was not finished, the store cannot be written, ...
    """
    if config.follow.proposer == "given" and config.given_dir is None:
        raise VidclError("The proposer 'given' needs boxes: name their folder with --given-dir.")
    make_tracks = VideoTracks(config, embed_regions)
    work = Work(
        kind="video",
        suffixes=VIDEO_SUFFIXES,
        settings=make_tracks.settings(),
        metadata={
            "canvas": config.crop.canvas,
            "quality": config.crop.quality,
            "margin": config.crop.margin,
            "follow_rate": config.follow.follow_rate,
            "keep_rate": config.follow.keep_rate,
        },
        backend=backend_version(config.decoder),
        probe=partial(probe_sources, limits=config.limits(), spool=config.spool()),
        make_tracks=make_tracks,
        segment_seconds=config.segment_seconds,
        segments_per_shard=config.segments_per_shard,
        limits=config.limits(),
        spool=config.spool(),
    )
    engine = partial(open_engine, config.engine, config.workers, config.ray_address)
    return run_work(
        work, sources, Path(out), engine, retry_failed=retry_failed, update=update,
        progress=progress, watch=watch,
    )  # fmt: skip


def run_work(
    work: Work,
    sources: Sequence[str | Path],
    out: Path,
    engine: Callable[[], Any],
    *,
    retry_failed: bool,
    update: bool,
    progress: Progress | None,
    watch: Watch | None = None,
) -> ExtractReport:
    """The run itself, for any kind of source; see ``extract``."""
    began = time.monotonic()
    counts = Counts()
    tell = partial(_tell, counts, progress, watch)
    files = list_sources(sources, work.suffixes)
    with locked(out), ExitStack() as stack:
        run = Lazily(engine, stack)
        change = plan_work(
            work, files, out, run, counts, watch, retry_failed=retry_failed, update=update
        )
        del files
        plan = change.plan
        again = again_on_demand if retry_failed else again_of_itself
        missing = missing_shards(plan, out, again)
        if len(missing) and plan.backend != work.backend:
            raise VidclError(
                f"The store {out} was made with {plan.backend} and this is {work.backend}, "
                "which may decode other frames: finish it with the old one, or use another --out."
            )
        tally = Tally(plan, missing, counts)
        tell()
        lost: list[ShardLost] = []
        try:
            jobs = _jobs(plan, out, work, missing, again)
            with closing(run(extract_shard, jobs)) as results:
                for done in results:
                    if isinstance(done, ShardLost):
                        lost.append(done)
                        counts.lost += 1
                    else:
                        tally.add(done)
                    tell()
        except BaseException as error:
            # also after Ctrl-C: what is committed has its rows
            _keep_rows(out, plan, error)
            raise
        totals = write_videos(out, plan)
    if lost:
        raise VidclError(
            f"{len(lost)} of {counts.shards} shards of {out} were not finished, since their worker "
            f"was lost (the first: {lost[0].reason}): run the same command again; finished shards "
            "stay."
        )
    return make_report(
        totals,
        change,
        out,
        shards_done=len(missing),
        shards_skipped=counts.shards - len(missing),
        seconds=time.monotonic() - began,
        update=update,
    )


def _jobs(
    plan: Plan, out: Path, work: Work, missing: np.ndarray, again: Again
) -> Iterator[ShardJob]:
    """What is to be done, one job at a time as workers become free."""
    metadata = {
        **work.metadata,
        "kind": plan.kind,
        "backend": plan.backend,
        "vidcl": __version__,
        "split": plan.split.rule,
        "configuration": work.settings,
    }
    for number in missing.tolist():
        yield ShardJob(
            store=str(out),
            number=number,
            segments=plan.shard(number),
            redo=to_redo(plan, out, number, again),
            make_tracks=work.make_tracks,
            metadata=metadata,
            limits=work.limits,
            spool=work.spool,
        )


def _keep_rows(out: Path, plan: Plan, error: BaseException) -> None:
    """Write ``videos.parquet`` on the way out; what stopped the run is said first."""
    try:
        write_videos(out, plan)
    except VidclError as second:
        error.add_note(str(second))


def _tell(counts: Counts, progress: Progress | None, watch: Watch | None) -> None:
    if progress is not None:
        progress(counts.shards_done, counts.shards)
    if watch is not None:
        watch(counts)
