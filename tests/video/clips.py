"""Small clips in many settings, and the slow reference: every frame decoded, then chosen."""

import bisect
import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

from vidcl.video.clock import Clock
from vidcl.video.convert import Converter
from vidcl.video.probe import is_dts_only, open_stream


def moving_noise(count: int, height: int = 48, width: int = 64, seed: int = 0) -> list[np.ndarray]:
    """A textured background that drifts, and a block that moves: no two frames are alike."""
    generator = np.random.default_rng(seed)
    ground = generator.integers(0, 255, (height, width + count, 3), dtype=np.uint8)
    ground = (ground // 4 + np.linspace(0, 190, width + count, dtype=np.uint8)[:, None]).astype(
        np.uint8
    )
    frames = []
    for k in range(count):
        image = ground[:, k : k + width].copy()
        image[10 + k % 20 : 20 + k % 20, 5 + k % 40 : 15 + k % 40] = (230, 40, 40)
        frames.append(image)
    return frames


def encode(
    path: Path,
    count: int = 60,
    *,
    codec: str = "libx264",
    gop: int = 12,
    b_frames: int = 2,
    options: dict[str, str] | None = None,
    stamps: Sequence[int] | None = None,
    rate: int = 20,
    seed: int = 0,
    size: tuple[int, int] = (48, 64),
) -> Path:
    """Encode ``count`` frames; ``stamps`` are their times in units of 1/1000 s."""
    base = Fraction(1, rate) if stamps is None else Fraction(1, 1000)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = size
        stream.pix_fmt = {"mjpeg": "yuvj420p", "gif": "rgb8"}.get(codec, "yuv420p")
        context = stream.codec_context
        context.time_base = base
        if codec == "mjpeg":
            context.color_range = 2
        context.gop_size, context.max_b_frames, context.thread_count = gop, b_frames, 1
        for k, image in enumerate(moving_noise(count, *size, seed=seed)):
            picture = VideoFrame.from_ndarray(image, format="rgb24")
            picture.pts = k if stamps is None else stamps[k]
            picture.time_base = base
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def decode_all(path: Path, max_side: int | None = None) -> tuple[list[float], list[np.ndarray]]:
    """Times and pictures of a plain full decode."""
    times, images = [], []
    with open_stream(path) as (container, stream):
        clock, convert = Clock(stream, is_dts_only(container)), Converter(max_side)
        for frame in container.decode(stream):
            times.append(clock(frame))
            images.append(convert(frame))
    return times, images


def grain(path: Path) -> float:
    """Seconds by which a picture may miss a tick."""
    with open_stream(path) as (container, stream):
        return Clock(stream, is_dts_only(container)).tolerance


def first_at_ticks(
    times: Sequence[float],
    rate: float,
    slack: float,
    start: float = -math.inf,
    end: float = math.inf,
) -> list[int]:
    """Indices of the first frame at or after each tick, by looking through all of them."""
    chosen: list[int] = []
    tick = 0
    while times[0] + tick / rate <= times[-1] + slack:
        moment = times[0] + tick / rate
        index = next(i for i, time in enumerate(times) if time + slack >= moment)
        if not chosen or chosen[-1] != index:
            chosen.append(index)
        tick += 1
    return [index for index in chosen if start <= times[index] < end]


def on_screen(times: Sequence[float], moments: Sequence[float], slack: float) -> list[int]:
    """Index of the frame on screen at each moment."""
    return [max(0, bisect.bisect_right(times, moment + slack) - 1) for moment in moments]
