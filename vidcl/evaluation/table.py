"""Embedding tables: one row per image, its feature and its labels."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vidcl.errors import VidclError
from vidcl.files import atomic_path

METADATA_KEY = b"vidcl_embeddings"
#: Numbers of the features in one row group of a file.
VALUES_PER_GROUP = 1 << 23


def embedding_table(
    features: np.ndarray, labels: Mapping[str, np.ndarray], metadata: Mapping[str, Any]
) -> pa.Table:
    """Features float [N, D] and label columns [N] as one Arrow table.

    The metadata (anything JSON can hold) travels in the schema.

    Raises:
        VidclError: a feature is not finite, or a label column is named ``feature``.
    """
    features = np.ascontiguousarray(features, dtype=np.float32)
    if not np.isfinite(features).all():
        rows = int((~np.isfinite(features).all(axis=1)).sum())
        raise VidclError(
            f"{rows} of {len(features)} features hold NaN or infinity: the encoder has diverged or "
            f"its weights are damaged; train it again with a lower learning rate."
        )
    if "feature" in labels:
        raise VidclError("Rename the label column 'feature': the features take that name.")
    columns: dict[str, Any] = {
        "feature": pa.FixedSizeListArray.from_arrays(
            pa.array(features.reshape(-1)), features.shape[1]
        )
    }
    columns |= {name: pa.array(np.asarray(values).tolist()) for name, values in labels.items()}
    table = pa.table(columns)
    return table.replace_schema_metadata({METADATA_KEY: json.dumps(dict(metadata)).encode()})


def table_features(table: pa.Table) -> np.ndarray:
    """The features, float32 [N, D].

    Raises:
        VidclError: the table has no column ``feature`` of fixed-size float lists.
    """
    if "feature" not in table.column_names:
        raise VidclError(
            f"The embedding table has no column 'feature' (columns: "
            f"{', '.join(table.column_names)}): make it with vidcl embed."
        )
    kind = table.schema.field("feature").type
    if not pa.types.is_fixed_size_list(kind):
        raise VidclError(f"The column 'feature' must hold fixed-size float lists, not {kind}.")
    column = table["feature"].combine_chunks()
    values = np.asarray(column.flatten(), dtype=np.float32)
    return values.reshape(len(table), kind.list_size)


def table_column(table: pa.Table, name: str) -> np.ndarray:
    """A label column as an array [N].

    Raises:
        VidclError: there is none of this name; the text lists those there are.
    """
    if name not in table.column_names or name == "feature":
        have = ", ".join(column for column in table.column_names if column != "feature") or "none"
        raise VidclError(f"The embedding table has no label column '{name}'; it has: {have}.")
    return np.asarray(table[name].to_pylist())


def table_metadata(table: pa.Table) -> dict[str, Any]:
    """What ``embedding_table`` was told about the features; empty for a foreign table."""
    stored = (table.schema.metadata or {}).get(METADATA_KEY)
    return {} if stored is None else dict(json.loads(stored))


def write_embeddings(table: pa.Table, path: str | Path) -> None:
    """Write the table as Parquet, atomically, with its metadata.

    Row groups of some 32 MiB let a reader go through features that memory does not hold.
    """
    width = max(1, table.schema.field("feature").type.list_size)
    labels = [name for name in table.column_names if name != "feature"]
    with atomic_path(path) as aside:
        pq.write_table(
            table,
            aside,
            compression="none",
            row_group_size=max(1024, VALUES_PER_GROUP // width),
            use_dictionary=labels,
        )


def read_embeddings(path: str | Path) -> pa.Table:
    """Read a table that ``write_embeddings`` wrote.

    Raises:
        VidclError: nothing is there, or it is not an embedding table.
    """
    path = Path(path)
    if not path.is_file():
        raise VidclError(f"There are no embeddings at {path}: make them with vidcl embed.")
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise VidclError(
            f"{path} is not a Parquet file of embeddings: make one with vidcl embed ({reason})."
        ) from error
    table_features(table)
    return table
