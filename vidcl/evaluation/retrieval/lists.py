"""Lists of rows of different lengths, one per query, laid behind one another."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Lists:
    """``rows[starts[q]:starts[q + 1]]`` are the rows of query q, ascending."""

    starts: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    def lengths(self) -> np.ndarray:
        return np.diff(self.starts)

    def owners(self) -> np.ndarray:
        """For every entry, whose it is: int64 [len(rows)]."""
        return np.repeat(np.arange(len(self)), self.lengths())

    def of(self, query: int) -> np.ndarray:
        return self.rows[self.starts[query] : self.starts[query + 1]]

    def part(self, first: int, end: int) -> "Lists":
        """The lists of the queries ``first`` to ``end - 1``."""
        starts = self.starts[first : end + 1]
        return Lists(starts - starts[0], self.rows[starts[0] : starts[-1]])

    def picked(self, queries: np.ndarray) -> "Lists":
        """The lists of some queries."""
        return lists_of([self.of(int(query)) for query in queries])


def lists_of(parts: Sequence[np.ndarray]) -> Lists:
    """Arrays of row numbers as lists."""
    starts = np.zeros(len(parts) + 1, dtype=np.int64)
    np.cumsum([len(part) for part in parts], out=starts[1:])
    rows = np.concatenate(parts) if parts else np.empty(0)
    return Lists(starts, rows.astype(np.int64))


def kept(lists: Lists, keep: np.ndarray) -> Lists:
    """The entries for which ``keep`` bool [len(rows)] holds."""
    counts = np.bincount(lists.owners()[keep], minlength=len(lists))
    starts = np.zeros(len(lists) + 1, dtype=np.int64)
    np.cumsum(counts, out=starts[1:])
    return Lists(starts, lists.rows[keep])
