"""Parts of a source of features: some of its rows, or some of its columns turned into rows."""

from collections.abc import Iterator

import numpy as np

from vidcl.errors import VidclError
from vidcl.evaluation.feature_file import FeatureSource

#: Rows turned into columns at once; a tile of them stays in the processor's cache.
ROWS_PER_TILE = 256


class RowsOf:
    """Some rows of another source."""

    def __init__(self, source: FeatureSource, wanted: np.ndarray) -> None:
        """``wanted``: bool [N] of the other source."""
        self.source, self.wanted = source, np.flatnonzero(wanted)
        self.rows, self.units, self.dtype = len(self.wanted), source.units, source.dtype
        self.block_columns = source.block_columns

    def batches(self, start: int = 0, stop: int | None = None) -> Iterator[np.ndarray]:
        wanted = self.wanted[start : self.rows if stop is None else stop]
        if not len(wanted):
            return
        row = int(wanted[0])
        for batch in self.source.batches(row, int(wanted[-1]) + 1):
            low, high = np.searchsorted(wanted, (row, row + len(batch)))
            if high > low:
                yield batch[wanted[low:high] - row]
            row += len(batch)


def unit_block(source: FeatureSource, first: int, last: int) -> np.ndarray:
    """Columns ``first`` to ``last`` as rows, [last - first, N], contiguous.

    Raises:
        VidclError: a value is not finite.
    """
    block = np.empty((last - first, source.rows), source.dtype)
    row = 0
    for batch in source.batches():
        for tile in range(0, len(batch), ROWS_PER_TILE):
            part = batch[tile : tile + ROWS_PER_TILE, first:last]
            block[:, row : row + len(part)] = part.T
            row += len(part)
    if not all(np.isfinite(unit).all() for unit in block):
        raise VidclError("Some features are NaN or infinite: embed the images again.")
    return block
