"""The ways to get frames of a video that the benchmark of decoding compares.

Each is written as a user of the library would write it, on one thread, and gives frames as uint8
RGB arrays of the size asked for, with their times where the library tells them. The numbers of the
wanted frames and the size come for free to those libraries that ask for them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from vidcl.video.open import open_video


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        path: the file.
        rate: frames per second; None asks for all.
        width, height: of the frames as they are shown.
        short_side: the same as one number.
        start: presentation time of the first frame in seconds.
        indices: numbers of the wanted frames.
        tolerance: seconds, for the contestant that uses it.
        grain: seconds by which the file's times are uncertain.
    """

    path: Path
    rate: float | None
    width: int
    height: int
    short_side: int
    start: float
    indices: list[int]
    tolerance: float
    grain: float


#: Frames and their times.
Answer = tuple[list[np.ndarray], list[float]]
Contestant = Callable[[Request], Answer]


class Grid:
    """The first frame at or after each tick, for those that decode forward."""

    def __init__(self, request: Request) -> None:
        self._rate, self._start, self._grain = request.rate, request.start, request.grain
        self._tick = 0

    def wants(self, time: float) -> bool:
        if self._rate is None:
            return True
        if time < self._start + self._tick / self._rate - self._grain:
            return False
        self._tick = int((time + self._grain - self._start) * self._rate) + 1
        return True


def plain(request: Request) -> Answer:
    """Every frame is decoded by PyAV and the wanted ones are converted."""
    images, times = [], []
    grid = Grid(request)
    with av.open(str(request.path)) as container:
        stream = container.streams.best("video")
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        width, height = request.width, request.height
        for frame in container.decode(stream):
            if not grid.wants(frame.time):
                continue
            turns = round((frame.rotation or 0) / 90) % 4
            if turns % 2:
                width, height = request.height, request.width
            image = frame.to_ndarray(format="rgb24", width=width, height=height)
            images.append(np.ascontiguousarray(np.rot90(image, turns)) if turns else image)
            times.append(frame.time)
    return images, times


def exact(request: Request) -> Answer:
    return _vidcl(request, 0.0)


def tolerant(request: Request) -> Answer:
    return _vidcl(request, request.tolerance)


def _vidcl(request: Request, tolerance: float) -> Answer:
    images, times = [], []
    with open_video(request.path, short_side=request.short_side) as reader:
        for frame in reader.frames(rate=request.rate, tolerance=tolerance):
            images.append(frame.image)
            times.append(frame.time)
        if reader.result.error is not None:
            raise reader.result.error
    return images, times


def decord(request: Request) -> Answer:
    import decord

    decord.logging.set_level(decord.logging.QUIET)
    reader = decord.VideoReader(
        str(request.path),
        ctx=decord.cpu(0),
        width=request.width,
        height=request.height,
        num_threads=1,
    )
    images = list(reader.get_batch(request.indices).asnumpy())
    return images, reader.get_frame_timestamp(request.indices)[:, 0].tolist()


def opencv(request: Request) -> Answer:
    import cv2

    cv2.setNumThreads(1)
    images, times = [], []
    grid = Grid(request)
    capture = cv2.VideoCapture(str(request.path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    if not capture.isOpened():
        raise RuntimeError("it does not open the file")
    while capture.grab():
        time = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if grid.wants(time):
            image = capture.retrieve()[1]
            image = cv2.resize(image, (request.width, request.height))
            images.append(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
            times.append(time)
    capture.release()
    return images, times


def torchcodec(request: Request) -> Answer:
    from torchcodec.decoders import VideoDecoder
    from torchcodec.transforms import Resize

    decoder = VideoDecoder(
        str(request.path),
        dimension_order="NHWC",
        num_ffmpeg_threads=1,
        device="cpu",
        seek_mode="exact",
        transforms=[Resize((request.height, request.width))],
    )
    batch = decoder.get_frames_at(request.indices)
    return list(batch.data.numpy()), batch.pts_seconds.tolist()


#: In the order of the table. The first is what the others are measured by.
CONTESTANTS: dict[str, Contestant] = {
    "plain PyAV": plain,
    "vidcl exact": exact,
    "vidcl tolerance": tolerant,
    "decord": decord,
    "OpenCV": opencv,
    "torchcodec": torchcodec,
}


def load_all() -> list[str]:
    """Import what the contestants use, on one thread each, and name those that are installed."""
    import importlib.util
    import os

    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # quiet
    import cv2

    cv2.setNumThreads(1)
    missing = set()
    for name in ("decord", "torchcodec"):
        if importlib.util.find_spec(name) is None:
            missing.add(name)
            continue
        package: Any = importlib.import_module(name)
        if name == "torchcodec":
            import torch

            torch.set_num_threads(1)
            if package.ffmpeg_major_version is None:
                missing.add(name)
                continue
            # What a first use imports must not count for it.
            importlib.import_module("torchcodec.decoders")
            importlib.import_module("torchcodec.transforms")
    return [name for name in CONTESTANTS if name not in missing]
