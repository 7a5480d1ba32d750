"""Features that somebody else made: a Parquet file, or an array of NumPy."""

import warnings
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vidcl.datasets.labelled import LabelledSet
from vidcl.errors import VidclError
from vidcl.evaluation.images import ImageSource

#: Columns that say which image a row is of, best first.
KEYS = ("path", "key")
#: Rows handed out at once.
BATCH = 4096


@dataclass(frozen=True)
class FeatureFile:
    """Features float32 [N, D], and the columns that tell whose they are."""

    path: Path
    features: np.ndarray
    keys: Mapping[str, np.ndarray]

    def matched_by(self, source: LabelledSet | ImageSource) -> str:
        """``path``, ``key`` or ``order``: how rows find their images."""
        return next((key for key in KEYS if key in self.keys and key in source.labels), "order")

    def rows_of(self, source: LabelledSet | ImageSource) -> np.ndarray:
        """For each image the row of its feature, int64 [N].

        Raises:
            VidclError: rows or images of one key are several, an image has no row, or, without a
                common key, the numbers differ.
        """
        count, key = source.count, self.matched_by(source)
        if key == "order":
            if len(self.features) != count:
                raise VidclError(
                    f"{self.path} holds {len(self.features)} features for {count} images of "
                    f"{source.name}: give one row per image in the set's order, or a column 'path' "
                    "that both have."
                )
            return np.arange(count)
        own = self.keys[key].astype(str)
        row_of = {name: row for row, name in enumerate(own.tolist())}
        if len(row_of) < len(own):
            twice = next(name for name, row in row_of.items() if (own == name).sum() > 1)
            raise VidclError(
                f"{self.path} has several rows of the {key} '{twice}': keep one per image."
            )
        wanted = source.labels[key].astype(str).tolist()
        missing = [name for name in wanted if name not in row_of]
        if missing:
            raise VidclError(
                f"{self.path} has no row for {len(missing)} of {count} images of {source.name} (by "
                f"{key}), the first is '{missing[0]}': embed the whole set."
            )
        return np.asarray([row_of[name] for name in wanted], dtype=np.int64)

    def check(self, data: LabelledSet) -> None:
        """Raises: VidclError: see ``rows_of``."""
        self.rows_of(data)
        if self.matched_by(data) == "order":
            warnings.warn(
                f"{self.path} has no column 'path' or 'key' in common with {data.name}: its rows "
                "are taken to be in the set's order.",
                stacklevel=2,
            )

    def facts(self, source: ImageSource) -> dict[str, Any]:
        return {"features": self.path.name, "matched_by": self.matched_by(source)}

    def rows(self, source: ImageSource, start: int) -> Generator[np.ndarray, None, None]:
        rows = self.rows_of(source)
        for first in range(start, len(rows), BATCH):
            yield np.asarray(self.features[rows[first : first + BATCH]], dtype=np.float32)


def read_features(path: str | Path) -> FeatureFile:
    """A Parquet file with a column ``feature`` (lists of D numbers), or an array [N, D] in a .npy.

    Raises:
        VidclError: there is none, it cannot be read or holds something else.
    """
    path = Path(path)
    if not path.is_file():
        raise VidclError(f"There is no file of features at {path}: give a .parquet or a .npy.")
    if path.suffix == ".npy":
        return FeatureFile(path, _array(path), {})
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise VidclError(
            f"{path} is no file of features: give Parquet or a .npy ({reason})."
        ) from error
    if "feature" not in table.column_names:
        raise VidclError(
            f"{path} has no column 'feature' (columns: {', '.join(table.column_names)}): give it "
            "one, with a list of numbers per image."
        )
    keys = {
        name: np.asarray(table[name].to_pylist()) for name in KEYS if name in table.column_names
    }
    return FeatureFile(path, _checked(_lists(table["feature"], path), path), keys)


def _lists(column: pa.ChunkedArray, path: Path) -> np.ndarray:
    """Lists of one length as [N, D]."""
    kind = column.type
    lists = pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind)
    numbers = (lists or pa.types.is_large_list(kind)) and (
        pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)
    )
    if not numbers:
        raise VidclError(f"The column 'feature' of {path} must hold lists of numbers, not {kind}.")
    if column.null_count or column.combine_chunks().flatten().null_count:
        raise VidclError(f"The column 'feature' of {path} has empty values: drop those rows.")
    widths = {len(part) for part in column} if not pa.types.is_fixed_size_list(kind) else set()
    if len(widths) > 1:
        raise VidclError(
            f"The features of {path} have {len(widths)} different lengths: give one width."
        )
    return np.asarray(column.combine_chunks().flatten()).reshape(len(column), -1)


def _array(path: Path) -> np.ndarray:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise VidclError(
            f"{path} is no array of NumPy ({error}): write it with np.save."
        ) from error
    return _checked(array, path)


def _checked(array: np.ndarray, path: Path) -> np.ndarray:
    if array.ndim != 2 or array.dtype.kind not in "fiu" or 0 in array.shape:
        raise VidclError(
            f"{path} holds {array.dtype} {list(array.shape)}: give features as numbers [N, D]."
        )
    return array
