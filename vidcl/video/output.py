"""What comes out of the decoder, matched with the pictures that were chosen."""

import math
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

from av.video.frame import VideoFrame

from vidcl.video.choose import Choice
from vidcl.video.clock import Clock
from vidcl.video.frames import DecodeEnd
from vidcl.video.opened import Opened
from vidcl.video.sampling import RateSampler


class PlanFailed(Exception):
    """The decoder did not give what the packets promised; all is to be read plainly."""


class Delivery(NamedTuple):
    """A picture to give, how often, and the time of the exact one it stands for."""

    frame: VideoFrame
    time: float
    repeats: int
    exact_time: float
    corrupt: bool


class Output:
    """Decoded pictures, of which the chosen ones are given.

    Args:
        opened: the file that is decoded.
        sampler: selects among all pictures once everything is decoded; None where it cannot.
        result: is kept up to date.

    Attributes:
        choices: pictures that are to come out, in order of time; settled up to ``open``.
        open: seconds; no picture before this time will be chosen any more.
        last: time of the last picture that came out.
        ended: the decoder holds nothing back.
    """

    def __init__(self, opened: Opened, sampler: RateSampler[Any] | None, result: DecodeEnd) -> None:
        base = opened.stream.time_base
        if base is None:
            raise PlanFailed("the stream has no unit of time")
        self._numerator, self._denominator = base.numerator, base.denominator
        self._by_dts = opened.by_dts
        self._clock = Clock(opened.stream, opened.by_dts)
        self._sampler = sampler
        self._result = result
        self.choices: deque[Choice] = deque()
        self.open = self.last = -math.inf
        self.ended = False
        self._ready: deque[tuple[VideoFrame, float, bool]] = deque()
        self._everything = self._damaged = False
        self._behind = True
        self._front = -math.inf

    def take_everything(self, front: float) -> None:
        """From here on every picture is decoded; what is shown after ``front`` was not chosen."""
        self._everything = True
        self._front = front
        self.open = math.nextafter(front, math.inf)

    @property
    def waiting(self) -> int:
        """Decoded pictures whose fate is not known."""
        return len(self._ready)

    def came(self, frames: list[VideoFrame]) -> None:
        """Take what the decoder gave for one packet.

        Raises:
            PlanFailed: a picture is damaged, or out of order.
        """
        for frame in frames:
            self._result.frames_decoded += 1
            stamp = frame.dts if self._by_dts else frame.pts
            time = None if stamp is None else stamp * self._numerator / self._denominator
            if self._everything:
                time = self._any_time(frame, time)
            elif frame.is_corrupt:
                raise PlanFailed("a picture is damaged")
            elif time is None or time <= self.last:
                raise PlanFailed("pictures do not come out in order of time")
            self.last = time
            self._ready.append((frame, time, self._damaged))

    def _any_time(self, frame: VideoFrame, time: float | None) -> float:
        """The time of a picture that need not be what its packet promised."""
        self._damaged = frame.is_corrupt or (self._damaged and not frame.key_frame)
        self._result.corrupt_frames += self._damaged
        if self._behind:
            self._behind = time is not None and self.last < time <= self._front
            if not self._behind and self._front > -math.inf:
                self._clock.last = self._front  # pictures up to there were not all decoded
        return self._clock(frame) if time is None or not self._behind else time

    def deliver(self) -> Iterator[Delivery]:
        """The chosen pictures among those whose fate is known.

        Raises:
            PlanFailed: one did not come out.
        """
        while self._ready:
            frame, time, damaged = self._ready[0]
            if self._everything and time > self._front:
                self._ready.popleft()
                if self._sampler is not None and not self._sampler.done:
                    hit = self._sampler.push(frame, time)
                    if hit is not None and hit[1]:
                        yield Delivery(frame, time, hit[1], time, damaged)
                continue
            if self.choices and self.choices[0].coded.time <= time:
                choice = self.choices[0]
                if choice.coded.time < time:
                    raise PlanFailed("a wanted picture did not come out of the decoder")
                if choice.coded.reach > self.last and not (self._everything or self.ended):
                    return  # a picture it may refer to is still to come, and may be damaged
                self.choices.popleft()
                self._ready.popleft()
                yield Delivery(frame, time, choice.count, choice.exact_time, damaged)
            elif self.choices or time < self.open:
                self._ready.popleft()  # whatever is chosen from now on is shown later
            else:
                return
