"""Kinds of fault of a segment, beyond those of ``vidcl.video.errors.VideoError``.

``timeout``: it took longer than its budget. ``crash``: the decoder died in native code. ``killed``:
something outside ended the worker, most often for want of memory. ``memory``: the worker's own
limit was reached. ``changed``: the file was not what it was when it was planned. ``remote``: it
could not be fetched. ``input``: a file beside the video (boxes, an encoder) does not fit.
``internal``: a fault of vidcl's own.
"""

from dataclasses import dataclass

from vidcl.tracks.extraction.limits import Limits

#: Faults that lie outside the file: the same command tries them again without ``--retry-failed``.
TRANSIENT = frozenset({"killed", "changed", "missing", "remote"})


@dataclass(frozen=True)
class Fault:
    """Why nothing is kept of a segment.

    Attributes:
        kind: of the fault.
        message: one sentence.
        native: what the decoder wrote before, or None.
    """

    kind: str
    message: str
    native: str | None = None


def out_of_memory(path: str, limits: Limits) -> str:
    """The message of a fault of kind ``memory``."""
    return (
        f"{path}: to extract it takes more than the {limits.memory / 2**30:.3g} GiB that a worker "
        "may allocate; raise --worker-memory and run again with --retry-failed."
    )


class SegmentLost(Exception):
    """A shard cannot be finished in this attempt, for the sake of one segment.

    Attributes:
        index: of the segment in its shard.
        fault: what the next attempt is to write in its place.
        from_outside: the segment may have no part in it; another attempt may go well.
    """

    def __init__(self, index: int, fault: Fault, *, from_outside: bool = False) -> None:
        super().__init__(fault.message)
        self.index = index
        self.fault = fault
        self.from_outside = from_outside
