"""Every metric of one embedding table."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from vidcl.evaluation.config import EvaluationConfig
from vidcl.evaluation.invariance.compare import PairedValues
from vidcl.evaluation.invariance.firing import MINIMUM_SET
from vidcl.evaluation.invariance.measure import measure_invariance
from vidcl.evaluation.probes.knn import knn_accuracy
from vidcl.evaluation.retrieval.cross_view import cross_view_retrieval
from vidcl.evaluation.table import table_column, table_features
from vidcl.evaluation.tracks import half_track_metrics

TRACKS_SET = "tracks"


@dataclass(frozen=True)
class MeasuredTable:
    """One system on one set."""

    metrics: dict[str, Any]
    """See ``docs/results_format.md``."""
    pairs: dict[str, PairedValues] = field(default_factory=dict)
    """Metric -> its value on each exchangeable unit, for a paired test."""
    warnings: list[str] = field(default_factory=list)
    """Sentences about measures that say little or could not be taken."""


def measure(set_name: str, table: pa.Table, config: EvaluationConfig) -> dict[str, Any]:
    """The metrics of ``measure_table`` alone."""
    return measure_table(set_name, table, config).metrics


def measure_table(set_name: str, table: pa.Table, config: EvaluationConfig) -> MeasuredTable:
    """Retrieval, invariance and k-NN accuracy, as far as the table's labels allow.

    A set named ``tracks`` (or ``tracks_...``) is measured by ``half_track_retrieval`` alone.

    Raises:
        VidclError: the table has neither instances nor transformation sets, or what is measured
            refuses it.
    """
    if is_track_set(set_name):
        found = half_track_metrics(
            table,
            k=config.recall_at,
            backend=config.backend,
            bootstrap=config.bootstrap,
            seed=config.seed,
        )
        return MeasuredTable(found)
    features = table_features(table)
    sets = _column(table, config.set_column)
    instances = _column(table, config.instance_column)
    classes = _column(table, config.class_column)
    if sets is None and instances is None:
        table_column(table, config.instance_column)  # says which columns there are
    result: dict[str, Any] = {}
    if "retrieval" in config.measures and instances is not None:
        result |= _retrieval(table, features, instances, config)
    invariance = _invariance(table, features, sets, instances, classes, config)
    result |= invariance.metrics
    # Where the class itself is what is retrieved, an image's own instance is that image.
    alone = instances is None or config.class_column == config.instance_column
    voters = np.arange(len(table)) if alone or instances is None else instances
    # Where every class is one instance, nobody else is there to vote for it.
    several = classes is not None and len(np.unique(voters)) > len(np.unique(classes))
    if "knn" in config.measures and classes is not None and several:
        result |= knn_accuracy(
            features,
            classes,
            voters,
            k=config.knn_k,
            temperature=config.knn_temperature,
            backend=config.backend,
            bootstrap=config.bootstrap,
            seed=config.seed,
        )
    return MeasuredTable(result, invariance.pairs, invariance.warnings)


def is_track_set(name: str) -> bool:
    """Whether a set holds a user's own tracks, and follows a protocol of its own."""
    return name == TRACKS_SET or name.startswith(f"{TRACKS_SET}_")


def _retrieval(
    table: pa.Table, features: np.ndarray, instances: np.ndarray, config: EvaluationConfig
) -> dict[str, Any]:
    return cross_view_retrieval(
        features,
        instances,
        _column(table, config.angle_column),
        config.min_gap,
        config.recall_at,
        polar=_column(table, config.polar_column),
        gaps=config.min_gaps,
        gap_edges=config.gap_edges,
        backend=config.backend,
        bootstrap=config.bootstrap,
        seed=config.seed,
    )


def _invariance(
    table: pa.Table,
    features: np.ndarray,
    sets: np.ndarray | None,
    instances: np.ndarray | None,
    classes: np.ndarray | None,
    config: EvaluationConfig,
) -> MeasuredTable:
    groups = instances if sets is None else sets
    top = [count for count in config.ris_top if count <= features.shape[1]]
    if "invariance" not in config.measures or groups is None or not top:
        return MeasuredTable({})
    views = int(np.unique(groups, return_counts=True)[1].max())
    if views < max(2, MINIMUM_SET[config.ris_mode]):
        return MeasuredTable({})  # images of their own: there is nothing to be invariant to
    factors = _column(table, "factor")
    found = measure_invariance(
        features,
        groups,
        groups if classes is None else classes,
        top,
        mode=config.ris_mode,
        factors=None if factors is None or len(np.unique(factors)) < 2 else factors,
        bootstrap=config.bootstrap,
        seed=config.seed,
    )
    return MeasuredTable(found.metrics, found.pairs, found.warnings)


def _column(table: pa.Table, name: str) -> np.ndarray | None:
    return table_column(table, name) if name in table.column_names else None
