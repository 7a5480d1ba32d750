"""Representation Invariance Score (Purushwalkam & Gupta 2020), as the authors' code computes it.

A unit fires on an image when its value passes a threshold that only a small share of all images
pass. The score asks how often the units that fire for a class keep firing over a whole set of
transformed views of one thing. Chance is not the firing rate: it grows as sets shrink and as
features widen, so read a score only beside the i.i.d. row of the same table.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from vidcl.errors import VidclError

MINIMUM_SET = 3
UNITS_PER_BLOCK = 64


def ris(
    features: np.ndarray,
    set_ids: np.ndarray,
    class_ids: np.ndarray,
    top: Sequence[int] = (10, 25),
) -> dict[str, Any]:
    """RIS in per cent (100 G* times the paper's score), by the authors' rules.

    With C classes the target firing rate is G* = max(1/C, 5 %). The + threshold of a unit is its
    value at index floor(N p / 100) of the ascending sort over all N images, p = min((1 - 1/C) 100,
    95); the - threshold the same of the descending sort. In each set of at least three images a
    unit's count is the larger of those strictly above + and strictly below -; sets where nothing
    fires are left out for that unit. L = mean of count / size over the sets of a class, G = share
    of all images at or above the + threshold; L / G is sorted per class, its first K averaged, the
    classes averaged, and the result scaled by 100 G*.

    Args:
        features: float [N, D], not normalised.
        set_ids: [N], the transformation set (for example the instance) of each image.
        class_ids: [N]; a set has the class of its first row.
        top: the numbers K of best units.

    Returns:
        ``ris@K`` per K, ``ris_per_class@K`` (list [C] in the order of ``np.unique``), and what
        moves them: ``images``, ``units``, ``classes``, ``sets`` (used), ``sets_skipped`` (of fewer
        than three images), ``set_size`` [min, median, max] of the used ones, ``target_rate`` (%).

    Raises:
        VidclError: lengths differ, a value is not finite, K exceeds D, or no set has three images.
    """
    features = np.asarray(features)
    sets, first_row, set_index = np.unique(set_ids, return_index=True, return_inverse=True)
    classes, class_index = np.unique(class_ids, return_inverse=True)
    _check(features, set_index, class_index, top)
    percent = min((1.0 - 1.0 / len(classes)) * 100, 95)
    place = int((len(features) * percent) // 100)

    sizes = np.bincount(set_index, minlength=len(sets))
    used = np.flatnonzero(sizes >= MINIMUM_SET)
    if len(used) == 0:
        raise VidclError(
            f"No set has {MINIMUM_SET} images or more, so invariance cannot be measured: give "
            f"more views per instance."
        )
    # Rows of the used sets side by side, sets of one class side by side: two reduceat calls do it.
    used = used[np.argsort(class_index[first_row[used]], kind="stable")]
    place_of_set = np.full(len(sets), len(used))
    place_of_set[used] = np.arange(len(used))
    rows = np.argsort(place_of_set[set_index], kind="stable")[: sizes[used].sum()]
    starts = np.concatenate([[0], np.cumsum(sizes[used])[:-1]])
    used_classes, class_starts = np.unique(class_index[first_row[used]], return_index=True)

    score = np.zeros((len(classes), features.shape[1]))
    for first in range(0, features.shape[1], UNITS_PER_BLOCK):
        block = np.ascontiguousarray(features[:, first : first + UNITS_PER_BLOCK].T)  # [U, N]
        low, high = sorted((len(features) - 1 - place, place))
        ordered = np.partition(block, (low, high), axis=1)
        above, below = ordered[:, place, None], ordered[:, len(features) - 1 - place, None]
        global_rate = (block >= above).mean(axis=1)
        in_sets = block[:, rows]
        count = np.maximum(
            np.add.reduceat(in_sets > above, starts, axis=1, dtype=np.int64),
            np.add.reduceat(in_sets < below, starts, axis=1, dtype=np.int64),
        )  # [U, sets]
        total = np.add.reduceat(count / sizes[used], class_starts, axis=1)
        firing_sets = np.add.reduceat(count > 0, class_starts, axis=1, dtype=np.int64)
        local_rate = total / np.maximum(firing_sets, 1)
        score[used_classes, first : first + UNITS_PER_BLOCK] = (local_rate / global_rate[:, None]).T

    score = -np.sort(-score, axis=1)
    result: dict[str, Any] = {}
    for count_of_units in top:
        per_class = score[:, :count_of_units].mean(axis=1) * (100 - percent)
        result[f"ris@{count_of_units}"] = float(per_class.mean())
        result[f"ris_per_class@{count_of_units}"] = per_class.tolist()
    used_sizes = sizes[used]
    return result | {
        "images": len(features),
        "units": features.shape[1],
        "classes": len(classes),
        "sets": len(used),
        "sets_skipped": len(sets) - len(used),
        "set_size": [int(used_sizes.min()), float(np.median(used_sizes)), int(used_sizes.max())],
        "target_rate": float(100 - percent),
    }


def _check(
    features: np.ndarray, set_index: np.ndarray, class_index: np.ndarray, top: Sequence[int]
) -> None:
    if features.ndim != 2 or not len(features) == len(set_index) == len(class_index):
        raise VidclError(
            f"Invariance needs features [N, D] and N set and class names, not "
            f"{list(features.shape)}, {len(set_index)} and {len(class_index)}."
        )
    if not np.isfinite(features).all():
        raise VidclError("Some features are NaN or infinite: embed the images again.")
    if max(top) > features.shape[1]:
        raise VidclError(
            f"RIS over the top {max(top)} units needs that many, and the features have "
            f"{features.shape[1]}: ask for a smaller top."
        )
