"""Arrays that grow with the store: small ones in memory, large ones in a file without a name."""

import math
import mmap
import os
import tempfile
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from vidcl.errors import VidclError

#: Larger arrays, in bytes, lie in a file.
LIMIT = 4 * 2**20


def scratch(shape: int | tuple[int, ...], dtype: DTypeLike) -> np.ndarray[Any, Any]:
    """A writable array of zeros that takes at most ``LIMIT`` bytes of memory.

    A larger one is a map of a file in the folder for temporary files (``TMPDIR``), which has no
    name there and goes with the array. Its pages are the page cache's: as quick as memory while
    there is memory to spare, and the system may write them out and take them back.

    Raises:
        VidclError: there is no room for the file.
    """
    kind = np.dtype(dtype)
    size = math.prod(shape if isinstance(shape, tuple) else (shape,)) * kind.itemsize
    if size <= LIMIT:
        return np.zeros(shape, kind)
    with tempfile.TemporaryFile(prefix="vidcl-") as file:
        try:
            # now, since a write to a map of a full disk would end the process
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            raise VidclError(
                f"The index of this store needs {size / 2**20:.0f} MiB in {tempfile.gettempdir()} "
                f"({error.strerror}): make room there, or set TMPDIR to a folder that has it."
            ) from error
        return np.frombuffer(mmap.mmap(file.fileno(), size), kind).reshape(shape)
