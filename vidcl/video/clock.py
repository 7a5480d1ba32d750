"""Presentation times of decoded frames."""

from av.video.frame import VideoFrame
from av.video.stream import VideoStream

#: Seconds, and frames, by which a time must fall back to be a new count of the same stream (a
#: recording that was cut, a sender that started again) and not a fault of single stamps.
_JUMP_SECONDS, _JUMP_FRAMES = 1.0, 16


def grain_of(stream: VideoStream) -> float:
    """Seconds by which a time may be off because of the stream's unit of time."""
    base = stream.time_base
    return 1e-3 if base is None else min(base.numerator / base.denominator, 2e-3)


class Clock:
    """Presentation time of each frame, strictly increasing whatever the file says.

    Times are the file's own, from the first frame on, negative or huge. A frame without a stamp
    comes one average step after the one before; a stamp that does not increase is put one tick
    after it. Where stamps fall back by more than a second, the stream has begun a new count, and
    the rest goes on from there with its own steps. Gaps forward are kept: nobody can tell a pause
    from a loss.

    Args:
        prefer_dts: the container has no presentation times (``probe.is_dts_only``).
    """

    def __init__(self, stream: VideoStream, prefer_dts: bool) -> None:
        base = stream.time_base
        self._base = base.numerator / base.denominator if base is not None else 1e-3
        # integers: a product of fractions costs as much as decoding a small picture
        self._ratio = None if base is None else (base.numerator, base.denominator)
        rate = stream.average_rate
        self._step = rate.denominator / rate.numerator if rate else 0.04
        self._jump = max(_JUMP_SECONDS, _JUMP_FRAMES * self._step)
        self._prefer_dts = prefer_dts
        self._shift = 0.0
        self.last: float | None = None
        self.tolerance = grain_of(stream)

    def __call__(self, frame: VideoFrame) -> float:
        stamp = frame.dts if self._prefer_dts else frame.pts
        if stamp is None:
            stamp = frame.pts if self._prefer_dts else frame.dts
        last = self.last
        if stamp is None or self._ratio is None:
            time = 0.0 if last is None else last + self._step
        else:
            time = stamp * self._ratio[0] / self._ratio[1] + self._shift
            if last is not None and time < last - self._jump:
                self._shift += last + self._step - time
                time = last + self._step
        if last is not None and time <= last:
            time = last + min(self._base, self._step)
        self.last = time
        return time
