"""What one segment may cost."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Budgets of a worker; they say how the work is done and not what comes out.

    Attributes:
        probe_seconds: to open a file and decode its first frame.
        segment_seconds: to extract one segment.
        grace: seconds beyond them in which a segment may end by itself, with what it has; a
            decoder that hangs does not, and its process is killed.
        memory: bytes that the process which decodes may allocate.
        isolate: decode in a child process, so that a decoder which hangs or dies costs one
            segment; False decodes in the calling process.
    """

    probe_seconds: float = 60.0
    segment_seconds: float = 600.0
    grace: float = 30.0
    memory: int = 4 * 2**30
    isolate: bool = True
