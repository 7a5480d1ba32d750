"""Ask a few files for their length: one job of a worker."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vidcl.tracks.extraction.segments import Span
from vidcl.tracks.extraction.sources import Source

#: Answers for a few files; runs in a worker.
Ask = Callable[[tuple[Source, ...]], Sequence[Span]]


@dataclass(frozen=True)
class ProbeJob:
    """Some files and how to ask them."""

    number: int
    sources: tuple[Source, ...]
    ask: Ask


@dataclass(frozen=True)
class ProbeDone:
    """The answers of one job, in the order of its files."""

    number: int
    spans: tuple[Span, ...]


def probe_group(job: ProbeJob) -> ProbeDone:
    """Work of one job, in a worker."""
    return ProbeDone(job.number, tuple(job.ask(job.sources)))
