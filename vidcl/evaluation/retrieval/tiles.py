"""Queries on their way through the gallery: some queries beside one block of rows at a time."""

import copy
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from vidcl.errors import VidclError
from vidcl.evaluation.retrieval.lists import Lists
from vidcl.evaluation.retrieval.rows import Rows, taken, unit_blocks

#: Queries of one matrix product.
QUERY_BLOCK = 1024
#: Rows that are compared with the queries at a time, at most, and their values (128 MiB).
GALLERY_BLOCK = 16384
BLOCK_VALUES = 1 << 25
#: Values of the queries that go through the features together: 256 MiB in double precision.
QUERY_VALUES = 1 << 25


def query_groups(count: int, dim: int) -> list[slice]:
    """The parts of the queries that go through the features together."""
    step = max(1, QUERY_VALUES // dim // QUERY_BLOCK) * QUERY_BLOCK
    return [slice(first, min(first + step, count)) for first in range(0, count, step)]


def ticker(
    progress: Callable[[int, int], None] | None, queries: int, gallery: np.ndarray, dim: int
) -> Callable[[], None]:
    """To be called after every tile; tells how many of all are done."""
    total = -(-queries // QUERY_BLOCK) * len(np.unique(gallery // block_rows(dim)))
    count = itertools.count(1)

    def tick() -> None:
        if progress is not None:
            progress(next(count), total)

    return tick


def block_rows(dim: int) -> int:
    """Rows of the gallery that are compared with the queries at a time."""
    return min(GALLERY_BLOCK, max(QUERY_BLOCK, BLOCK_VALUES // dim))


@dataclass(frozen=True)
class Tile:
    """Queries [Q, D] and a block of the gallery [M, D], both of unit length, float32, one device.

    ``part``: which of the queries these are. ``numbers`` int64 [M]: the row numbers. ``barred``:
    pairs (place of the query, place of the row) that may not be found. ``scratch``: float32, room
    for all scores.
    """

    part: slice
    numbers: np.ndarray
    queries: torch.Tensor
    block: torch.Tensor
    barred: tuple[np.ndarray, np.ndarray]
    scratch: torch.Tensor

    def scores(self) -> torch.Tensor:
        """Inner products float32 [Q, M], in ``scratch``; -inf for barred pairs."""
        count, width = len(self.queries), len(self.block)
        scores = self.scratch[: count * width].view(count, width)
        if scores.is_cpu:  # NumPy's BLAS: up to a tenth faster here than torch's (see benchmarks)
            np.matmul(self.queries.numpy(), self.block.numpy().T, out=scores.numpy())
        else:
            precision = torch.get_float32_matmul_precision()
            torch.set_float32_matmul_precision("highest")  # no TF32: the slack counts on it
            try:
                torch.mm(self.queries, self.block.T, out=scores)
            finally:
                torch.set_float32_matmul_precision(precision)
        if len(self.barred[0]):
            at = tuple(torch.from_numpy(part).to(scores.device) for part in self.barred)
            scores[at] = -torch.inf
        return scores


class Asked:
    """Queries that go through the gallery together: their unit rows and whom they may not find.

    ``exact`` is float64 [Q, D], ``rough`` float32 [Q, D] on the device.

    Raises:
        VidclError: a query's feature is not finite.
    """

    def __init__(
        self,
        source: Rows,
        queries: np.ndarray,
        gallery: np.ndarray,
        barred: Lists,
        device: torch.device,
    ) -> None:
        self.source, self.gallery, self.barred = source, gallery, barred
        numbers, index = np.unique(queries, return_inverse=True)
        self.exact = taken(source, numbers)
        if not np.array_equal(numbers, queries):
            self.exact = self.exact[index]
        self.rough = torch.from_numpy(self.exact.astype(np.float32)).to(device)
        finite = torch.isfinite(self.rough).all(dim=1).cpu().numpy()
        if not finite.all():
            raise VidclError(
                f"The feature of row {queries[~finite][0]} is not finite: embed the set again, or "
                f"leave that row out."
            )

    def __len__(self) -> int:
        return len(self.exact)

    def tiles(self) -> Iterator[Tile]:
        """Parts of the queries beside every block of the gallery."""
        device, size = self.rough.device, block_rows(self.source.shape[1])
        room = min(QUERY_BLOCK, len(self)) * min(size, len(self.gallery))
        scratch = torch.empty(room, device=device)
        for numbers, block in unit_blocks(self.source, self.gallery, size):
            moved = block.to(device)
            for first in range(0, len(self), QUERY_BLOCK):
                part = slice(first, min(first + QUERY_BLOCK, len(self)))
                barred = self._barred_in(part, numbers)
                yield Tile(part, numbers, self.rough[part], moved, barred, scratch)

    def some(self, queries: np.ndarray) -> "Asked":
        """Some of these queries."""
        part = copy.copy(self)
        part.exact, part.barred = self.exact[queries], self.barred.picked(queries)
        part.rough = self.rough[torch.from_numpy(queries).to(self.rough.device)]
        return part

    def _barred_in(self, part: slice, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        lists = self.barred.part(part.start, part.stop)
        local = np.minimum(np.searchsorted(numbers, lists.rows), len(numbers) - 1)
        here = numbers[local] == lists.rows
        return lists.owners()[here], local[here]
