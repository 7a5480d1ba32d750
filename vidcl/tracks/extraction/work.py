"""One kind of work for the driver: what differs between videos and still images."""

from dataclasses import dataclass
from typing import Any

from vidcl.tracks.extraction.job import TrackMaker
from vidcl.tracks.extraction.limits import Limits
from vidcl.tracks.extraction.probe_job import Ask
from vidcl.tracks.extraction.spool import SpoolConfig


@dataclass(frozen=True)
class Work:
    """What differs between videos and still images.

    Attributes:
        kind: ``video`` or ``image``.
        suffixes: of the files that count in a folder.
        settings: the configuration that decides the rows; it must not change within a store.
        metadata: written into every shard beside ``settings``.
        backend: what decodes, and its version; must not change within a store either.
        probe: (start, duration) of each file, run in workers; None where files are not cut.
        make_tracks: extracts one segment.
        limits: what a segment may cost.
        spool: where remote files are kept meanwhile.
    """

    kind: str
    suffixes: frozenset[str]
    settings: dict[str, Any]
    metadata: dict[str, Any]
    backend: str
    probe: Ask | None
    make_tracks: TrackMaker
    segment_seconds: float
    segments_per_shard: int
    limits: Limits
    spool: SpoolConfig
