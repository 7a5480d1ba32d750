"""Labelled sets from a CSV file: one line per image, a column ``path`` and one per label."""

import csv
import os
import re
from pathlib import Path, PurePosixPath

import numpy as np

from vidcl.datasets.labelled_set import LabelledSet, set_of_files
from vidcl.errors import VidclError

#: Columns of an optional box: left, top, right, bottom in pixels of the decoded image.
BOX_COLUMNS = ("x0", "y0", "x1", "y1")
#: Names that tables of features and of images need for themselves.
_TAKEN = ("feature", "image")
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")


def open_csv(path: str | Path) -> LabelledSet:
    """The images that a CSV file names, in its order.

    The first line names the columns. ``path`` is the image's path inside the folder of the CSV
    file, with ``/`` between its parts. A column that holds whole numbers only becomes int64, one
    that holds numbers only float64, any other text. ``x0, y0, x1, y1`` are boxes and no labels; an
    image may be named on several lines, with a box each.

    Raises:
        VidclError: naming the line where a path is missing, leaves the folder or has no file,
            where a cell is empty or a box is none; or the file is no CSV with such columns.
    """
    path = Path(path)
    columns, rows = _read(path)
    for name in (*_TAKEN, ""):
        if name in columns:
            raise VidclError(f"Rename the column '{name}' of {path}: it cannot be a label.")
    if "path" not in columns:
        raise VidclError(f"{path} has no column 'path' (columns: {', '.join(columns)}): add one.")
    boxed = [name for name in BOX_COLUMNS if name in columns]
    if boxed and len(boxed) < 4:
        raise VidclError(f"{path} has only the box columns {', '.join(boxed)}: give {BOX_COLUMNS}.")
    for line, row in rows:
        for name, cell in zip(columns, row, strict=True):
            if not cell:
                raise VidclError(f"Line {line} of {path} has no value for '{name}': fill it in.")
    cells = {name: [row[k] for _, row in rows] for k, name in enumerate(columns)}
    lines = [line for line, _ in rows]
    for line, name in zip(lines, cells["path"], strict=True):
        _check_file(path, line, name)
    labels = {
        name: np.asarray(values, dtype=str) if name == "path" else label_column(values)
        for name, values in cells.items()
        if name not in boxed
    }
    boxes = _boxes(path, lines, cells) if boxed else None
    return set_of_files(path.stem, path.parent, labels, boxes)


def label_column(values: list[str]) -> np.ndarray:
    """Texts as int64 where all are whole numbers, float64 where all are numbers, else as text."""
    if all(_WHOLE.fullmatch(value) for value in values):
        return np.asarray([int(value) for value in values], dtype=np.int64)
    if all(_NUMBER.fullmatch(value) for value in values):
        return np.asarray([float(value) for value in values])
    return np.asarray(values, dtype=str)


def _read(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Column names, and (line number, cells) of every row that is not empty."""
    rows: list[tuple[int, list[str]]] = []
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            for row in reader:
                if row:
                    rows.append((reader.line_num, [cell.strip() for cell in row]))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise VidclError(f"Cannot read {path} as CSV ({error}): save it as UTF-8 text.") from error
    if len(rows) < 2:
        raise VidclError(f"{path} names no image: give a line of column names and one per image.")
    columns = rows[0][1]
    if len(set(columns)) < len(columns):
        raise VidclError(f"Two columns of {path} have the same name: rename one of them.")
    for line, row in rows[1:]:
        if len(row) != len(columns):
            raise VidclError(
                f"Line {line} of {path} has {len(row)} cells for {len(columns)} columns: put names "
                f"that hold a comma in quotes."
            )
    return columns, rows[1:]


def _check_file(path: Path, line: int, name: str) -> None:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or "\0" in name:
        raise VidclError(
            f"Line {line} of {path} names {name!r}, which leaves the folder of the file: give "
            f"paths inside it."
        )
    if not os.path.isfile(path.parent / pure):
        raise VidclError(f"Line {line} of {path} names {name!r}, and there is no such file.")


def _boxes(path: Path, lines: list[int], cells: dict[str, list[str]]) -> np.ndarray:
    columns = []
    for name in BOX_COLUMNS:
        for line, value in zip(lines, cells[name], strict=True):
            if not _NUMBER.fullmatch(value):
                raise VidclError(f"Line {line} of {path} has {value!r} as {name}: give a number.")
        columns.append([float(value) for value in cells[name]])
    boxes = np.asarray(columns).T.copy()
    empty = ~((boxes[:, 0] < boxes[:, 2]) & (boxes[:, 1] < boxes[:, 3]))
    if empty.any():
        raise VidclError(
            f"The box on line {lines[int(empty.argmax())]} of {path} is empty: x0 < x1 and y0 < y1 "
            f"must hold."
        )
    return boxes
