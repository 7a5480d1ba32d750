"""Runs in, numbers per sequence out, as sums with weights.

Every measure of a sequence is a pair (sum, weight): its value is the one divided by the other, over
several sequences that of the sums (``vidcl.tracks.quality.bootstrap``). So means over sequences
(weight 1), over frames and over tracks are all the same arithmetic.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from vidcl.tracks.quality import measures
from vidcl.tracks.quality.runs import Run

Sums = dict[str, tuple[float, float]]


def first_runs(runs: Sequence[Run]) -> list[Run]:
    """The earliest run of each object: its one-pass evaluation."""
    first: dict[int, Run] = {}
    for run in runs:
        first.setdefault(run.target, run)
    return list(first.values())


def success_sums(runs: Sequence[Run]) -> Sums:
    """``auc`` (area under the success curve), ``above`` (share of frames with IoU > 0.5), ``iou``
    (mean) and ``precision`` (share of centres within 20 px), over the frames of all runs, each with
    weight 1, so that they become means over sequences; weight 0 where no frame counts.

    A frame in which the object is absent does not count.
    """
    values = np.concatenate([_where_present(run) for run in runs] or [np.zeros(0)])
    distances = np.concatenate([run.distances() for run in runs] or [np.zeros(0)])
    found = {
        "auc": measures.success_auc(values),
        "above": measures.share_above(values),
        "iou": measures.mean_iou(values),
        "precision": measures.precision(distances),
    }
    return {name: _weighted(value) for name, value in found.items()}


def curve_of(runs: Sequence[Run]) -> np.ndarray:
    """The success curve over the frames of all runs, float64 [21]; NaN without frames."""
    return measures.success_curve(
        np.concatenate([_where_present(run) for run in runs] or [np.zeros(0)])
    )


def kept_sums(runs: Sequence[Run]) -> Sums:
    """What judgement kept.

    ``purity``: share of boxes on the object they started on, over boxes; the given first box does
    not count, and a box where the object is absent is not on it. ``track_purity``: the same per
    track, then over tracks. ``kept_share``: followed frames over frames that could have been
    followed. ``kept_length``: followed frames over tracks.
    """
    purities = [measures.purity(run.overlaps()) for run in runs]
    counted = [value for value in purities if np.isfinite(value)]
    values = np.concatenate([run.overlaps() for run in runs] or [np.zeros(0)])
    known = values[np.isfinite(values)]
    return {
        "purity": (float((known >= measures.ON_OBJECT).sum()), float(len(known))),
        "track_purity": (float(sum(counted)), float(len(counted))),
        "kept_share": (float(sum(r.followed for r in runs)), float(sum(r.possible for r in runs))),
        "kept_length": (float(sum(len(r.boxes) for r in runs)), float(len(runs))),
    }


def end_reasons(runs: Sequence[Run]) -> dict[str, int]:
    """How often each reason ended a run."""
    return dict(Counter(str(run.end_reason) for run in runs).most_common())


def _where_present(run: Run) -> np.ndarray:
    values = run.overlaps()
    return values[np.isfinite(run.distances()) | np.isinf(run.distances())]


def _weighted(value: float) -> tuple[float, float]:
    return (value, 1.0) if np.isfinite(value) else (0.0, 0.0)
