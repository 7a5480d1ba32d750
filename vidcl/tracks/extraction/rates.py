"""Which frames of a video an extraction looks at, and which of them it keeps."""

from dataclasses import dataclass

from vidcl.tracks.config import FollowConfig
from vidcl.tracks.extraction.config import ExtractConfig


@dataclass(frozen=True)
class Rates:
    """What the reader and the follower are asked for.

    Attributes:
        rate: frames per second that are decoded and followed; None is all of them.
        tolerance: seconds by which one may lie beside its time.
        follow: the settings of the follower.
    """

    rate: float | None
    tolerance: float
    follow: FollowConfig


def rates_of(config: ExtractConfig, *, given: bool) -> Rates:
    """The rates that an extraction asks for.

    Args:
        given: boxes come from outside. They hold at the times of the frames they were drawn on, so
            these very frames are asked for.
    """
    follow = config.follow
    # shots are cut on every followed frame, but without regions nothing is followed
    rate = follow.keep_rate if follow.proposer == "frame" else follow.follow_rate
    if rate is None or given or not config.time_tolerance:
        return Rates(rate, 0.0, follow)
    if follow.keep_rate is not None and follow.keep_rate >= rate:
        # a frame may come before its tick; all that are followed are kept
        follow = follow.model_copy(update={"keep_rate": None})
    return Rates(rate, config.time_tolerance / rate, follow)
