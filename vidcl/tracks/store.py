"""Read a track store: memory-mapped, so that drawing a crop touches only that crop's bytes."""

import itertools
from bisect import bisect_right
from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vidcl.errors import VidclError
from vidcl.tracks.store_blocks import open_listed
from vidcl.tracks.store_columns import PlainColumns
from vidcl.tracks.store_files import Block, Listing, list_shards
from vidcl.tracks.store_schema import PLAIN_COLUMNS, SCHEMA, TrackRow
from vidcl.tracks.track import Track

_OF_TRACK = ("kind", "proposer", "tracker", "shot", "end_reason", "label")
_OF_ROW = ("track_id", "video_id", "video", "split", "change")


def open_store(path: str | Path) -> "TrackStore":
    """Open the track store in a folder.

    Raises:
        VidclError: there is no store, it has no tracks, a newer vidcl wrote it, or a shard is
            damaged.
    """
    store = TrackStore(path)
    if len(store) == 0:
        raise VidclError(
            f"The store {path} holds no tracks: 'vidcl inspect {path}' lists what went wrong with "
            "its videos."
        )
    return store


class TrackStore(PlainColumns):
    """The tracks of a store, in a fixed order: by shard, then by row.

    Pickling sends the path and the list of shards; the copy opens its own maps when it is used, and
    sees the same rows even if shards were added meanwhile. If they were compacted meanwhile it
    raises VidclError; a store that is open already stays as it is.
    """

    def __init__(self, path: str | Path, listing: Listing | tuple[str, ...] | None = None) -> None:
        self.path = Path(path)
        self._given = listing is not None
        if listing is None:
            listing = list_shards(self.path)
        self._listing = listing if isinstance(listing, Listing) else Listing(listing, None)

    def __reduce__(self) -> tuple[Any, ...]:
        return TrackStore, (self.path, self._listing)

    @property
    def shards(self) -> tuple[str, ...]:
        """Names of the shard files, in order."""
        return self._listing.names

    def __len__(self) -> int:
        return self._first_rows[-1]

    def __repr__(self) -> str:
        return f"TrackStore({str(self.path)!r}, {len(self)} tracks, {len(self.shards)} shards)"

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """What the extraction wrote down: canvas, quality, rates, backend, configuration, ..."""
        return self._opened[1]

    @property
    def canvas(self) -> int:
        """Side of every crop, in pixels."""
        return int(self.metadata["canvas"])

    # ---- one value per track ------------------------------------------------------------------

    @cached_property
    def _table(self) -> pa.Table:
        schema = pa.schema([SCHEMA.field(name) for name in PLAIN_COLUMNS])
        parts = [block.batch.select(PLAIN_COLUMNS) for block in self.blocks]
        return pa.Table.from_batches([p.replace_schema_metadata(None) for p in parts], schema)

    def table_without_crops(self) -> pa.Table:
        """Every column with one value per track, and ``length`` (int32): N rows."""
        return self._table.append_column("length", pa.array(self.lengths, pa.int32()))

    def column(self, name: str) -> np.ndarray:
        """One plain column as numpy [N]: numbers, or strings as objects (None where absent), equal
        ones as one object."""
        column = self._table.column(name)
        if not pa.types.is_string(column.type):
            return column.to_numpy()
        known: dict[str | None, str | None] = {}
        parts = (chunk.to_numpy(zero_copy_only=False) for chunk in column.chunks)
        same = (known.setdefault(value, value) for part in parts for value in part)
        return np.fromiter(same, object, len(column))

    @cached_property
    def lengths(self) -> np.ndarray:
        """int64 [N]: crops per track."""
        parts = [np.diff(block.list_offsets) for block in self.blocks]
        return np.concatenate([np.zeros(0, np.int64), *parts]).astype(np.int64)

    def select(
        self,
        *,
        kind: str | Collection[str] | None = None,
        proposer: str | Collection[str] | None = None,
        tracker: str | Collection[str] | None = None,
        split: str | Collection[str] | None = None,
        min_length: int = 1,
    ) -> np.ndarray:
        """Row numbers, int64 and ascending, of the tracks that fit every condition given."""
        keep = self.lengths >= min_length
        wanted = {"kind": kind, "proposer": proposer, "tracker": tracker, "split": split}
        for name, values in wanted.items():
            if values is not None:
                allowed = pa.array([values] if isinstance(values, str) else values, pa.string())
                keep &= pc.is_in(self._table.column(name), allowed).to_numpy()
        return np.flatnonzero(keep)

    # ---- one track ----------------------------------------------------------------------------

    def track_id(self, row: int) -> str:
        return self._table.column("track_id")[row].as_py()

    def times(self, row: int) -> np.ndarray:
        """float32 [T]: presentation times in seconds. A view of the file; do not write to it."""
        block, first, last = self._span(row)
        return block.times[first:last]

    def boxes(self, row: int) -> np.ndarray:
        """float32 [T, 4]: xyxy in source pixels."""
        block, first, last = self._span(row)
        return block.boxes[first:last]

    def crop_boxes(self, row: int) -> np.ndarray:
        """float32 [T, 4]: the pixels each crop shows, xyxy, possibly outside the picture."""
        block, first, last = self._span(row)
        return block.crop_boxes[first:last]

    def sizes(self, row: int) -> np.ndarray:
        """uint16 [T, 2]: width and height of each crop in source pixels, before squaring."""
        block, first, last = self._span(row)
        return block.sizes[first:last]

    def scores(self, row: int) -> dict[str, np.ndarray]:
        """Name -> float32 [T], in [0, 1]."""
        block, first, last = self._span(row)
        return {name: values[first:last] for name, values in block.scores.items()}

    @cached_property
    def has_changes(self) -> bool:
        """Whether ``changes`` were measured; those of a shard of schema version 1 read as 0."""
        return all(block.measured for block in self.blocks)

    def changes(self, row: int) -> np.ndarray:
        """float32 [T]: look change of each crop against the one before, 0 (so the first) to 2."""
        block, first, last = self._span(row)
        return block.changes[first:last]

    def crop(self, row: int, step: int) -> bytes:
        """The JPEG file of one step; a negative step counts from the end.

        Raises:
            IndexError: the track has no such step.
        """
        block, first, last = self._span(row)
        at = first + step if step >= 0 else last + step
        if not first <= at < last:
            raise IndexError(f"track {row} has {last - first} crops, none at {step}")
        return block.crop_data[block.crop_offsets[at] : block.crop_offsets[at + 1]].tobytes()

    def crops(self, row: int) -> list[bytes]:
        """All JPEG files of a track."""
        return [self.crop(row, step) for step in range(int(self.lengths[row]))]

    def read_row(self, row: int) -> TrackRow:
        """Everything of one track, copied into memory."""
        plain = {name: self._table.column(name)[row].as_py() for name in PLAIN_COLUMNS}
        track = Track(
            times=self.times(row).copy(),
            boxes=self.boxes(row).copy(),
            crop_boxes=self.crop_boxes(row).copy(),
            sizes=self.sizes(row).copy(),
            scores={name: values.copy() for name, values in self.scores(row).items()},
            crops=self.crops(row),
            **{name: plain[name] for name in _OF_TRACK},
        )
        changes = self.changes(row).copy()
        return TrackRow(track=track, changes=changes, **{name: plain[name] for name in _OF_ROW})

    def _span(self, row: int) -> tuple[Block, int, int]:
        """The block that holds a row, and where the row's steps begin and end in it."""
        count = self._first_rows[-1]
        if not -count <= row < count:
            raise IndexError(f"{self.path} has {count} tracks, none with the number {row}")
        row = row if row >= 0 else row + count
        block = self.blocks[bisect_right(self._first_rows, row) - 1]
        offsets = block.list_offsets
        return block, int(offsets[row - block.first_row]), int(offsets[row - block.first_row + 1])

    # ---- opening ------------------------------------------------------------------------------

    @cached_property
    def _opened(self) -> tuple[list[Block], dict[str, Any]]:
        again = not self._given
        blocks, metadata, self._listing = open_listed(self.path, self._listing, again=again)
        return blocks, metadata

    @property
    def blocks(self) -> list[Block]:
        """The record batches, in order, as views into the maps."""
        return self._opened[0]

    @cached_property
    def _first_rows(self) -> list[int]:
        """First row of every block, and the number of rows."""
        counts = [block.batch.num_rows for block in self.blocks]
        return [0, *itertools.accumulate(counts)]
