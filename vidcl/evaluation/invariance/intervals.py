"""How far RIS would move had other objects been photographed: a bootstrap over sets.

**What is resampled.** Each resample draws as many sets as there are, with replacement. A class has
the local rates of its drawn sets and weighs by how many were drawn, as a share of how many it has:
a class without a draw is left out, and where every class has one set (then the object is the class)
this is the plain bootstrap of the objects' scores.

**What is kept.** Thresholds, signs, and the K units of each class are those of all sets. Choosing
the units anew in each resample would be biased upwards a second time: a resample repeats sets, so
it has fewer different ones, and the best of many units over fewer sets score higher. By the
authors' rules a unit is rated on the sets it fires in; one that fires in none of the drawn sets is
left out of its class's mean (it would not have been chosen), and a class without any such unit too.

**Few sets.** Resamples of n sets vary by (n - 1) / n too little, so what a class's mean strays from
its own score by is stretched by sqrt(n / (n - 1)). A unit that is left out lowers its class a
little, but in all of thousands of classes alike; so the resamples are moved as one to where their
mean is the score, and cut to 0..100.

**What the interval covers**: the score to be expected of as many other objects of these kinds,
chosen and measured in the same way. It leaves out that the K best units of few sets flatter
themselves; the score itself does too, and so does the chance row, which is why scores are read
against it. It does not cover another training of the network, nor other numbers of sets, images or
units.

**How well.** Thresholds that move with the objects are left out, which errs in both directions. In
simulations (300 collections of new objects of 6 or 12 views, nominal 95 %) the intervals of
authors' mode covered

- 98 to 100 % where each of 40 to 100 objects was a class: objects compete for a fixed share of
  firing, so their mean moves less than that of independent ones, and the interval is 1.5 to 3 times
  too wide;
- 90 to 93 % with six to eight classes of ten to twenty objects (5 to 15 % too narrow);
- 86 to 92 % with eight classes of three objects (3 to 27 % too narrow).

Those of paper mode covered 96 to 100 %. Take them as the size of the uncertainty; for which of two
systems is better there is the paired test of ``invariance.compare``.
"""

from collections.abc import Sequence

import numpy as np

from vidcl.evaluation.invariance.firing import Firing
from vidcl.evaluation.invariance.top_units import TopUnits

#: Numbers of draws (resamples times sets) held at once.
DRAWS = 2**24


def resampled_scores(
    firing: Firing,
    best: TopUnits,
    top: Sequence[int],
    *,
    samples: int = 1000,
    seed: int = 0,
) -> np.ndarray:
    """RIS@K in per cent of each resample, float64 [samples, len(top)]; some may leave 0..100.

    Args:
        firing: counts of D units in S sets.
        best: the units of each class on all sets, at least max(top) of them.
        top: the numbers K of best units.
        samples: how many resamples.
        seed: of the draws.
    """
    generator = np.random.default_rng(seed)
    count = len(firing.sets.names)
    step = max(1, DRAWS // count)
    scores = np.empty((samples, len(top)))
    for first in range(0, samples, step):
        drawn = np.empty((min(step, samples - first), count), np.int32)
        for row in drawn:
            row[:] = np.bincount(generator.integers(count, size=count), minlength=count)
        scores[first : first + step] = _weighted(firing, best, top, drawn)
    return scores * firing.rule.target_rate


def _weighted(firing: Firing, best: TopUnits, top: Sequence[int], drawn: np.ndarray) -> np.ndarray:
    """The mean over classes of each resample, [B, len(top)], where ``drawn`` [B, S] says how often
    each set was drawn."""
    sets = firing.sets
    starts, sizes = sets.class_starts, sets.sets_per_class
    alone = sizes == 1
    total = np.zeros((len(drawn), len(top)))
    weights = np.zeros((len(drawn), len(top)))
    if alone.any():
        means = np.stack([best.scores[alone, :count].mean(axis=1) for count in top], axis=1)
        weight = drawn[:, starts[alone]].astype(np.float64)
        total += weight @ means
        weights += weight.sum(axis=1)[:, None]
    for k in np.flatnonzero(~alone):
        own = slice(starts[k], starts[k] + sizes[k])
        counts = firing.counts[best.units[k], own].T  # [n, K]
        weight = drawn[:, own].astype(np.float64)  # [B, n]
        rates = weight @ (counts / sets.sizes[own, None])  # [B, K]
        if firing.rule.mode == "authors":
            seen = weight @ (counts > 0)
            # a unit that fires in no set at all has the rate 0 in the score itself too
            counted = (seen > 0) | (counts == 0).all(axis=0)
        else:
            seen = weight.sum(axis=1)[:, None]
            counted = np.broadcast_to(seen > 0, rates.shape)
        rates /= np.maximum(seen, 1) * firing.global_rate[best.units[k]]
        share = weight.sum(axis=1) / sizes[k]
        widen = np.sqrt(sizes[k] / (sizes[k] - 1))
        for column, count in enumerate(top):
            known = counted[:, :count].sum(axis=1)
            mean = rates[:, :count].sum(axis=1) / np.maximum(known, 1)
            own_mean = best.scores[k, :count].mean()
            mean = own_mean + widen * (mean - own_mean)
            weight_of_class = share * (known > 0)
            total[:, column] += weight_of_class * mean
            weights[:, column] += weight_of_class
    # classes without a set that is large enough: 0, as in the score itself
    weights += len(sets.class_names) - len(starts)
    return total / np.maximum(weights, 1e-300)
