"""What is asked of a stream: a number of pictures a second, or the pictures at some times."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vidcl.video.choose import Chooser, ExactChooser, TolerantChooser
from vidcl.video.packets import Coded
from vidcl.video.sampling import RateSampler, TimesSampler

#: Where more than this share of all pictures is wanted, nothing is saved by a plan.
_DENSE = 0.8


@dataclass(frozen=True)
class RateRequest:
    """So many pictures a second between two times, as ``RateSampler`` selects them.

    Args:
        rate: pictures per second; None asks for all.
        origin: time of the first tick in seconds.
        start, end: seconds, or None.
        after: pictures at or before this time were given already.
    """

    rate: float | None
    origin: float
    start: float | None
    end: float | None
    after: float = -math.inf

    @property
    def begin(self) -> float | None:
        """Seconds before which nothing is asked for, or None."""
        if self.after == -math.inf:
            return self.start
        return self.after if self.start is None else max(self.after, self.start)

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """The times between which pictures are asked for, or None."""
        return self.start, self.end

    def is_dense(self, stream_rate: float | None) -> bool:
        """Whether most pictures are asked for, so that there is little to leave out."""
        return self.rate is None or (stream_rate is not None and self.rate > _DENSE * stream_rate)

    def sampler(self, grain: float) -> RateSampler[Any]:
        """Selects the exact pictures."""
        return RateSampler(self.rate, self.origin, grain, self.start, self.end, self.after)

    def chooser(self, grain: float, tolerance: float) -> tuple[Chooser, RateSampler[Coded] | None]:
        """Says what to decode, and the sampler it asks."""
        if tolerance <= 0:
            sampler: RateSampler[Coded] = self.sampler(grain)
            return ExactChooser(sampler), sampler
        sampler = RateSampler(self.rate, self.origin, grain)
        return TolerantChooser(sampler, tolerance, self.start, self.end), sampler


@dataclass(frozen=True)
class TimesRequest:
    """The pictures on screen at some times, as ``TimesSampler`` selects them.

    Args:
        times: seconds, not decreasing.
    """

    times: Sequence[float]

    @property
    def begin(self) -> float | None:
        """Seconds before which nothing is asked for, or None."""
        return self.times[0] if len(self.times) else None

    @property
    def bounds(self) -> tuple[None, None]:
        """No bounds but the times themselves."""
        return None, None

    def is_dense(self, stream_rate: float | None) -> bool:
        """Whether most pictures are asked for, so that there is little to leave out."""
        if stream_rate is None or len(self.times) < 2:
            return False
        span = self.times[-1] - self.times[0]
        return len(self.times) - 1 > _DENSE * stream_rate * span

    def sampler(self, grain: float) -> TimesSampler[Any]:
        """Selects the exact pictures."""
        return TimesSampler(self.times, grain)

    def chooser(self, grain: float, tolerance: float) -> tuple[Chooser, None]:
        """Says what to decode."""
        sampler: TimesSampler[Coded] = TimesSampler(self.times, grain)
        if tolerance <= 0:
            return ExactChooser(sampler), None
        return TolerantChooser(sampler, tolerance, None, None), None
