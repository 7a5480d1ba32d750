"""Features as rows that are read in slices: an array, a memory map, or several behind one another.

Nothing here copies the whole. What is compared are directions, so rows are brought to length one
where they are read: in double precision for the scores that count, in single precision for the
blocks that only propose.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import torch

from vidcl.errors import VidclError

#: Rows that are taken to double precision at a time while a block is made unit-length.
CHUNK = 1024


class Rows(Protocol):
    """Whatever has a shape [N, D] and gives slices of rows as arrays."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, part: slice, /) -> np.ndarray: ...


class StackedRows:
    """Several sets of rows behind one another, without copying them.

    For queries and a gallery that lie in two arrays or files: rows 0 to ``len(first) - 1`` are the
    first, then come those of the second.

    Raises:
        VidclError: nothing to stack, or the widths differ.
    """

    def __init__(self, *parts: Any) -> None:
        self.parts = [as_rows(part) for part in parts]
        widths = {part.shape[1] for part in self.parts}
        if len(widths) != 1:
            raise VidclError(
                f"Only features of one width can be searched together, not {sorted(widths)}."
            )
        self.starts = np.cumsum([0] + [part.shape[0] for part in self.parts])
        self.shape: tuple[int, ...] = (int(self.starts[-1]), widths.pop())

    def __getitem__(self, part: slice, /) -> np.ndarray:
        first, end, _ = part.indices(self.shape[0])
        pieces = [
            piece[max(first - start, 0) : min(end - start, piece.shape[0])]
            for start, piece in zip(self.starts, self.parts, strict=False)
            if first < start + piece.shape[0] and end > start
        ]
        if len(pieces) == 1:
            return pieces[0]
        return np.concatenate(pieces) if pieces else np.empty((0, self.shape[1]), np.float32)


def as_rows(features: Any) -> Rows:
    """The features as they are where slices of them can be taken, else as an array.

    Raises:
        VidclError: they are not [N, D].
    """
    if not isinstance(features, np.ndarray | StackedRows):
        sliceable = hasattr(features, "shape") and not isinstance(features, torch.Tensor)
        features = features if sliceable else np.asarray(features)
    if len(features.shape) != 2 or features.shape[1] == 0:
        raise VidclError(f"Retrieval needs features [N, D], not {list(features.shape)}.")
    rows: Rows = features
    return rows


def unit_rows(features: np.ndarray) -> np.ndarray:
    """Float [N, D] to float64 rows of length one; a zero row stays zero."""
    rows = np.asarray(features, dtype=np.float64)
    with np.errstate(invalid="ignore", over="ignore"):  # who calls says what is not finite
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.ascontiguousarray(rows / np.where(norms == 0, 1.0, norms))


def slices_with(
    source: Rows, wanted: np.ndarray, size: int
) -> Iterator[tuple[np.ndarray, slice, np.ndarray]]:
    """Walk through the slices of ``size`` rows that hold any of the sorted row numbers ``wanted``.

    Yields:
        The rows asked for as they are stored [M, D], which of ``wanted`` they are (a slice of it),
        and their row numbers [M].
    """
    for first in range(0, source.shape[0], size):
        low, high = np.searchsorted(wanted, (first, first + size))
        if low == high:
            continue
        part = slice(int(low), int(high))
        numbers = wanted[part]
        begin, end = int(numbers[0]), int(numbers[-1]) + 1
        stored = source[begin:end]
        yield stored if end - begin == len(numbers) else stored[numbers - begin], part, numbers


def unit_block(stored: np.ndarray, numbers: np.ndarray, out: torch.Tensor) -> torch.Tensor:
    """Rows of length one, in single precision, into the beginning of ``out`` float32 [B, D].

    Raises:
        VidclError: a row holds what is no finite number.
    """
    for first in range(0, len(stored), CHUNK):
        rows = torch.from_numpy(np.array(stored[first : first + CHUNK], dtype=np.float64))
        norms = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
        finite = torch.isfinite(norms)[:, 0]
        if not bool(finite.all()):
            bad = numbers[first + int((~finite).nonzero()[0, 0])]
            raise VidclError(
                f"The feature of row {bad} is not finite: embed the set again, or leave that row "
                f"out."
            )
        norms[norms == 0] = 1.0
        out[first : first + len(rows)] = rows.div_(norms)
    return out[: len(stored)]


def unit_blocks(
    source: Rows, wanted: np.ndarray, size: int
) -> Iterator[tuple[np.ndarray, torch.Tensor]]:
    """Row numbers [M] and unit rows float32 [M, D] (overwritten by the next), at most ``size``."""
    buffer = torch.empty((min(size, max(len(wanted), 1)), source.shape[1]))
    for stored, _, numbers in slices_with(source, wanted, size):
        yield numbers, unit_block(stored, numbers, buffer)


def taken(source: Rows, wanted: np.ndarray, size: int = 8 * CHUNK) -> np.ndarray:
    """The rows of the sorted numbers ``wanted``: float64 [M, D], of length one."""
    result = np.empty((len(wanted), source.shape[1]))
    for stored, part, _ in slices_with(source, wanted, size):
        result[part] = unit_rows(stored)
    return result
