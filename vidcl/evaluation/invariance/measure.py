"""All invariance measures of one table of features."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vidcl.errors import VidclError
from vidcl.evaluation.feature_file import FeatureSource, Labels, as_labels, as_source
from vidcl.evaluation.invariance.compare import PairedValues, ris_pairs
from vidcl.evaluation.invariance.firing import Mode
from vidcl.evaluation.invariance.ris import ris
from vidcl.evaluation.invariance.whitened import whitened_scores, whitened_values

#: Images per unit below which whitening is called noisy.
FEW = 4


@dataclass(frozen=True)
class Measured:
    """One system on one set."""

    metrics: dict[str, Any]
    """What ``ris`` and ``whitened_scores`` return, and ``labels_hash``."""
    pairs: dict[str, PairedValues]
    """Metric -> what it is on each exchangeable unit, for ``compare_all``."""
    warnings: list[str]
    """Sentences about measures that could not be taken, or say little."""


def measure_invariance(
    features: np.ndarray | FeatureSource,
    set_ids: np.ndarray | Labels,
    class_ids: np.ndarray | Labels,
    top: Sequence[int] = (10, 25),
    *,
    mode: Mode = "authors",
    factors: np.ndarray | Labels | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Measured:
    """RIS, whitened cosine and whitened distance with intervals.

    Args:
        features: float [N, D], or a source that is read from disk.
        set_ids: [N].
        class_ids: [N].
        top: numbers K of best units; those above D are left out.
        mode: of RIS.
        factors: [N] or None, see ``ris``.
        bootstrap: resamples for intervals; 0: none.
        seed: of all draws.
        workers: threads of RIS.
        progress: is told (units and objects done, units and objects).

    Raises:
        VidclError: as ``ris``; where only the whitened measures cannot be taken (one object,
            features that are all alike), a warning says so instead.
    """
    source = as_source(features if hasattr(features, "batches") else np.asarray(features))
    sets, classes = as_labels(set_ids), as_labels(class_ids)
    objects = len(sets.names)

    def told(done: int, total: int) -> None:
        if progress is not None:
            progress(done, source.units + objects)

    metrics = ris(
        source,
        sets,
        classes,
        [count for count in top if count <= source.units],
        mode=mode,
        factors=factors,
        bootstrap=bootstrap,
        seed=seed,
        workers=workers,
        progress=told,
    )
    pairs = {
        f"ris@{count}": ris_pairs(metrics, count) for count in top if f"ris@{count}" in metrics
    }
    warnings = []
    if mode == "paper" and metrics["classes"] == 1:
        warnings.append("Paper mode of one class is the maximum whatever the features are.")
    if metrics["set_size"][0] == 1:
        warnings.append("Some sets hold one image, which says nothing of invariance.")
    mixed = sets_of_several_classes(sets, classes)
    if mixed:
        warnings.append(
            f"{mixed} sets hold images of several classes; each counts for the class of its first "
            f"image."
        )
    try:
        values = whitened_values(
            source, sets, seed=seed, progress=lambda done, _: told(source.units + done, 0)
        )
    except VidclError as error:
        warnings.append(f"No whitened measures: {error}")
    else:
        metrics |= whitened_scores(values, bootstrap=bootstrap, seed=seed)
        names = tuple(values.names.tolist())
        if source.rows < FEW * source.units:
            warnings.append(
                f"Whitening by fewer than {FEW} images per unit is noisy, and makes all images "
                f"look more different: compare whitened measures at equal width only."
            )
        pairs["whitened_cosine"] = PairedValues(names, values.cosine, "object", source.units)
    metrics["labels_hash"] = labels_hash(sets, classes)
    return Measured(metrics, pairs, warnings)


def sets_of_several_classes(set_ids: Labels, class_ids: Labels) -> int:
    """How many sets have images of more than one class."""
    count = len(class_ids.names)
    pairs = np.unique(set_ids.codes.astype(np.int64) * count + class_ids.codes)
    return int((np.bincount(pairs // count) > 1).sum())


def labels_hash(set_ids: Labels, class_ids: Labels) -> str:
    """SHA-256 (hex) of the set and class of every row, in order."""
    digest = hashlib.sha256()
    for labels in (as_labels(set_ids), as_labels(class_ids)):
        digest.update(repr(labels.names.tolist()).encode())
        digest.update(np.ascontiguousarray(labels.codes, dtype=np.int64).tobytes())
    return digest.hexdigest()
