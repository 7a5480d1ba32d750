"""What the driver hears of a job: that it is committed, or that its worker was lost for good."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ShardDone:
    """Counts of a shard that a worker has committed, for the progress line.

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


@dataclass(frozen=True)
class ShardLost:
    """A job whose worker died more often than the engine tries again.

    An engine's run yields it in place of the job's result and goes on with the other jobs; the same
    command run again does what is missing.

    Attributes:
        number: of the job (``job.number``: of the shard, or of the group of files to probe).
        reason: one line.
    """

    number: int
    reason: str
