"""Parts of a table of embeddings: written while a set is embedded, joined when all are there.

FOLDER/FIRST-LAST.parquet   features of the images FIRST to LAST - 1
"""

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vidcl.errors import VidclError
from vidcl.evaluation.encoders.opened import OpenEncoder
from vidcl.evaluation.images import ImageSource
from vidcl.evaluation.table import embedding_table, table_features
from vidcl.files import atomic_path

Progress = Callable[[int, int], None]

#: Features do not compress.
WRITING: dict[str, Any] = {"compression": "none", "write_page_checksum": True}
#: What an incomplete or altered file raises when it is read.
DAMAGE = (pa.ArrowException, OSError, VidclError, KeyError, ValueError)


def write_parts(
    encoder: OpenEncoder,
    source: ImageSource,
    start: int,
    parts: Path,
    path: Path,
    progress: Progress | None,
    part_images: int,
    part_seconds: float,
) -> None:
    """Write the parts that are missing from ``start`` on."""
    held: list[np.ndarray] = []
    first = done = start
    begun = time.monotonic()

    def flush() -> None:
        nonlocal first, begun
        waiting, low = list(held), first
        held.clear()
        first, begun = done, time.monotonic()
        if waiting:
            _write_part(parts, low, np.concatenate(waiting))

    if start == source.count:
        return
    try:
        with closing(encoder.rows(source, start)) as batches:
            for batch in batches:
                held.append(batch)
                done += len(batch)
                if progress is not None:
                    progress(done, source.count)
                if done - first >= part_images or time.monotonic() - begun >= part_seconds:
                    flush()
                    if path.exists():
                        return
    finally:  # Ctrl-C and errors too: what is done need not be done again
        flush()


def _write_part(parts: Path, first: int, features: np.ndarray) -> None:
    found = embedding_table(features, {}, {"first": first})
    with atomic_path(parts / f"{first:09}-{first + len(features):09}.parquet") as aside:
        pq.write_table(found, aside, use_dictionary=False, **WRITING)


def whole_parts(parts: Path, count: int) -> Iterator[np.ndarray]:
    """Features of images from the first on, as far as parts follow each other.

    Those of two processes may overlap; the one that reaches farthest is taken. A damaged one is
    told of and removed.
    """
    spans = []
    for path in parts.glob("*-*.parquet"):
        first, _, last = path.stem.partition("-")
        if first.isdecimal() and last.isdecimal() and int(last) <= count:
            spans.append((int(first), int(last), path))
    reached = 0
    while reached < count:
        fitting = [span for span in spans if span[0] <= reached < span[1]]
        if not fitting:
            return
        best = max(fitting, key=lambda span: span[1])
        spans.remove(best)
        low, high, path = best
        try:
            features = table_features(pq.read_table(path, page_checksum_verification=True))
            if len(features) != high - low:
                raise ValueError(f"{len(features)} rows")
        except FileNotFoundError:
            continue  # another process has joined it
        except DAMAGE as error:
            remove_damaged(path, error)
            continue
        yield features[reached - low :]
        reached = high


def join_parts(parts: Path, path: Path, encoder: OpenEncoder, source: ImageSource) -> None:
    """Join the parts into the whole table.

    Raises:
        PartsGone: some are no longer there.
    """
    reached = 0
    writer: pq.ParquetWriter | None = None
    metadata: dict[str, Any] = encoder.metadata(source)
    with atomic_path(path) as aside:
        try:
            for features in whole_parts(parts, source.count):
                here = slice(reached, reached + len(features))
                labels = {name: values[here] for name, values in source.labels.items()}
                rows = embedding_table(features, labels, metadata)
                writer = writer or pq.ParquetWriter(
                    aside, rows.schema, use_dictionary=list(labels), **WRITING
                )
                writer.write_table(rows)
                reached = here.stop
        finally:
            if writer is not None:
                writer.close()
        if reached < source.count:
            raise PartsGone


class PartsGone(Exception):
    """Parts were removed before they were joined."""


def remove_damaged(path: Path, error: BaseException) -> None:
    reason = " ".join(str(error).split())[:120] or type(error).__name__
    warnings.warn(f"The embeddings {path} are damaged ({reason}) and are made anew.", stacklevel=3)
    path.unlink(missing_ok=True)
