"""Embeddings kept on disk: by the hash of weights, data and preprocessing, written in parts.

    FOLDER/SET/ENCODER-KEY.parquet        a whole table, as ``vidcl embed`` writes it
    FOLDER/.parts/KEY/FIRST-LAST.parquet  features of some images of one that is not whole yet

Names are for people; the key alone is looked for, so a set or an encoder may be renamed. Files
appear whole or not at all and carry checksums. Two processes that make the same table at once share
their parts, and the one that is slower finds the table of the other.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vidcl.datasets.labelled import LabelledSet
from vidcl.errors import VidclError
from vidcl.evaluation.embedding_parts import (
    DAMAGE,
    PartsGone,
    join_parts,
    remove_damaged,
    whole_parts,
    write_parts,
)
from vidcl.evaluation.encoders.opened import OpenEncoder
from vidcl.evaluation.reading import hashed_source
from vidcl.evaluation.table import METADATA_KEY, table_metadata

Progress = Callable[[int, int], None]

#: A part is written after so many images or seconds, whichever comes first.
PART_IMAGES = 50_000
PART_SECONDS = 60.0
#: Raise it when the files' layout changes.
VERSION = 1
PARTS = ".parts"


def table(
    encoder: OpenEncoder,
    data: LabelledSet,
    folder: str | Path,
    progress: Progress | None = None,
    *,
    part_images: int = PART_IMAGES,
    part_seconds: float = PART_SECONDS,
) -> pa.Table:
    """``encoder.table(data)``, from the cache where it is there.

    What was embedded before Ctrl-C or an error is kept, and the same call goes on from there. After
    a kill at most ``part_images`` images or ``part_seconds`` are lost.

    Args:
        folder: of the cache; made where it is missing.
        progress: called with (images done, images in all).
        part_images, part_seconds: see ``PART_IMAGES``.

    Raises:
        VidclError: as ``OpenEncoder.table``.
    """
    if not encoder.cached:
        return encoder.table(data, progress)
    path = entry(
        encoder, data, folder, progress, part_images=part_images, part_seconds=part_seconds
    )
    return read_entry(path, encoder, data.name)


def entry(
    encoder: OpenEncoder,
    data: LabelledSet,
    folder: str | Path,
    progress: Progress | None = None,
    *,
    part_images: int = PART_IMAGES,
    part_seconds: float = PART_SECONDS,
    fingerprint: str | None = None,
) -> Path:
    """The file of a whole table, made where it is missing or damaged; see ``table``.

    Holds the features of one part in memory, never those of the set.

    Args:
        fingerprint: of the set, where the caller knows it: asking for the state of a million files
            takes a while.
    """
    folder, source = Path(folder), hashed_source(data)
    key = cache_key(encoder, fingerprint or source.fingerprint())
    kept = find_entry(folder, key, source.count)
    if kept is not None:
        if progress is not None:
            progress(source.count, source.count)
        return kept
    path = folder / plain_name(data.name) / f"{plain_name(encoder.name)}-{key}.parquet"
    parts = folder / PARTS / key
    start = sum(len(features) for features in whole_parts(parts, source.count))
    if progress is not None and start:
        progress(start, source.count)
    write_parts(encoder, source, start, parts, path, progress, part_images, part_seconds)
    try:
        join_parts(parts, path, encoder, source)
    except PartsGone:  # another process was faster: it has joined the parts and removed them
        kept = find_entry(folder, key, source.count)
        if kept is None:
            raise VidclError(
                f"Parts of the embeddings in {parts} vanished: leave the folder alone and run the "
                "same command again."
            ) from None
        return kept
    shutil.rmtree(parts, ignore_errors=True)  # a part that another process writes now may stay
    return path


def cache_key(encoder: OpenEncoder, fingerprint: str) -> str:
    """Of one table, from the fingerprint of its set: 20 hexadecimal digits."""
    words = f"{VERSION} {encoder.fingerprint} {fingerprint}"
    return hashlib.sha256(words.encode()).hexdigest()[:20]


def find_entry(folder: Path, key: str, count: int) -> Path | None:
    """The whole table of a key; one that is damaged is told of and removed."""
    for path in sorted(folder.glob(f"*/*-{key}.parquet")):
        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                rows = sum(len(batch) for batch in file.iter_batches(columns=["feature"]))
            if rows != count:
                raise ValueError(f"{rows} rows for {count} images")
        except DAMAGE as error:
            remove_damaged(path, error)
        else:
            return path
    return None


def read_entry(path: Path, encoder: OpenEncoder, set_name: str) -> pa.Table:
    """A table of the cache under the names that are in use now.

    Raises:
        VidclError: it cannot be read.
    """
    try:
        found = pq.read_table(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise VidclError(
            f"The embeddings {path} are damaged ({reason}): run the same command again."
        ) from error
    told = table_metadata(found) | {"encoder": encoder.name, "set": set_name}
    return found.replace_schema_metadata({METADATA_KEY: json.dumps(told).encode()})


def cache_size(folder: str | Path) -> tuple[int, int]:
    """(whole tables, bytes of everything) in a cache."""
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    whole = [path for path in files if path.suffix == ".parquet" and PARTS not in path.parts]
    return len(whole), sum(path.stat().st_size for path in files)


def plain_name(name: str) -> str:
    """A name as a plain file name: ASCII letters, digits, ``.``, ``_`` and ``-``, at most 60."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
    return plain.lstrip(".")[:60] or "_"
