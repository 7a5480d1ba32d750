"""How often every unit fires in every transformation set, by the authors' rules or the paper's."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from vidcl.evaluation.feature_file import FeatureSource
from vidcl.evaluation.invariance.blocks import unit_block
from vidcl.evaluation.invariance.sets import TransformationSets

Mode = Literal["authors", "paper"]
Progress = Callable[[int, int], None]

#: Images a set must have: the authors' code skips smaller ones, the paper names no minimum.
MINIMUM_SET = {"authors": 3, "paper": 1}


@dataclass(frozen=True)
class Rule:
    """Where thresholds lie among the N sorted values of a unit."""

    mode: Mode
    images: int
    percent: float
    """100 (1 - G*)."""
    firing: int
    """Images strictly beyond a threshold, on either side, where no two values are equal."""

    @property
    def target_rate(self) -> float:
        """100 G*, per cent."""
        return float(100 - self.percent)


@dataclass(frozen=True)
class Firing:
    """Counts of D units in S sets."""

    rule: Rule
    sets: TransformationSets
    counts: np.ndarray
    """unsigned [D, S]: images of the set on which the unit fires."""
    global_rate: np.ndarray
    """float64 [D], what local rates are divided by."""


def firing_rule(mode: Mode, images: int, classes: int) -> Rule:
    """Authors: p = min((1 - 1/C) 100, 95), the threshold is the value at place floor(N p / 100).
    Paper: the threshold is such that floor(N / C) images lie beyond it."""
    if mode == "paper":
        return Rule(mode, images, 100 * (1 - 1 / classes), images // classes)
    percent = min((1.0 - 1.0 / classes) * 100, 95)
    return Rule(mode, images, percent, images - 1 - int((images * percent) // 100))


def count_firing(
    source: FeatureSource,
    sets: TransformationSets,
    mode: Mode,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> Firing:
    """Read the features by blocks of units and count.

    Args:
        source: features [N, D].
        sets: of its N rows.
        mode: whose rules.
        workers: threads that share the units of a block; the counts do not depend on it.
        progress: is told (units done, D).

    Raises:
        VidclError: a value is not finite.
    """
    rule = firing_rule(mode, source.rows, len(sets.class_names))
    counts = np.empty((source.units, len(sets.names)), np.min_scalar_type(int(sets.sizes.max())))
    rates = np.empty(source.units)

    def count(units: np.ndarray, first: int) -> None:
        for k, unit in enumerate(units, start=first):
            up, down, rates[k] = _beyond(unit, rule)
            counts[k] = _one_sign(_per_set(up, sets), _per_set(down, sets), sets, mode)

    with ThreadPoolExecutor(workers) as pool:
        for first in range(0, source.units, source.block_columns):
            last = min(first + source.block_columns, source.units)
            block = unit_block(source, first, last)
            edges = np.linspace(0, last - first, workers + 1).astype(int)
            parts = pairwise(edges.tolist())
            jobs = [pool.submit(count, block[a:b], first + a) for a, b in parts]
            for job in jobs:
                job.result()
            del block  # before the next one is made
            if progress is not None:
                progress(last, source.units)
    return Firing(rule, sets, counts, rates)


def count_signs(
    up: np.ndarray, down: np.ndarray, sets: TransformationSets, mode: Mode
) -> np.ndarray:
    """Counts [S] of one unit, from the images beyond its + and its - threshold."""
    return _one_sign(_per_set(up, sets), _per_set(down, sets), sets, mode)


def _beyond(unit: np.ndarray, rule: Rule) -> tuple[np.ndarray, np.ndarray, float]:
    """Images above + and below -, and the global rate, of one unit's values [N]."""
    count = len(unit)
    if rule.mode == "authors":
        place = count - 1 - rule.firing
        ordered = np.partition(unit, sorted({count - 1 - place, place}))
        above, below = ordered[place], ordered[count - 1 - place]
        rate = float(np.count_nonzero(unit >= above) / count)
        return np.flatnonzero(unit > above), np.flatnonzero(unit < below), rate
    if rule.firing >= count:  # one class: every image fires
        return np.arange(count), np.arange(count), 1.0
    high, low = count - 1 - rule.firing, rule.firing
    ordered = np.partition(unit, sorted({low, high}))
    rate = 1 - rule.percent / 100
    return np.flatnonzero(unit > ordered[high]), np.flatnonzero(unit < ordered[low]), rate


def _per_set(rows: np.ndarray, sets: TransformationSets) -> np.ndarray:
    count = len(sets.names)
    return np.bincount(sets.set_of_row[rows], minlength=count + 1)[:count]


def _one_sign(up: np.ndarray, down: np.ndarray, sets: TransformationSets, mode: Mode) -> np.ndarray:
    if mode == "authors":
        return np.maximum(up, down)
    best = [
        (np.add.reduceat(count / sets.sizes, sets.class_starts) / sets.sets_per_class).max()
        for count in (up, down)
    ]
    return up if best[0] >= best[1] else down
