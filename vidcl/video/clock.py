"""Presentation times of decoded frames."""

from av.video.frame import VideoFrame
from av.video.stream import VideoStream


class Clock:
    """Presentation time of each frame, strictly increasing whatever the file says."""

    def __init__(self, stream: VideoStream, prefer_dts: bool) -> None:
        base = stream.time_base
        self._base = float(base) if base is not None else 1e-3
        self._exact = base
        self._step = float(1 / stream.average_rate) if stream.average_rate else 0.04
        self._prefer_dts = prefer_dts
        self.last: float | None = None
        self.tolerance = min(self._base, 2e-3)

    def __call__(self, frame: VideoFrame) -> float:
        stamps = (frame.dts, frame.pts) if self._prefer_dts else (frame.pts, frame.dts)
        stamp = next((value for value in stamps if value is not None), None)
        if stamp is None or self._exact is None:
            time = 0.0 if self.last is None else self.last + self._step
        else:
            time = float(stamp * self._exact)
        if self.last is not None and time <= self.last:
            time = self.last + min(self._base, self._step)
        self.last = time
        return time
