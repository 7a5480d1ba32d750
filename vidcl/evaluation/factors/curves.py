"""Invariance against strength: from features, clean and changed, to the curves of results.json."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vidcl.errors import VidclError
from vidcl.evaluation.factors.measure import class_found, found_itself, kept, whitener
from vidcl.evaluation.factors.resampling import bootstrap_intervals
from vidcl.evaluation.factors.strengths import UNTOUCHED

#: Keys of the curves in results.json and what they show; the first is the main one.
MEASURES = {
    "factor_curves": "similarity kept",
    "factor_curves_whitened": "whitened similarity kept",
    "factor_curves_recall": "own image found",
    "factor_curves_knn": "k-NN accuracy",
}
#: The same in a sentence.
EXPLAINED = {
    "factor_curves": "100: nothing moves, 0: as far as another image",
    "factor_curves_whitened": "the same, all directions in which images differ counting alike",
    "factor_curves_recall": "transformed images whose nearest clean image is their own",
    "factor_curves_knn": "class of transformed images by their nearest clean images",
}
#: In place of a severity: the mean over the severities.
AREA = -1


@dataclass(frozen=True)
class Subjects:
    """Whose features are compared.

    Attributes:
        instances: [N], the thing each image shows; the unit of the bootstrap.
        classes: [N], or None where there are fewer than two.
    """

    instances: np.ndarray
    classes: np.ndarray | None

    @property
    def chances(self) -> dict[str, float]:
        """What knowing nothing gives, by key of ``MEASURES``: 0, 0, 1 / N, the largest class."""
        largest = None
        if self.classes is not None:
            largest = float(np.unique(self.classes, return_counts=True)[1].max()) / self.count
        chances = {
            "factor_curves": 0.0,
            "factor_curves_whitened": 0.0,
            "factor_curves_recall": 1 / self.count,
        }
        return chances if largest is None else chances | {"factor_curves_knn": largest}

    @property
    def count(self) -> int:
        return len(self.instances)


def subjects_of(
    labels: Mapping[str, np.ndarray],
    count: int,
    instance_column: str = "instance",
    class_column: str = "class",
) -> Subjects:
    """Instances and classes of a set's labels.

    Without the instance column every image is an instance; without the class column, or where all
    images have the same class, there are no classes.

    Raises:
        VidclError: there are fewer than two images.
    """
    if count < 2:
        raise VidclError(
            "Give at least two images: how far a feature moves is measured against it."
        )
    instances = np.asarray(labels.get(instance_column, np.arange(count)))
    classes = labels.get(class_column)
    known = classes is not None and len(np.unique(classes)) > 1
    return Subjects(instances, np.asarray(classes) if known else None)


def factor_curves(
    clean: np.ndarray,
    changed: Callable[[str, int], np.ndarray],
    factors: Sequence[str],
    severities: Sequence[int],
    subjects: Subjects,
    *,
    k: int = 20,
    temperature: float = 0.07,
    bootstrap: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """The curves of one encoder on one set.

    Args:
        clean: features of the untouched images, float [N, D].
        changed: given a factor and a severity, the features of the same images under it.
        severities: ascending, each of 1 to 5.
        bootstrap: resamples of instances for the 95 % intervals; 0: none (null in the results). The
            clean gallery, and the similarity of two different images, are not resampled.

    Returns:
        By key of ``MEASURES`` and factor: ``measure`` (in words), ``points`` ([severity, value,
        low, high], severity 0 first), ``chance``, ``auc`` (the mean over the severities asked for,
        without 0) and ``auc_interval``. No ``factor_curves_knn`` where there are no classes.

    Raises:
        VidclError: features of another shape than the clean ones, or no factor or severity.
    """
    if not factors or not severities:
        raise VidclError("Ask for at least one factor and one severity.")

    # Rows are (measure, factor, severity) and, for the area, (measure, factor, AREA).
    values: dict[tuple[str, str, int], np.ndarray] = {}
    whiten = whitener(clean)

    def scores_of(features: np.ndarray) -> dict[str, np.ndarray]:
        return _scores(clean, features, whiten, subjects, k, temperature)

    untouched = scores_of(clean)
    for factor in factors:
        by_severity = [scores_of(changed(factor, severity)) for severity in severities]
        for key in untouched:
            scores = [at[key] for at in by_severity]
            values[key, factor, UNTOUCHED] = untouched[key]
            values |= {
                (key, factor, severity): at for severity, at in zip(severities, scores, strict=True)
            }
            values[key, factor, AREA] = np.mean(scores, axis=0)
    bounds: Mapping[tuple[str, str, int], Sequence[float | None]]
    bounds = dict.fromkeys(values, (None, None))
    if bootstrap:
        intervals = bootstrap_intervals(
            np.stack(list(values.values())), subjects.instances, samples=bootstrap, seed=seed
        )
        bounds = dict(zip(values, intervals, strict=True))
    return {
        key: {
            factor: {
                "measure": MEASURES[key],
                "points": [
                    [at, float(values[key, factor, at].mean()), *bounds[key, factor, at]]
                    for at in (UNTOUCHED, *severities)
                ],
                "chance": chance,
                "auc": float(values[key, factor, AREA].mean()),
                "auc_interval": bounds[key, factor, AREA] if bootstrap else None,
            }
            for factor in factors
        }
        for key, chance in subjects.chances.items()
    }


def _scores(
    clean: np.ndarray,
    changed: np.ndarray,
    whiten: Callable[[np.ndarray], np.ndarray],
    subjects: Subjects,
    k: int,
    temperature: float,
) -> dict[str, np.ndarray]:
    """Every measure per image, float64 [N], by key of ``MEASURES``."""
    scores = {
        "factor_curves": kept(clean, changed),
        "factor_curves_whitened": kept(whiten(clean), whiten(changed)),
        "factor_curves_recall": found_itself(clean, changed),
    }
    if subjects.classes is not None:
        scores["factor_curves_knn"] = class_found(
            clean, changed, subjects.classes, subjects.instances, k=k, temperature=temperature
        )
    return scores
