"""Which pictures a request selects, given their times in order."""

import itertools
import math
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

Item = TypeVar("Item")

#: Seconds by which ``quiet`` keeps off the tick, so that rounding cannot pass a picture over.
_MARGIN = 1e-6


class Sampler(Protocol[Item]):
    """Exact selection from pictures that come in order of time.

    Attributes:
        done: no picture that is still to come is wanted.
        resume: the earliest time at which one can be.
        quiet: a picture before this time need not be pushed.
    """

    done: bool

    @property
    def resume(self) -> float: ...

    @property
    def quiet(self) -> float: ...

    def push(self, item: Item, time: float) -> tuple[Item, int] | None:
        """A picture whose fate is settled by this one, and how often it is wanted (0: not)."""
        ...

    def finish(self) -> tuple[Item, int] | None:
        """As ``push``, when there is no further picture."""
        ...


class RateSampler(Generic[Item]):
    """The first picture at or after each tick of a grid of step 1/rate, between two times.

    The grid begins at ``origin`` whatever ``start`` is, so a video read in pieces gives the same
    pictures as read whole.

    Args:
        rate: ticks per second; None takes every picture.
        origin: time of the first tick in seconds.
        grain: a picture counts as being on a tick when it misses it by no more, in seconds.
        start, end: pictures with ``start <= time < end`` are wanted; None is without bound.
        after: pictures at or before this time are not wanted.
    """

    def __init__(
        self,
        rate: float | None,
        origin: float,
        grain: float,
        start: float | None = None,
        end: float | None = None,
        after: float = -math.inf,
    ) -> None:
        self._rate = rate
        self._origin = origin
        self._grain = grain
        self._after = after
        self._tick = 0
        self.done = False
        self.bound(start, end)

    def bound(self, start: float | None, end: float | None) -> None:
        """Set both bounds anew for the pictures that are still to come."""
        self._start = -math.inf if start is None else start
        self._end = math.inf if end is None else end

    @property
    def resume(self) -> float:
        tick = self._origin + self._tick / self._rate if self._rate is not None else -math.inf
        return max(tick - self._grain, self._start)

    @property
    def quiet(self) -> float:
        if self._rate is None:
            return -math.inf
        return min(self._origin + self._tick / self._rate - self._grain, self._end) - _MARGIN

    def push(self, item: Item, time: float) -> tuple[Item, int] | None:
        if time >= self._end:
            self.done = True
            return item, 0
        wanted = True
        if self._rate is not None:
            wanted = time + self._grain >= self._origin + self._tick / self._rate
            if wanted:
                passed = (time + self._grain - self._origin) * self._rate
                self._tick = math.floor(passed + 1e-9) + 1
        return item, int(wanted and time >= self._start and time > self._after)

    def finish(self) -> tuple[Item, int] | None:
        return None


class TimesSampler(Generic[Item]):
    """The picture on screen at each of some times.

    A time before the first picture takes the first, one after the last takes the last.

    Args:
        times: seconds, not decreasing.
        grain: a picture counts as on screen this many seconds early.

    Raises:
        ValueError: the times decrease.
    """

    def __init__(self, times: Sequence[float], grain: float) -> None:
        if any(later < earlier for earlier, later in itertools.pairwise(times)):
            raise ValueError("times must not decrease; sort them")
        self._pending = list(reversed(times))
        self._grain = grain
        self._shown: Item | None = None
        self.done = not self._pending

    @property
    def resume(self) -> float:
        return self._pending[-1] if self._pending else math.inf

    @property
    def quiet(self) -> float:
        return -math.inf

    def push(self, item: Item, time: float) -> tuple[Item, int] | None:
        shown, self._shown = self._shown, item
        if shown is None:
            return None
        count = 0
        while self._pending and time - self._grain > self._pending[-1]:
            self._pending.pop()
            count += 1
        self.done = not self._pending
        return shown, count

    def finish(self) -> tuple[Item, int] | None:
        self.done = True
        return None if self._shown is None else (self._shown, len(self._pending))
