"""All images of one set at a time, from a source that may not fit in memory."""

from collections.abc import Callable, Iterator

import numpy as np

from vidcl.evaluation.feature_file import FeatureSource
from vidcl.evaluation.invariance.sets import TransformationSets

#: Bytes of features (float32) that are gathered at once.
GATHERED_BYTES = 96 * 2**20
#: Bytes of the arrays [sets, views, max(views, units, width)] that are handed out.
STACKED_BYTES = 8 * 2**20


def set_rows(
    source: FeatureSource,
    sets: TransformationSets,
    change: Callable[[np.ndarray], np.ndarray],
    most: int,
    generator: np.random.Generator,
    width: int = 1,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield sets of equal size together: their numbers int [n] and their features
    float64 [n, k, D], changed.

    Sets are gathered in the order of their first rows, so a file whose sets lie together is read
    once; of a file in any other order the parts that hold a gathered set are read again for each
    gathering.

    Args:
        source: features [N, D].
        sets: of its rows.
        change: is applied to rows [n, D]; the result is kept as float32.
        most: of a set of more views, this many drawn ones are given.
        generator: draws them.
        width: how many values the caller makes of each view, which bounds n.
    """
    order, starts = _rows_in_sets(sets)
    kept = [
        np.sort(generator.permutation(size)[:most]) if size > most else None
        for size in sets.sizes.tolist()
    ]
    counts = np.minimum(sets.sizes, most)
    by_first = np.argsort(order[starts], kind="stable")
    gathered = np.cumsum(counts[by_first])
    limit = max(1, GATHERED_BYTES // (4 * source.units))
    begin = 0
    while begin < len(by_first):
        before = gathered[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(gathered, before + limit, side="right")))
        part = by_first[begin:end]
        rows = np.concatenate(
            [
                order[starts[k] : starts[k] + sets.sizes[k]][
                    slice(None) if kept[k] is None else kept[k]
                ]
                for k in part
            ]
        )
        values = _read_rows(source, rows, change)
        first = np.concatenate([[0], np.cumsum(counts[part])[:-1]])
        yield from _stacks(values, part, counts[part], first, width)
        begin = end


def _rows_in_sets(sets: TransformationSets) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers, those of one set side by side and ascending, and where each set begins."""
    order = np.argsort(sets.set_of_row, kind="stable")[: int(sets.sizes.sum())]
    return order, np.concatenate([[0], np.cumsum(sets.sizes)[:-1]])


def _read_rows(
    source: FeatureSource, rows: np.ndarray, change: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Some rows, changed, float32 [len(rows), D], in the order asked for."""
    place = np.argsort(rows, kind="stable")
    ascending = rows[place]
    values = np.empty((len(rows), source.units), np.float32)
    row = int(ascending[0])
    for batch in source.batches(row, int(ascending[-1]) + 1):
        low, high = np.searchsorted(ascending, (row, row + len(batch)))
        if high > low:
            values[place[low:high]] = change(batch[ascending[low:high] - row])
        row += len(batch)
    return values


def _stacks(
    values: np.ndarray, part: np.ndarray, counts: np.ndarray, first: np.ndarray, width: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for views in np.unique(counts).tolist():
        own = np.flatnonzero(counts == views)
        step = max(1, STACKED_BYTES // (8 * views * max(views, values.shape[1], width)))
        for low in range(0, len(own), step):
            some = own[low : low + step]
            rows = first[some][:, None] + np.arange(views)
            yield part[some], values[rows].astype(np.float64)
