"""Plan a run: read the plan, add what is new, write it."""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any

from vidcl.errors import VidclError
from vidcl.tracks.extraction.counts import Counts, Watch
from vidcl.tracks.extraction.extend import PlanChange, Prober, extend_plan
from vidcl.tracks.extraction.plan import Plan
from vidcl.tracks.extraction.plan_file import read_plan, write_plan
from vidcl.tracks.extraction.probed import PROBED, forget_probed, probe_all
from vidcl.tracks.extraction.same_settings import check_same
from vidcl.tracks.extraction.segments import Span
from vidcl.tracks.extraction.sources import Source
from vidcl.tracks.extraction.standing import faulty_videos, remove_emptied
from vidcl.tracks.extraction.work import Work


class Lazily:
    """Starts the engine when the first job comes: a run with nothing to do stays quick."""

    def __init__(self, engine: Callable[[], Any], stack: ExitStack) -> None:
        self._engine = engine
        self._stack = stack
        self._run: Any = None

    def __call__(
        self, function: Callable[[Any], Any], jobs: Iterable[Any]
    ) -> Generator[Any, None, None]:
        waiting = iter(jobs)
        for first in waiting:
            if self._run is None:
                self._run = self._stack.enter_context(self._engine())
            yield from self._run(function, chain([first], waiting))


def plan_work(
    work: Work,
    files: Sequence[Source],
    out: Path,
    run: Lazily,
    counts: Counts,
    watch: Watch | None,
    *,
    retry_failed: bool,
    update: bool,
) -> PlanChange:
    """The plan brought up to date with the files, and written where it is another one.

    Args:
        run: asks new files for their length.
        counts: how many were asked; ``watch`` hears of it.
        update: plan files again that changed; ``retry_failed``: those of them that had a fault.

    Raises:
        VidclError: the store has another configuration or is none, or cannot be written.
    """
    plan = read_plan(out) or _empty_plan(work, out)
    check_same(plan, work.kind, work.settings, out)
    faulty = faulty_videos(plan, out) if retry_failed else set()
    change = extend_plan(
        plan,
        files,
        _prober(work, run, out, counts, watch),
        segment_seconds=work.segment_seconds,
        segments_per_shard=work.segments_per_shard,
        refresh=lambda video_id: update or video_id in faulty,
    )
    if change.plan is not plan:
        write_plan(out, change.plan)
    try:
        forget_probed(out)
        remove_emptied(change.plan, out)
    except OSError as error:
        raise VidclError(
            f"Cannot write to {out} ({error}): check permissions, then run the same command again."
        ) from error
    return change


def _empty_plan(work: Work, out: Path) -> Plan:
    if any(path.name not in (".lock", PROBED) for path in out.iterdir()):
        raise VidclError(
            f"{out} has files but no plan, so it is no track store: name an empty or a new folder "
            "with --out."
        )
    return Plan.empty(work.kind, work.settings, work.backend)


def _prober(
    work: Work, run: Lazily, out: Path, counts: Counts, watch: Watch | None
) -> Prober | None:
    ask = work.probe
    if ask is None:
        return None

    def tell(probed: int, to_probe: int) -> None:
        counts.probed, counts.to_probe = probed, to_probe
        if watch is not None:
            watch(counts)

    def probe(sources: Sequence[Source]) -> Iterable[Span]:
        return probe_all(sources, ask, run, out, tell)

    return probe
