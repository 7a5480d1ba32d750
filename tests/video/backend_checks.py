"""Whether what a decoder gave is what the reference gives."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.video.backend_child import RATE, SPAN
from vidcl.video.errors import VideoError
from vidcl.video.probe import open_stream
from vidcl.video.reader import VideoReader

#: Levels (of 255) by which pictures may differ on average. PyAV converts and shrinks at once;
#: torchcodec converts at full size and shrinks then, and so does decord where a picture is turned,
#: which blurs hard coloured edges another way (5.6 levels on a real test chart at 96 pixels, 1 on
#: films). Whether the colours are right is tested with flat patches (test_backend_colours.py).
NEAR = {"pyav": 0.0, "decord": 4.0, "torchcodec": 6.0}
#: Two frames count as the same picture where the root mean square of their difference is below:
#: what the roundings of another order of steps cannot tell (a fade to black has such frames).
ALIKE = {"pyav": 0.0, "decord": 1.5, "torchcodec": 3.0}


@dataclass(frozen=True)
class Reference:
    """What the reference gives of a file: times in seconds and uint8 [N, H, W, 3], or why not.

    Attributes:
        kind: of the error that kept the file shut or ended it early, or None.
        opened: the file could be opened.
    """

    times: list[float]
    pictures: np.ndarray
    kind: str | None
    opened: bool = True


def read_reference(path: Path, side: int) -> Reference:
    try:
        with VideoReader(path, max_side=side) as reader:
            frames = list(reader.frames())
            error = reader.result.error
    except VideoError as fault:
        return Reference([], np.zeros((0, 1, 1, 3), np.uint8), fault.kind, False)
    pictures = np.stack([frame.image for frame in frames])
    return Reference([frame.time for frame in frames], pictures, error.kind if error else None)


def refused(answer: dict[str, Any], words: str, path: Path) -> bool:
    """It says which file, why, and what to do, in one sentence."""
    text = answer.get("text", "")
    return (
        answer.get("kind") == "refused"
        and words in text
        and text.startswith(str(path))
        and text.endswith("use --decoder pyav.")
        and "\n" not in text
    )


def first_on_grid(times: list[float], rate: float, grain: float) -> list[float]:
    ticks = times[0] + np.arange(round((times[-1] - times[0]) * rate) + 2) / rate
    found = [next((t for t in times if t >= tick - grain), None) for tick in ticks]
    return sorted({time for time in found if time is not None})


def on_screen(times: list[float], wanted: list[float], grain: float) -> list[float]:
    return [max([t for t in times if t <= w + grain], default=times[0]) for w in wanted]


def check_against(
    backend: str, path: Path, reference: Reference, answer: dict[str, Any], images: np.ndarray
) -> None:
    """Frames, times and pictures are those of the reference, however they are asked for."""
    times = reference.times
    assert len(answer["times"]) == len(times)
    near = 0.5 * np.diff(times, append=2 * times[-1] - times[max(0, len(times) - 2)] + 1e-6)
    assert (np.abs(np.subtract(answer["times"], times)) < near).all()
    check_pictures(images, reference.pictures, NEAR[backend], ALIKE[backend])
    own = answer["times"]
    start = own[0]
    with open_stream(path) as (_, stream):
        grain = min(float(stream.time_base or 1), 2e-3)
    assert answer["sparse"] == first_on_grid(own, RATE, grain)
    assert answer["spans"] == [t for t in own if start + SPAN[0] <= t < start + SPAN[1]]
    asked = [start - 1, start + 0.31, start + 0.31, start + 0.9, start + 1e6]
    assert answer["shown"] == on_screen(own, asked, grain)
    assert answer["reason"] == "end"


def check_pictures(
    images: np.ndarray, pictures: np.ndarray, near: float, alike: float = 0.0
) -> None:
    """Each picture is near that of its number, and none that looks otherwise is nearer."""
    assert images.shape == pictures.shape
    gaps = np.abs(images.astype(np.int16) - pictures).mean((1, 2, 3))
    assert gaps.max() <= near, f"frame {gaps.argmax()} is {gaps.max():.2f} levels off"
    # Less the mean picture, so that single precision is enough for the products.
    flat = [part.reshape(len(part), -1).astype(np.float32) for part in (images, pictures)]
    mean = flat[1].mean(0)
    given, wanted = flat[0] - mean, flat[1] - mean
    away, apart = distances(given, wanted), distances(wanted, wanted)
    for number, row in enumerate(away):
        row = np.where(apart[number] <= alike, row[number], row)
        assert row[number] <= row.min(), f"frame {number} is rather {row.argmin()}"


def distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """float32 [N, M]: root mean square differences of the rows of [N, D] and [M, D]."""
    squares = (one**2).sum(1)[:, None] + (other**2).sum(1) - 2 * one @ other.T
    return np.sqrt(np.maximum(squares, 0) / one.shape[1])
