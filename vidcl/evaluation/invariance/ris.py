"""Representation Invariance Score (Purushwalkam & Gupta 2020), by its authors' code or its text.

A unit fires on an image when its value passes a threshold that only a small share of all images
pass. The score asks how often the units that fire for a class keep firing over a whole set of
transformed views of one thing. Chance is not the firing rate: it grows as sets shrink and as
features widen, so read a score only beside the i.i.d. row of the same table
(``invariance.chance``).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from vidcl.errors import VidclError
from vidcl.evaluation.bootstrap import central_interval
from vidcl.evaluation.feature_file import FeatureSource, Labels, as_labels, as_source
from vidcl.evaluation.invariance.blocks import RowsOf
from vidcl.evaluation.invariance.firing import (
    MINIMUM_SET,
    Firing,
    Mode,
    Progress,
    count_firing,
)
from vidcl.evaluation.invariance.intervals import resampled_scores
from vidcl.evaluation.invariance.sets import group_sets
from vidcl.evaluation.invariance.top_units import top_units


def ris(
    features: np.ndarray | FeatureSource,
    set_ids: np.ndarray | Labels,
    class_ids: np.ndarray | Labels,
    top: Sequence[int] = (10, 25),
    *,
    mode: Mode = "authors",
    factors: np.ndarray | Labels | None = None,
    bootstrap: int = 0,
    seed: int = 0,
    workers: int = 1,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """RIS in per cent (100 G* times the paper's score).

    ``authors``: what their code computes. With C classes the target firing rate is
    G* = max(1/C, 5 %). The + threshold of a unit is its value at index floor(N p / 100) of the
    ascending sort over all N images, p = min((1 - 1/C) 100, 95); the - threshold the same of the
    descending sort. In each set of at least three images a unit's count is the larger of those
    strictly above + and strictly below -; sets where nothing fires are left out for that unit.
    L = mean of count / size over the sets of a class, G = share of all images at or above the +
    threshold; L / G is sorted per class, its first K averaged, the classes averaged, and the result
    scaled by 100 G*.

    ``paper``: the formulas of the text. G* = 1/C: the threshold of a unit leaves floor(N / C)
    images strictly beyond it (fewer where values are equal). The sign of a unit is one for all
    images; the text does not say how it is found, and here it is the sign whose best class has the
    higher L (+ where they are equal). L = mean of count / size over all sets of the class, sets of
    one image and sets where nothing fires included: a set of one has a rate of 0 or 1, which says
    how well the unit finds the class and nothing of invariance. I = C L, so a score lies in 0..C,
    and in per cent of that maximum it is 100 G* RIS as in the other mode. One class fires on
    everything and scores the maximum whatever the features are.

    Args:
        features: float [N, D], not normalised; or a source that is read from disk.
        set_ids: [N], the transformation set (for example the instance) of each image.
        class_ids: [N]; a set has the class of its first row.
        top: the numbers K of best units.
        mode: whose rules.
        factors: [N], the transformation each image belongs to. The images of each are measured once
            more as a collection of their own, with thresholds and classes of their own.
        bootstrap: resamples of sets for the intervals (``invariance.intervals`` says what they
            cover); 0: none.
        seed: of the resamples.
        workers: threads; no number depends on them.
        progress: is told (units done, D).

    Returns:
        ``ris@K`` per K, ``ris_per_class@K`` (list [C] in the order of ``ris_classes``), where asked
        for ``ris@K_interval`` and ``ris_per_factor@K`` ({factor: score}; null for a factor without
        a set that is large enough), in paper mode ``ris_paper@K`` (0..C), and what moves them:
        ``ris_mode``, ``ris_unit`` (``object`` where no class has two sets, else ``class``: what a
        paired test may exchange), ``images``, ``units``, ``classes``, ``sets`` (used),
        ``sets_skipped`` (of fewer than three images), ``set_size`` [min, median, max] of the used
        ones, ``target_rate`` (%).

    Raises:
        VidclError: lengths differ, a value is not finite, K exceeds D, or no set has three images.
    """
    if not hasattr(features, "batches"):
        features = np.asarray(features)
        if features.ndim != 2:
            raise _shapes(list(features.shape), set_ids, class_ids)
    source = as_source(features)
    sets_of, classes_of = as_labels(set_ids), as_labels(class_ids)
    if not source.rows == len(sets_of.codes) == len(classes_of.codes):
        raise _shapes([source.rows, source.units], sets_of.codes, classes_of.codes)
    if not top or min(top) < 1 or max(top) > source.units:
        raise VidclError(
            f"RIS over the top {max(top, default=0)} units needs that many, and the features have "
            f"{source.units}: ask for a smaller top."
        )
    sets = group_sets(sets_of, classes_of, MINIMUM_SET[mode])
    firing = count_firing(source, sets, mode, workers=workers, progress=progress)
    result = score(firing, top, bootstrap=bootstrap, seed=seed)
    if factors is not None:
        result |= _per_factor(source, sets_of, classes_of, as_labels(factors), top, mode, workers)
    return result


def score(
    firing: Firing, top: Sequence[int], *, bootstrap: int = 0, seed: int = 0
) -> dict[str, Any]:
    """The scores of counts, as ``ris`` returns them.

    Args:
        firing: of D units.
        top: numbers K of best units, each at most D.
        bootstrap: resamples for intervals; 0: none.
        seed: of the resamples.
    """
    sets, scale = firing.sets, firing.rule.target_rate
    best = top_units(firing, max(top))
    result: dict[str, Any] = {}
    for count in top:
        # a class without a set that is large enough counts as 0
        per_class = np.zeros(len(sets.class_names))
        per_class[sets.present] = best.scores[:, :count].mean(axis=1)
        per_class *= scale
        result[f"ris@{count}"] = float(per_class.mean())
        result[f"ris_per_class@{count}"] = per_class.tolist()
        if firing.rule.mode == "paper":
            result[f"ris_paper@{count}"] = float(per_class.mean() / scale)
    if bootstrap:
        drawn = resampled_scores(firing, best, top, samples=bootstrap, seed=seed)
        for column, count in enumerate(top):
            centred = drawn[:, column] - drawn[:, column].mean() + result[f"ris@{count}"]
            result[f"ris@{count}_interval"] = central_interval(np.clip(centred, 0, 100))
    return result | {
        "ris_mode": firing.rule.mode,
        "ris_unit": "object" if sets.sets_per_class.max() == 1 else "class",
        "ris_classes": sets.class_names.tolist(),
        "units": len(firing.counts),
        **sets.facts(),
        "target_rate": scale,
    }


def _per_factor(
    source: FeatureSource,
    set_ids: Labels,
    class_ids: Labels,
    factors: Labels,
    top: Sequence[int],
    mode: Mode,
    workers: int,
) -> dict[str, Any]:
    if len(factors.codes) != source.rows:
        raise VidclError(
            f"There are {len(factors.codes)} factors for {source.rows} images: name one per image."
        )
    result: dict[str, Any] = {f"ris_per_factor@{count}": {} for count in top}
    for code, name in enumerate(factors.names.tolist()):
        rows = factors.codes == code
        own = as_labels(set_ids.select(rows))
        if np.bincount(own.codes).max() < MINIMUM_SET[mode]:
            found: dict[str, Any] = {}
        else:
            part = RowsOf(source, rows)
            sets = group_sets(own, class_ids.select(rows), MINIMUM_SET[mode])
            found = score(count_firing(part, sets, mode, workers=workers), top)
        for count in top:
            result[f"ris_per_factor@{count}"][str(name)] = found.get(f"ris@{count}")
    return result


def _shapes(shape: list[int], set_ids: Any, class_ids: Any) -> VidclError:
    return VidclError(
        f"Invariance needs features [N, D] and N set and class names, not "
        f"{shape}, {len(set_ids)} and {len(class_ids)}."
    )
