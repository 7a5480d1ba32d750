"""Arrow arrays from values in memory, without ``pa.array``: that imports pandas where it is there,
half a second and 30 MiB in every process that writes a shard, and its builder keeps twice the
bytes of the crops."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa


def numbers(values: np.ndarray, kind: pa.DataType) -> pa.Array:
    """An array [N] of the type whose numpy form the values have; nothing is copied."""
    data = np.ascontiguousarray(values)
    return pa.Array.from_buffers(kind, len(data), [None, pa.py_buffer(data)])


def packed(values: Sequence[bytes | None], kind: pa.DataType) -> pa.Array:
    """An array of strings (UTF-8) or of binary values; None is null."""
    ends = np.cumsum([0, *(len(value or b"") for value in values)]).astype(np.int32)
    there = [value is not None for value in values]
    valid = None if all(there) else pa.py_buffer(np.packbits(there, bitorder="little"))
    data = pa.py_buffer(b"".join(value or b"" for value in values))
    return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(ends), data])
