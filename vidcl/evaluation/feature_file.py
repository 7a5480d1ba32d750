"""Features too many for memory: read from disk by blocks of columns or ranges of rows.

Only numpy and pyarrow are loaded. A file is read by plain sequential reads, never memory-mapped, so
that what it holds does not count towards the memory of the process.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vidcl.errors import VidclError
from vidcl.evaluation.table import METADATA_KEY

#: Rows that one read of a file yields.
ROWS_PER_READ = 8192
#: Bytes that a block of columns of a file may take.
BLOCK_BYTES = 128 * 2**20
#: Columns in a block of an array, which costs nothing to read again.
ARRAY_COLUMNS = 64


class FeatureSource(Protocol):
    """N rows of D features that can be read more than once."""

    rows: int
    """N."""
    units: int
    """D."""
    dtype: np.dtype[Any]
    block_columns: int
    """How many columns to read at once."""

    def batches(self, start: int = 0, stop: int | None = None) -> Iterator[np.ndarray]:
        """Rows ``start`` to ``stop`` (the end, where None) in order, as arrays [n, D]."""
        ...


@dataclass(frozen=True)
class Labels:
    """One label per row, by number."""

    names: np.ndarray
    """The different labels, [L], sorted as np.unique sorts them; some may be unused."""
    codes: np.ndarray
    """int [N], the place of each row's label in ``names``."""

    def select(self, rows: np.ndarray) -> "Labels":
        """The labels of some rows, given by number or by mask."""
        return Labels(self.names, self.codes[rows])


def as_labels(values: "np.ndarray | Labels") -> Labels:
    """Labels [N] by number; names that occur in no row are dropped."""
    if isinstance(values, Labels):
        used, codes = np.unique(values.codes, return_inverse=True)
        return Labels(values.names[used], codes)
    names, codes = np.unique(np.asarray(values), return_inverse=True)
    return Labels(names, codes.reshape(-1))


class ArrayFeatures:
    """An array [N, D] in memory (or a mapped one, whose pages then count as memory)."""

    def __init__(self, array: np.ndarray) -> None:
        """Raises:
        VidclError: the array has not two dimensions.
        """
        if array.ndim != 2:
            raise VidclError(f"Invariance needs features [N, D], not {list(array.shape)}.")
        self.array = array
        self.rows, self.units = array.shape
        self.dtype = array.dtype
        self.block_columns = ARRAY_COLUMNS

    def batches(self, start: int = 0, stop: int | None = None) -> Iterator[np.ndarray]:
        stop = self.rows if stop is None else stop
        for first in range(start, stop, ROWS_PER_READ):
            yield self.array[first : min(first + ROWS_PER_READ, stop)]


