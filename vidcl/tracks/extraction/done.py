"""What a worker tells the driver about a shard it has committed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ShardDone:
    """Counts alone, for the progress line.

    Attributes:
        number: of the shard.
        segments: in it.
        failed: those of them that met a fault.
        frames: decoded for it.
    """

    number: int
    segments: int
    failed: int
    frames: int
