"""One line of the ``probes`` list of results.json, and what the probes of labels check alike."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vidcl.errors import VidclError
from vidcl.evaluation.bootstrap import bootstrap_interval
from vidcl.evaluation.probes.regression import check_matrix

#: Counts up whenever a default or a computation of a probe changes; it stands in every entry.
DEFAULTS = 1


def probe_entry(
    probe: str,
    metric: str,
    value: float,
    *,
    interval: Sequence[float] | None,
    chance: float | None,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """An entry as ``docs/results_format.md`` has it.

    Args:
        probe: name of the probe, for example ``linear``.
        metric: what ``value`` is, unique within the probe, for example ``accuracy k=20``.
        value: a fraction (R2 may be negative).
        interval: 95 %, [low, high], or None.
        chance: the value of a guess that does not look at the features.
        settings: everything that moves the number; ``defaults``, the version of what is not
            named, is added.
    """
    return {
        "probe": probe,
        "metric": metric,
        "value": float(value),
        "interval": None if interval is None else [float(bound) for bound in interval],
        "chance": None if chance is None else float(chance),
        "settings": dict(settings) | {"defaults": DEFAULTS},
    }


def largest_share(labels: np.ndarray) -> float:
    """The accuracy of always guessing the commonest of ``labels`` [N]."""
    return float(np.unique(labels, return_counts=True)[1].max() / len(labels))


def interval_over(
    values: np.ndarray, groups: np.ndarray, samples: int, seed: int
) -> list[float] | None:
    """95 % bootstrap over groups of the mean of ``values`` [N]; None without samples."""
    if samples < 1:
        return None
    return bootstrap_interval(np.asarray(values, float), groups, samples=samples, seed=seed)


def check_pair(train: np.ndarray, test: np.ndarray) -> None:
    """Raise a VidclError unless both are finite feature matrices of one width."""
    check_matrix(train, "training features")
    check_matrix(test, "test features")
    if train.shape[1] != test.shape[1]:
        raise VidclError(
            f"Test features have {test.shape[1]} columns, training features {train.shape[1]}: "
            f"embed both with one encoder."
        )


def class_numbers(
    train: np.ndarray, test: np.ndarray, rows: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The training classes, sorted, and both sides' labels as numbers of them.

    Args:
        train, test: labels [N] and [M].
        rows: how many rows of features there are of each.

    Raises:
        VidclError: lengths differ, training has a single class, or a test label is none of its
            classes.
    """
    train, test = np.asarray(train), np.asarray(test)
    for labels, count, which in ((train, rows[0], "training"), (test, rows[1], "test")):
        if labels.shape != (count,):
            raise VidclError(
                f"The {which} labels have shape {labels.shape} for {count} rows of features: "
                f"give one label per row."
            )
    if (train.dtype.kind in "US") != (test.dtype.kind in "US"):
        raise VidclError("Training or test labels are text and the others are not: give one type.")
    names, index = np.unique(train, return_inverse=True)
    if len(names) < 2:
        raise VidclError(
            f"All training labels are {names[0]}: a probe of classes needs at least two classes."
        )
    unknown = np.setdiff1d(test, names)
    if len(unknown):
        shown = ", ".join(str(name) for name in unknown[:3]) + (" ..." if len(unknown) > 3 else "")
        raise VidclError(
            f"{len(unknown)} of the test classes have no training row ({shown}): give a training "
            f"table that has them, or leave them out of the test."
        )
    return names, index.reshape(-1), np.searchsorted(names, test)
