"""Ask files how long they are, in a child process that may hang or die over one of them."""

from contextlib import closing
from pathlib import Path

from vidcl.errors import VidclError
from vidcl.guarded.child import Link
from vidcl.guarded.shared import current_guard
from vidcl.guarded.watched import Child, ChildDied, ChildSlow
from vidcl.tracks.extraction.limits import Limits
from vidcl.tracks.extraction.segments import Span
from vidcl.tracks.extraction.sources import Source
from vidcl.tracks.extraction.spool import Spool, SpoolConfig

#: What a child does.
_WORK = f"{__name__}:probe_in_child"

#: A child that something outside killed is replaced so many times for one file.
_TRIES = 3


def probe_sources(sources: tuple[Source, ...], limits: Limits, spool: SpoolConfig) -> list[Span]:
    """(start, duration) in seconds of each file; None where it does not say or has a fault.

    A fault is found again, and recorded, when the file is extracted; it costs no other file.

    Raises:
        VidclError: no child process stays alive.
    """
    with Spool(spool) as spooled, closing(_Prober(limits)) as prober:
        return [_probe(source, spooled, prober) for source in sources]


def probe_path(path: str | Path) -> Span:
    """The span of one file, in this process; None where it does not say or has a fault."""
    # the supervising process, which imports this module, has no use for a decoder
    from vidcl.video.probe import probe

    try:
        info = probe(path)
    except (VidclError, MemoryError):
        return None
    return None if info.duration is None else (info.start, info.duration)


def probe_in_child(link: Link) -> None:
    """Answer with the span of each path that is heard, until there are no more."""
    from vidcl.video.messages import messages_to_stderr

    messages_to_stderr()
    while (path := link.hear()) is not None:
        link.say(probe_path(path))


def _probe(source: Source, spool: Spool, prober: "_Prober") -> Span:
    try:
        path = spool.local(source)
    except VidclError:
        return None
    return prober(path)


class _Prober:
    """Probes paths, one after the other, with as few children as there are faults."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._child: Child | None = None

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None:
            child.close()

    def __call__(self, path: Path) -> Span:
        if not self._limits.isolate:
            return probe_path(path)
        for _ in range(_TRIES):
            child = self._ready()
            child.say(str(path))
            try:
                _, span = child.hear(self._limits.probe_seconds)
                return span
            except ChildSlow:
                self.close()
                return None
            except ChildDied as death:
                self.close()
                if not death.from_outside:
                    return None
        return None

    def _ready(self) -> Child:
        if self._child is None:
            self._child = current_guard().child(
                _WORK,
                memory=self._limits.memory,
                modules=("vidcl.video.probe", "vidcl.video.messages"),
            )
        return self._child
