"""Labelled sets: images with label columns, from one Parquet file or from a folder of images.

A labelled set on disk is a Parquet file with a column ``image`` (PNG or JPEG bytes) and one column
per label (text or numbers); the file metadata ``vidcl_set`` holds JSON with the set's name. A
folder of images is read as it lies: ``class`` is the first sub-folder, ``path`` the file's path
inside the folder.
"""

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from vidcl.datasets.labelled_set import LabelledSet, file_stamp, set_of_files, text_path
from vidcl.errors import VidclError
from vidcl.files import atomic_path

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm"})
METADATA_KEY = b"vidcl_set"

__all__ = ["IMAGE_SUFFIXES", "LabelledSet", "open_labelled_set", "write_labelled_set"]


def open_labelled_set(path: str | Path) -> LabelledSet:
    """Open a Parquet labelled set, or a folder of images.

    Raises:
        VidclError: nothing is there, the folder holds no image, or the file is not a labelled set.
    """
    path = Path(path)
    if not os.path.exists(path):
        raise VidclError(f"There is no image set at {path}: give a folder or a Parquet file.")
    return _open_folder(path) if path.is_dir() else _open_parquet(path)


def write_labelled_set(
    path: str | Path, name: str, images: np.ndarray, labels: Mapping[str, Any]
) -> None:
    """Write uint8 images [N, H, W, 3] as PNG with their label columns, atomically.

    Raises:
        VidclError: the images have another shape or type, or a label column another length.
    """
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
        raise VidclError(
            f"The images of the set {name} must be uint8 [N, H, W, 3], "
            f"not {images.dtype} {list(images.shape)}."
        )
    columns: dict[str, Any] = {"image": pa.array([_png(image) for image in images], pa.binary())}
    for column, values in labels.items():
        if column == "image":
            raise VidclError(f"Rename the label column 'image' of the set {name}: it is taken.")
        if len(values) != len(images):
            raise VidclError(
                f"The label column {column} of the set {name} has {len(values)} values for "
                f"{len(images)} images: give one value per image."
            )
        columns[column] = pa.array(np.asarray(values).tolist())
    metadata = {METADATA_KEY: json.dumps({"name": name, "images": len(images)}).encode()}
    table = pa.table(columns).replace_schema_metadata(metadata)
    with atomic_path(path) as aside:
        # PNG bytes do not compress again; small row groups keep a reader's memory small.
        pq.write_table(table, aside, compression="none", row_group_size=1024)


def _png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", compress_level=3)
    return buffer.getvalue()


def _open_parquet(path: Path) -> LabelledSet:
    try:
        table = pq.read_table(path, memory_map=True)
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise VidclError(
            f"{path} is not a labelled set: give a Parquet file or a folder of images ({reason})."
        ) from error
    if "image" not in table.column_names:
        raise VidclError(
            f"{path} has no column 'image' (columns: {', '.join(table.column_names)}): "
            f"write it with write_labelled_set."
        )
    images = table["image"]
    if not (pa.types.is_binary(images.type) or pa.types.is_large_binary(images.type)):
        raise VidclError(f"The column 'image' of {path} must hold PNG or JPEG bytes.")
    if len(table) == 0:
        raise VidclError(f"{path} holds no images.")
    if images.null_count:
        raise VidclError(f"{path} has {images.null_count} rows without an image: remove them.")
    stored = (table.schema.metadata or {}).get(METADATA_KEY)
    name = path.stem
    if stored is not None:
        name = str(json.loads(stored).get("name", name))
    labels = {
        column: _label_array(table[column], column, path)
        for column in table.column_names
        if column != "image"
    }
    # The state of the file that was mapped, and not of one that took its place since.
    file = file_stamp(path)
    return LabelledSet(
        name,
        labels,
        lambda index: images[index].as_py(),
        len(table),
        stamp=lambda index: (*file, index),
    )


def _label_array(column: pa.ChunkedArray, name: str, path: Path) -> np.ndarray:
    if column.null_count:
        raise VidclError(
            f"The label column {name} of {path} has {column.null_count} empty values: "
            f"fill them or drop the rows."
        )
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
        return np.asarray(column.to_pylist(), dtype=str)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return column.to_numpy()
    raise VidclError(f"The label column {name} of {path} must hold text or numbers, not {kind}.")


def _open_folder(folder: Path) -> LabelledSet:
    files = sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in IMAGE_SUFFIXES
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )
    if not files:
        suffixes = ", ".join(sorted(IMAGE_SUFFIXES))
        raise VidclError(f"There is no image ({suffixes}) in the folder {folder}.")
    paths = [text_path(file, folder) for file in files]
    labels = {
        "path": np.asarray(paths, dtype=str),
        "class": np.asarray([p.rpartition("/")[0].partition("/")[0] for p in paths], dtype=str),
    }
    return set_of_files(folder.name, folder, labels)
