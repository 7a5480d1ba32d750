"""True boxes: one line per frame, or objects with times.

In all of ``vidcl.tracks.quality`` a true box is NaN where nobody said anything about a frame, and
zeros where the object is known to be absent or hidden: whatever a track holds then is not it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from vidcl.errors import VidclError
from vidcl.tracks.given import GivenBoxes


class Truth(Protocol):
    """The true boxes of one sequence."""

    @property
    def names(self) -> tuple[str, ...]:
        """The K objects."""

    @property
    def length(self) -> int | None:
        """Frames that must be there for the boxes to make sense; None if any number will do."""

    def at(self, index: int, time: float) -> np.ndarray:
        """Boxes of all objects in frame ``index`` at ``time`` seconds, float64 [K, 4]."""


@dataclass(frozen=True)
class TruthRows:
    """One object, one box per frame.

    Attributes:
        boxes: float64 [T, 4], xyxy source pixels from 0.
    """

    boxes: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        return ("object",)

    @property
    def length(self) -> int | None:
        return len(self.boxes)

    def at(self, index: int, time: float) -> np.ndarray:
        if index >= len(self.boxes):
            return np.full((1, 4), np.nan)
        return self.boxes[index : index + 1].copy()


@dataclass(frozen=True)
class TruthTimes:
    """Objects with boxes at times; between two times a box is interpolated."""

    given: GivenBoxes

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(thing.name for thing in self.given.objects)

    @property
    def length(self) -> int | None:
        return None

    def at(self, index: int, time: float) -> np.ndarray:
        boxes = [np.zeros(4) if box is None else box for box in self.given.at(time)]
        return np.array(boxes, dtype=np.float64).reshape(-1, 4)


def is_known(truth: np.ndarray) -> np.ndarray:
    """Of true boxes [..., 4]: where somebody said something, bool [...]."""
    return np.isfinite(truth).all(axis=-1)


def is_present(truth: np.ndarray) -> np.ndarray:
    """Of true boxes [..., 4]: where the object is there and seen, bool [...]."""
    with np.errstate(invalid="ignore"):
        return is_known(truth) & (truth[..., 2:] > truth[..., :2]).all(axis=-1)


def read_rows(path: str | Path, first_pixel: int = 0) -> np.ndarray:
    """Boxes of a text file with one line per frame, float64 [T, 4], xyxy counted from 0.

    A line holds x, y, w, h, or the corners x0, y0, x1, y1, ... of a polygon, of which the box
    around it is taken; separated by commas, blanks or tabs. ``nan`` means that nobody said, and a
    width or height of 0 that the object is absent.

    Args:
        first_pixel: what the file calls the first pixel (OTB: 1).

    Raises:
        VidclError: the file cannot be read, or a line is not of that form.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise VidclError(f"Cannot read the true boxes {path}: {error}.") from error
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise VidclError(f"{path} is empty; give it one line x, y, w, h per frame.")
    return np.stack([_box(line, first_pixel, f"{path}:{k + 1}") for k, line in enumerate(lines)])


def _box(line: str, first_pixel: int, where: str) -> np.ndarray:
    try:
        values = np.array([float(v) for v in line.replace(",", " ").split()])
    except ValueError as error:
        raise VidclError(f"{where}: '{line.strip()}' is not a line of numbers.") from error
    if len(values) != 4 and (len(values) < 6 or len(values) % 2):
        raise VidclError(f"{where} has {len(values)} numbers; give x, y, w, h or a polygon.")
    if not np.isfinite(values).all():
        return np.full(4, np.nan)
    if len(values) == 4:
        low, high = values[:2], values[:2] + values[2:]
    else:
        corners = values.reshape(-1, 2)
        low, high = corners.min(axis=0), corners.max(axis=0)
    if not (high > low).all():
        return np.zeros(4)
    return np.concatenate([low, high]) - first_pixel
