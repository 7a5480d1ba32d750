"""The units that best stand for each class."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vidcl.evaluation.invariance.firing import Firing

#: Bytes of a table of rates that is held at once.
TABLE_BYTES = 32 * 2**20


@dataclass(frozen=True)
class TopUnits:
    """The best units of each of P classes that have a measured set."""

    units: np.ndarray
    """int64 [P, K]."""
    scores: np.ndarray
    """float64 [P, K], L / G, descending."""


def top_units(firing: Firing, most: int) -> TopUnits:
    """The ``most`` units of highest L_y(i) / G(i) of each class y.

    Authors' mode takes L_y(i) over the sets of y where unit i fires at all, paper mode over all.
    """
    units, scores = [], []
    for table in _class_tables(firing):  # [c, D]
        if most < table.shape[1]:
            chosen = np.argpartition(-table, most - 1, axis=1)[:, :most]
        else:
            chosen = np.broadcast_to(np.arange(most), (len(table), most))
        values = np.take_along_axis(table, chosen, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        units.append(np.take_along_axis(chosen, order, axis=1))
        scores.append(np.take_along_axis(values, order, axis=1))
    return TopUnits(np.concatenate(units), np.concatenate(scores))


def _class_tables(firing: Firing) -> Iterator[np.ndarray]:
    """L / G as arrays [some classes, D], class after class."""
    sets = firing.sets
    starts = sets.class_starts
    ends = np.append(starts[1:], len(sets.names))
    dim = len(firing.counts)
    step = max(1, TABLE_BYTES // (8 * dim))
    alone = len(starts) == len(sets.names)
    for first in range(0, len(starts), step):
        low, high = starts[first], ends[min(first + step, len(ends)) - 1]
        own = starts[first : first + step] - low
        table = np.empty((len(own), dim))
        width = max(1, TABLE_BYTES // (8 * int(high - low)))
        for unit in range(0, dim, width):
            counts = firing.counts[unit : unit + width, low:high]
            rates = counts / sets.sizes[low:high]
            if not alone:
                rates = np.add.reduceat(rates, own, axis=1)
                if firing.rule.mode == "authors":
                    fired = np.add.reduceat(counts > 0, own, axis=1, dtype=np.int64)
                    rates /= np.maximum(fired, 1)
                else:
                    rates /= sets.sets_per_class[first : first + step]
            rates /= firing.global_rate[unit : unit + width, None]
            table[:, unit : unit + width] = rates.T
        yield table
