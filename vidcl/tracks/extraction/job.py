"""What a worker is told of a shard."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidcl.errors import VidclError
from vidcl.guarded.packed import Packed, pack
from vidcl.tracks.extraction.limits import Limits
from vidcl.tracks.extraction.outcome import Outcome
from vidcl.tracks.extraction.segments import Segment
from vidcl.tracks.extraction.sources import Source
from vidcl.tracks.extraction.spool import SpoolConfig

if TYPE_CHECKING:
    from vidcl.tracks.track import Track

#: Yields the tracks of one segment of a source, whose bytes lie at the path, and fills in the
#: outcome; must pickle.
TrackMaker = Callable[[Source, Path, Segment, Outcome], Iterator["Track"]]


@dataclass(frozen=True)
class ShardJob:
    """Everything a worker is told: paths and numbers, no pixels.

    Attributes:
        store: folder of the store.
        number: of the shard.
        segments: with their files, in the order of the rows.
        redo: keys of segments to extract although the present shard has them.
        make_tracks: extracts one segment. In a job that was pickled it is packed, since the worker
            that supervises hands it on and has no use for the decoders it imports.
        metadata: written into the shard.
        limits: what a segment may cost.
        spool: where remote files are kept meanwhile.
    """

    store: str
    number: int
    segments: tuple[tuple[Segment, Source], ...]
    redo: frozenset[str]
    make_tracks: TrackMaker | Packed
    metadata: dict[str, Any]
    limits: Limits
    spool: SpoolConfig

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "make_tracks": self.packed()}

    def packed(self) -> Packed:
        """``make_tracks`` as bytes."""
        return pack(self.make_tracks)

    def maker(self) -> TrackMaker:
        """``make_tracks`` ready for use."""
        packed = self.make_tracks
        return packed.unpack() if isinstance(packed, Packed) else packed

    def cannot_write(self, error: OSError) -> VidclError:
        """What to say when the shard does not get to the disk."""
        return VidclError(
            f"Cannot write shard {self.number} of {self.store} ({error}): make room or check "
            "permissions, then run the same command again; finished shards stay."
        )
