"""Contestants of the benchmark of decoding take turns and are held to the reference."""

import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.decode_clips import skippable
from benchmarks.decoders import CONTESTANTS, Answer, Request
from vidcl.errors import VidclError
from vidcl.video.convert import fitted_size
from vidcl.video.open import open_video
from vidcl.video.probe import open_stream

#: A round of all contestants that is quicker than this many seconds is repeated more often.
QUICK = 0.25
#: How many times as often.
MORE = 5
#: Levels (of 255) by which pictures may differ on average: libraries shrink by various filters, and
#: OpenCV's, as it is mostly used, aliases.
OTHER_PICTURE = 12
#: Who is asked for every frame: decode plus conversion, and vidcl.
DENSE = ("plain PyAV", "vidcl exact")


@dataclass(frozen=True)
class Every:
    """All frames of a clip as the reference gives them.

    Attributes:
        width, height: of the frames.
        images: uint8 [H, W, 3] each.
        times: seconds.
        grain: seconds by which they are uncertain.
    """

    path: Path
    width: int
    height: int
    short_side: int
    images: list[np.ndarray]
    times: list[float]
    grain: float


def measured(
    path: Path,
    names: Sequence[str],
    rates: Sequence[float],
    dense: bool,
    short_side: int,
    repeats: int,
) -> dict[str, Any]:
    """What the clip is, and per request what each contestant took or did wrong.

    Raises:
        VideoError: the reference does not read the clip to its end.
    """
    every = read_every(path, short_side)
    row: dict[str, Any] = {
        "width": every.width,
        "height": every.height,
        "frames": len(every.times),
        "skippable": skippable(path, len(every.times)),
        "requests": {},
    }
    for rate in rates:
        row["requests"][f"{rate:g}/s"] = turns(every, rate, names, repeats)
    if dense:
        taking = [name for name in names if name in DENSE]
        row["requests"]["dense"] = turns(every, None, taking, repeats)
    return row


def warm_up(path: Path, names: Sequence[str]) -> None:
    """Let each contestant read a small clip, so that what is loaded at first use is not timed."""
    every = read_every(path, 64)
    request, reference = asked(every, 2.0)
    for name in names:
        fault, _, _ = first_turn(name, request, reference, every)
        if fault is not None:
            raise VidclError(f"{name} does not read a plain clip ({fault}): leave it out.")


def read_every(path: Path, short_side: int) -> Every:
    """A decode of every frame by vidcl.

    Raises:
        VideoError: it does not reach the end.
    """
    with open_video(path, short_side=short_side) as reader:
        frames = list(reader.frames())
        info, error = reader.info, reader.result.error
    if error is not None:
        raise error
    width, height = fitted_size(info.width, info.height, None, short_side)
    images = [frame.image for frame in frames]
    with open_stream(path) as (_, stream):
        grain = min(float(stream.time_base or 1e-3), 2e-3)
    times = [frame.time for frame in frames]
    return Every(path, width, height, short_side, images, times, grain)


def asked(every: Every, rate: float | None) -> tuple[Request, Answer]:
    """The request, and what the reference answers."""
    times = every.times
    chosen = list(range(len(times)))
    if rate is not None:
        ticks = np.floor((np.array(times) - times[0] + every.grain) * rate + 1e-9)
        chosen = np.flatnonzero(np.diff(ticks, prepend=-1) > 0).tolist()
    tolerance = 0.5 / rate if rate is not None else 0.0
    request = Request(
        every.path,
        rate,
        every.width,
        every.height,
        every.short_side,
        times[0],
        chosen,
        tolerance,
        every.grain,
    )
    return request, ([every.images[k] for k in chosen], [times[k] for k in chosen])


def turns(
    every: Every, rate: float | None, names: Sequence[str], repeats: int
) -> dict[str, dict[str, Any]]:
    """Seconds per contestant, the median of its turns; whoever does not conform has a ``fault``
    instead. The first turn is the one that is looked at."""
    request, reference = asked(every, rate)
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        fault, wall, processor = first_turn(name, request, reference, every)
        found[name] = {"fault": fault} if fault else {"processor": [processor], "wall": [wall]}
    taking = [name for name in names if "fault" not in found[name]]
    quick = sum(found[name]["wall"][0] for name in taking) < QUICK
    for number in range(1, repeats * MORE if quick else repeats):
        shift = number % len(taking) if taking else 0
        for name in taking[shift:] + taking[:shift]:
            wall, processor, _ = timed(name, request)
            found[name]["wall"].append(wall)
            found[name]["processor"].append(processor)
    for name in taking:
        found[name] = {key: statistics.median(found[name][key]) for key in ("processor", "wall")}
    return found


def timed(name: str, request: Request) -> tuple[float, float, Answer]:
    """Seconds by the clock and of the processor, and the answer."""
    wall, processor = time.perf_counter(), time.process_time()
    answer = CONTESTANTS[name](request)
    return time.perf_counter() - wall, time.process_time() - processor, answer


def first_turn(
    name: str, request: Request, reference: Answer, every: Every
) -> tuple[str | None, float, float]:
    """What is wrong with a contestant's answer, or None, and its seconds."""
    try:
        wall, processor, answer = timed(name, request)
    except Exception as error:  # whatever a library raises is its answer
        return words_of(error, request.path), 0.0, 0.0
    return fault_of(name, request, reference, answer, every), wall, processor


def words_of(error: Exception, path: Path) -> str:
    """The first line of an error, without decord's stamp and without folders."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    line = re.sub(r"^\[[\d:]+\] \S+: ", "", line)
    return line.replace(str(path), path.name)[:120]


def fault_of(
    name: str, request: Request, reference: Answer, answer: Answer, every: Every
) -> str | None:
    """What is wrong with an answer: how many frames, their times, their size, the pictures."""
    (images, times), (wanted, moments) = answer, reference
    loose = name == "vidcl tolerance"
    if len(times) != len(moments) and not (loose and 0 < len(times) < len(moments)):
        return f"{len(times)} frames instead of {len(moments)}"
    near = [int(np.abs(np.subtract(moments, t)).argmin()) for t in times]
    off = max(abs(moments[k] - t) for k, t in zip(near, times, strict=True))
    step = 1.0 if request.rate is None else 1 / request.rate
    if off > (request.tolerance if loose else min(0.02, step / 2)) + 1e-3:
        return f"times off by {off:.3g} s"
    if images[0].shape != wanted[0].shape:
        return f"size {images[0].shape[1]}x{images[0].shape[0]}"
    if loose:  # its pictures are those of its own times
        wanted, moments = every.images, every.times
        near = [int(np.abs(np.subtract(moments, t)).argmin()) for t in times]
    for k, image in zip(near, images, strict=True):
        gap = np.abs(image.astype(np.int16) - wanted[k]).mean()
        if gap > OTHER_PICTURE:
            return f"other pictures (by {gap:.0f} of 255 at {moments[k]:.2f} s)"
    return None