class NpyFeatures:
    """A .npy file of floats [N, D] in C order."""

    def __init__(self, path: str | Path, block_bytes: int = BLOCK_BYTES) -> None:
        """``block_bytes``: what a block of columns may take.

        Raises:
            VidclError: the file is no such array.
        """
        self.path = Path(path)
        try:
            array = np.load(self.path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise VidclError(f"{path} is not a .npy file of features: {error}.") from error
        if array.ndim != 2 or array.dtype.kind != "f" or not array.flags.c_contiguous:
            raise VidclError(
                f"{path} must hold floats [N, D] in C order, not {array.dtype} "
                f"{list(array.shape)}: save it with np.save(path, np.ascontiguousarray(features))."
            )
        self.rows, self.units = array.shape
        self.dtype = array.dtype
        self.offset = int(array.offset)
        self.block_columns = columns_within(block_bytes, self.rows, self.dtype)

    def batches(self, start: int = 0, stop: int | None = None) -> Iterator[np.ndarray]:
        stop = self.rows if stop is None else stop
        with self.path.open("rb") as file:
            file.seek(self.offset + start * self.units * self.dtype.itemsize)
            for first in range(start, stop, ROWS_PER_READ):
                count = min(ROWS_PER_READ, stop - first)
                values = np.fromfile(file, self.dtype, count * self.units)
                if len(values) < count * self.units:
                    raise VidclError(f"{self.path} ends before its row {stop}: write it again.")
                yield values.reshape(count, self.units)


class ParquetFeatures:
    """An embedding table on disk, as ``vidcl.evaluation.table.write_embeddings`` writes it."""

    dtype = np.dtype(np.float32)

    def __init__(self, path: str | Path, block_bytes: int = BLOCK_BYTES) -> None:
        """``block_bytes``: what a block of columns may take.

        Raises:
            VidclError: nothing is there, or it is not an embedding table.
        """
        self.path = Path(path)
        if not self.path.is_file():
            raise VidclError(f"There are no embeddings at {path}: make them with vidcl embed.")
        try:
            with self._open() as file:
                self.schema = file.schema_arrow
                groups = [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)]
        except (pa.ArrowException, OSError) as error:
            reason = " ".join(str(error).split())
            raise VidclError(
                f"{path} is not a Parquet file of embeddings: make one with vidcl embed ({reason})."
            ) from error
        if "feature" not in self.schema.names:
            raise VidclError(
                f"{path} has no column 'feature' (columns: {', '.join(self.schema.names)}): make "
                f"it with vidcl embed."
            )
        kind = self.schema.field("feature").type
        if not pa.types.is_fixed_size_list(kind):
            raise VidclError(f"The column 'feature' must hold fixed-size float lists, not {kind}.")
        self.group_starts = np.concatenate([[0], np.cumsum(groups)]).astype(int)
        self.rows, self.units = int(self.group_starts[-1]), int(kind.list_size)
        self.block_columns = columns_within(block_bytes, self.rows, self.dtype)

    @property
    def columns(self) -> list[str]:
        """The names of the label columns."""
        return [name for name in self.schema.names if name != "feature"]

    @property
    def metadata(self) -> dict[str, Any]:
        """What the table says of its features; empty for a foreign table."""
        stored = (self.schema.metadata or {}).get(METADATA_KEY)
        return {} if stored is None else dict(json.loads(stored))

    def batches(self, start: int = 0, stop: int | None = None) -> Iterator[np.ndarray]:
        stop = self.rows if stop is None else stop
        if stop <= start:
            return
        first = int(np.searchsorted(self.group_starts, start, side="right")) - 1
        end = int(np.searchsorted(self.group_starts, stop, side="left"))
        row = int(self.group_starts[first])
        with self._open() as file:
            for batch in file.iter_batches(
                ROWS_PER_READ, range(first, end), columns=["feature"], use_threads=False
            ):
                column = batch.column(0)
                if column.null_count or column.flatten().null_count:
                    raise VidclError(f"{self.path} has rows without a feature: embed them again.")
                values = np.asarray(column.flatten(), dtype=np.float32)
                values = values.reshape(-1, self.units)
                low, high = max(start - row, 0), min(stop - row, len(values))
                row += len(values)
                if high > low:
                    yield values[low:high]

    def labels(self, name: str) -> Labels:
        """A label column.

        Raises:
            VidclError: there is none of this name, or a row has no label.
        """
        if name not in self.columns:
            have = ", ".join(self.columns) or "none"
            raise VidclError(f"{self.path} has no label column '{name}'; it has: {have}.")
        # by batches, each dictionary-encoded, so that a million names never stand in memory
        places: dict[Any, int] = {}
        codes = np.empty(self.rows, np.int32)
        row = 0
        with self._open() as file:
            for batch in file.iter_batches(65536, columns=[name], use_threads=False):
                column = batch.column(0)
                if column.null_count:
                    raise VidclError(f"{self.path} has rows without '{name}': label every row.")
                encoded = pc.dictionary_encode(column)
                own = [
                    places.setdefault(value, len(places))
                    for value in encoded.dictionary.to_pylist()
                ]
                indices = np.asarray(encoded.indices)
                codes[row : row + len(indices)] = np.asarray(own, np.int32)[indices]
                row += len(indices)
        names, place = np.unique(np.asarray(list(places)), return_inverse=True)
        return Labels(names, place.astype(np.int32)[codes])

    def _open(self) -> pq.ParquetFile:
        # with a buffer the reader goes page by page, however large the row groups are
        return pq.ParquetFile(self.path, pre_buffer=False, buffer_size=2**20)


def as_source(features: "np.ndarray | FeatureSource") -> FeatureSource:
    """An array [N, D] as a source; a source as it is."""
    return ArrayFeatures(features) if isinstance(features, np.ndarray) else features


def columns_within(size: int, rows: int, dtype: np.dtype[Any]) -> int:
    """How many columns of ``rows`` values fit ``size`` bytes, at least 1."""
    return max(1, size // max(1, rows * dtype.itemsize))
