"""Boxes from a table: one row per box, as detectors and annotation tools export them."""

import csv
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, TextIO

from vidcl.errors import VidclError

#: What a column is for -> the names it may have, the first one found counts.
COLUMNS = {
    "object": ("object", "object_id", "track_id", "track", "id"),
    "time": ("time", "seconds"),
    "frame": ("frame",),
    "fps": ("fps",),
    "visible": ("visible",),
    "score": ("score", "confidence"),
}
#: The four columns of a box: two corners, or a corner and a size; the first set found counts.
CORNERS = (
    ("x0", "y0", "x1", "y1"),
    ("x1", "y1", "x2", "y2"),
    ("xmin", "ymin", "xmax", "ymax"),
    ("left", "top", "right", "bottom"),
)
SIZES = (
    ("x", "y", "w", "h"),
    ("x", "y", "width", "height"),
    ("left", "top", "width", "height"),
)
#: Larger values are neither pixels nor seconds.
_LARGEST = 1e12
_YES, _NO = ("1", "true", "yes", "1.0"), ("0", "false", "no", "0.0")


@dataclass
class BoxRows:
    """Rows of one object, or of all boxes without identity: N seconds, xyxy in pixels, whether it
    is seen, and a score (0 where there is none)."""

    times: list[float] = field(default_factory=list)
    boxes: list[list[float]] = field(default_factory=list)
    visible: list[bool] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)


def read_box_rows(path: Path) -> dict[str, BoxRows]:
    """Object -> its rows in the order of the file; the rows without object are under ``""``.

    Commas, UTF-8 (with or without byte order mark), a header. Names in any case and order; columns
    with other names are ignored.

    - a box: ``x0, y0, x1, y1``, also spelt as in ``CORNERS``, or ``x, y, w, h`` as in ``SIZES``;
    - when: ``time`` in seconds, or a whole number ``frame`` from 0 with ``fps``: the time is
      frame / fps, which only holds at a constant rate from 0 s on;
    - ``object``: which thing it is. Without that column, or where it is empty, the box stands for
      itself;
    - ``visible`` (1 or 0, true or false, yes or no) and ``score`` (a number) may be left out.

    Raises:
        VidclError: names the line and what is wrong with it.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            return _Table(path, file).rows()
    except OSError as error:
        raise VidclError(f"Cannot read the given boxes {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise VidclError(f"{path} is not UTF-8 text: save it as 'CSV UTF-8'.") from error


class _Table:
    """A CSV file being read."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self._path = path
        self._reader = csv.reader(file, strict=True)
        header = [name.strip().lower() for name in self._next() or []]
        self._width = len(header)
        if not any(header):
            raise VidclError(
                f"{path} is empty: its first line must name columns, such as "
                "object,time,x0,y0,x1,y1."
            )
        if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
            raise VidclError(
                f"{path} is not separated by commas: save it with commas, not ; or tab."
            )
        found = {use: next((n for n in names if n in header), "") for use, names in COLUMNS.items()}
        sets = [names for names in (*CORNERS, *SIZES) if set(names) <= set(header)]
        if not sets:
            raise VidclError(
                f"{path} must have the columns x0,y0,x1,y1 or x,y,w,h; it has {_short(header)}."
            )
        if not found["time"] and not (found["frame"] and found["fps"]):
            raise VidclError(
                f"{path} must have a column time (seconds), or frame and fps; it has "
                f"{_short(header)}."
            )
        self._box = sets[0]
        self._sized = sets[0] in SIZES
        used = [*(name for name in found.values() if name), *sets[0]]
        doubled = next((name for name in used if header.count(name) > 1), None)
        if doubled:
            raise VidclError(f"{path} has two columns {doubled}: leave one.")
        self._place = {name: header.index(name) for name in used}
        self._found = found

    def rows(self) -> dict[str, BoxRows]:
        objects: dict[str, BoxRows] = {}
        while (row := self._next()) is not None:
            if not row:
                continue
            if len(row) != self._width:
                self._refuse(f"it has {len(row)} fields and the header {self._width}")
            rows = objects.setdefault(self._text(row, "object"), BoxRows())
            visible = self._visible(row)
            rows.boxes.append(self._corners(row, visible))
            rows.times.append(self._time(row))
            rows.visible.append(visible)
            rows.scores.append(self._number(row, "score") if self._found["score"] else 0.0)
        return objects

    def _next(self) -> list[str] | None:
        try:
            return next(self._reader, None)
        except csv.Error as error:
            self._refuse(f"{error}")

    def _text(self, row: list[str], use: str) -> str:
        name = self._found[use]
        return row[self._place[name]].strip() if name else ""

    def _time(self, row: list[str]) -> float:
        if self._found["time"]:
            return self._number(row, "time")
        frame, fps = self._number(row, "frame"), self._number(row, "fps")
        if frame < 0 or frame != round(frame):
            self._refuse(f"frame must be a whole number from 0, not {frame:g}")
        if fps <= 0:
            self._refuse(f"fps must be above 0, not {fps:g}")
        return frame / fps

    def _corners(self, row: list[str], visible: bool) -> list[float]:
        a, b, c, d = (self._parse(row, name) for name in self._box)
        box = [a, b, a + c, b + d] if self._sized else [a, b, c, d]
        if visible and not (box[0] < box[2] and box[1] < box[3]):
            names = "x0 < x1 and y0 < y1" if not self._sized else "w and h above 0"
            self._refuse(f"a box must have {names}, not {','.join(f'{v:g}' for v in (a, b, c, d))}")
        return box

    def _visible(self, row: list[str]) -> bool:
        if not self._found["visible"]:
            return True
        text = self._text(row, "visible").lower()
        if text not in _YES + _NO:
            self._refuse(f"visible must be 1 or 0, not {_short(text)}")
        return text in _YES

    def _number(self, row: list[str], use: str) -> float:
        return self._parse(row, self._found[use])

    def _parse(self, row: list[str], name: str) -> float:
        text = row[self._place[name]].strip()
        try:
            value = float(text) if "_" not in text else math.nan
        except ValueError:
            value = math.nan
        if not abs(value) < _LARGEST:
            self._refuse(f"{name} must be a number, not {_short(text)}")
        return value

    def _refuse(self, why: str) -> NoReturn:
        raise VidclError(f"{self._path}, line {self._reader.line_num}: {why}.")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "..."
