"""Extract videos into a track store: plan, do the shards that are missing, report."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from vidcl.errors import VidclError
from vidcl.tracks.extraction.config import ExtractConfig
from vidcl.tracks.extraction.engine import open_engine
from vidcl.tracks.extraction.limits import Limits
from vidcl.tracks.extraction.lock import locked
from vidcl.tracks.extraction.plan import (
    Plan,
    Prober,
    check_same,
    extend_plan,
    read_plan,
    write_plan,
)
from vidcl.tracks.extraction.report import ExtractReport, make_report
from vidcl.tracks.extraction.segment import VideoTracks, probe_spans
from vidcl.tracks.extraction.shard import ShardJob, TrackMaker, extract_shard, read_outcomes
from vidcl.tracks.extraction.sources import VIDEO_SUFFIXES, list_sources
from vidcl.tracks.extraction.split import SplitRule
from vidcl.tracks.extraction.spool import SpoolConfig
from vidcl.tracks.extraction.videos import write_videos
from vidcl.tracks.trackers.linking import NamedEmbedding
from vidcl.version import __version__

Progress = Callable[[int, int], None]

_PROBES_PER_TASK = 16


@dataclass(frozen=True)
class Work:
    """What differs between videos and still images.

    Attributes:
        kind: ``video`` or ``image``.
        suffixes: of the files that count in a folder.
        settings: the configuration that decides the rows; it must not change within a store.
        metadata: written into every shard beside ``settings``.
        backend: what decodes, and its version; must not change within a store either.
        probe: (start, duration) of each path, run in workers; None where files are not cut.
        make_tracks: extracts one segment.
        limits: what a segment may cost.
        spool: where remote files are kept meanwhile.
    """

    kind: str
    suffixes: frozenset[str]
    settings: dict[str, Any]
    metadata: dict[str, Any]
    backend: str
    probe: Callable[[tuple[str, ...]], list[tuple[float, float] | None]] | None
    make_tracks: TrackMaker
    segment_seconds: float
    segments_per_shard: int
    limits: Limits
    spool: SpoolConfig


def extract(
    sources: Sequence[str | Path],
    out: str | Path,
    config: ExtractConfig,
    *,
    embed_regions: NamedEmbedding | None = None,
    retry_failed: bool = False,
    update: bool = False,
    progress: Progress | None = None,
) -> ExtractReport:
    """Extract videos into the store ``out``, or finish or extend the one that is there.

    Args:
        sources: files, folders, glob patterns, ``.txt`` lists.
        embed_regions: features for the tracker ``link``; None is its hand-made descriptor.
        retry_failed: do the segments with a fault again.
        update: extract files again that changed since they were planned.
        progress: called with (shards done, shards).

    Raises:
        VidclError: a source names nothing, the store has another configuration, nothing in any
            file could be tracked, ...
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
        backend=f"pyav {version('av')}",
        probe=probe_spans,
        make_tracks=make_tracks,
        segment_seconds=config.segment_seconds,
        segments_per_shard=config.segments_per_shard,
        limits=config.limits(),
        spool=config.spool(),
    )
    engine = partial(open_engine, config.engine, config.workers, config.ray_address)
    return run_work(
        work, sources, Path(out), engine, retry_failed=retry_failed, update=update,
        progress=progress,
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
) -> ExtractReport:
    """The run itself, for any kind of source; see ``extract``."""
    began = time.monotonic()
    files = list_sources(sources, work.suffixes)
    with locked(out), ExitStack() as stack:
        run = _Lazily(engine, stack)
        plan = read_plan(out / "plan.json") or _empty_plan(work, out)
        check_same(plan, work.kind, work.settings, out)
        faulty = _faulty(plan, out) if retry_failed else set()
        change = extend_plan(
            plan,
            files,
            _prober(work, run),
            segment_seconds=work.segment_seconds,
            segments_per_shard=work.segments_per_shard,
            refresh=lambda video_id: update or video_id in faulty,
        )
        if change.plan != plan:
            write_plan(out / "plan.json", change.plan)
        jobs = list(_missing(change.plan, out, work, retry_failed))
        if jobs and change.plan.backend != work.backend:
            raise VidclError(
                f"The store {out} was made with {change.plan.backend} and this is {work.backend}, "
                "which may decode other frames: finish it with the old one, or use another --out."
            )
        total = len(change.plan.shards)
        done = total - len(jobs)
        try:
            if progress:
                progress(done, total)
            for _ in run(extract_shard, jobs) if jobs else ():
                done += 1
                if progress:
                    progress(done, total)
        finally:
            # also after Ctrl-C: what is committed has its rows
            rows = write_videos(out, change.plan)
    return make_report(
        rows,
        change,
        out,
        shards_done=len(jobs),
        shards_skipped=total - len(jobs),
        seconds=time.monotonic() - began,
        update=update,
    )


def _empty_plan(work: Work, out: Path) -> Plan:
    if any(path.name != ".lock" for path in out.iterdir()):
        raise VidclError(
            f"{out} has files but no plan.json, so it is no track store: name an empty or a new "
            "folder with --out."
        )
    return Plan(work.kind, work.settings, work.backend, SplitRule("videos", 0.0), {}, ())


def _prober(work: Work, run: "_Lazily") -> Prober | None:
    ask = work.probe
    if ask is None:
        return None

    def probe(paths: Sequence[str]) -> list[tuple[float, float] | None]:
        groups = [
            tuple(paths[at : at + _PROBES_PER_TASK])
            for at in range(0, len(paths), _PROBES_PER_TASK)
        ]
        found: dict[str, tuple[float, float] | None] = {}
        for answer in run(partial(_probe_group, ask), groups):
            found.update(answer)
        return [found[path] for path in paths]

    return probe


def _probe_group(
    probe: Callable[[tuple[str, ...]], list[tuple[float, float] | None]], paths: tuple[str, ...]
) -> dict[str, tuple[float, float] | None]:
    """Answers carry their paths, since groups come back in any order."""
    return dict(zip(paths, probe(paths), strict=True))


def _missing(plan: Plan, out: Path, work: Work, retry_failed: bool) -> Iterator[ShardJob]:
    metadata = {
        **work.metadata,
        "kind": plan.kind,
        "backend": plan.backend,
        "vidcl": __version__,
        "split": plan.split.rule,
        "configuration": work.settings,
    }
    for number, segments in enumerate(plan.shards):
        outcomes = read_outcomes(out, number)
        there = outcomes or {}
        redo = frozenset(key for key, outcome in there.items() if retry_failed and outcome.error)
        if outcomes is None or redo or list(there) != [segment.key for segment in segments]:
            yield ShardJob(
                store=str(out),
                number=number,
                segments=tuple((segment, plan.videos[segment.video_id]) for segment in segments),
                redo=redo,
                make_tracks=work.make_tracks,
                metadata=metadata,
                limits=work.limits,
                spool=work.spool,
            )


def _faulty(plan: Plan, out: Path) -> set[str]:
    """Videos with a fault in any committed segment."""
    return {
        outcome.video_id
        for number in range(len(plan.shards))
        for outcome in (read_outcomes(out, number) or {}).values()
        if outcome.error
    }


class _Lazily:
    """Starts the engine when the first job comes: a run with nothing to do stays quick."""

    def __init__(self, engine: Callable[[], Any], stack: ExitStack) -> None:
        self._engine = engine
        self._stack = stack
        self._run: Any = None

    def __call__(self, function: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[Any]:
        if self._run is None:
            self._run = self._stack.enter_context(self._engine())
        yield from self._run(function, jobs)
