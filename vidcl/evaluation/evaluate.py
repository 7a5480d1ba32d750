"""From embedding tables to results: every system on every set, one dictionary for results.json."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from vidcl.errors import VidclError
from vidcl.evaluation.config import EvaluationConfig
from vidcl.evaluation.invariance.ris import ris
from vidcl.evaluation.probes.knn import knn_accuracy
from vidcl.evaluation.retrieval.cross_view import cross_view_retrieval
from vidcl.evaluation.table import table_column, table_features, table_metadata
from vidcl.evaluation.tracks import half_track_metrics
from vidcl.version import __version__

Tables = Mapping[str, pa.Table]
TRACKS_SET = "tracks"
# Numbers of the set and the protocol, the same in every run of a system.
PROTOCOL = ("min_gap", "knn_chance", "target_rate")


@dataclass(frozen=True)
class System:
    """One row of the results: an encoder's tables, one mapping {set name: table} per seed."""

    name: str
    runs: Sequence[Tables]
    kind: Literal["trained", "control"] = "trained"
    run: str | None = None
    """The run folder, relative to the folder of results.json."""


def evaluate(
    systems: Sequence[System],
    config: EvaluationConfig | None = None,
    *,
    title: str = "Evaluation",
    settings: Mapping[str, Any] | None = None,
    timings: Mapping[str, float] | None = None,
    store: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Measure every system on every one of its sets.

    A set named ``tracks`` (or ``tracks_...``) is measured by ``half_track_retrieval``; every other
    set by cross-view retrieval, RIS and k-NN class accuracy. Several runs of one system give the
    mean of each metric and ``<metric>_std`` (over runs, n - 1), and no bootstrap intervals.

    Returns:
        The structure of ``docs/results_format.md``.

    Raises:
        VidclError: no systems, a system name twice, or a table lacks the instance column.
    """
    config = config or EvaluationConfig()
    names = [system.name for system in systems]
    if not names or len(set(names)) < len(names):
        raise VidclError("Give at least one system to evaluate, each under a name of its own.")
    jobs = sum(len(tables) for system in systems for tables in system.runs)
    done = 0
    rows = []
    sets: dict[str, Any] = {}
    for system in systems:
        measured: dict[str, list[dict[str, Any]]] = {}
        for tables in system.runs:
            for set_name, table in tables.items():
                measured.setdefault(set_name, []).append(measure(set_name, table, config))
                sets.setdefault(set_name, _set_facts(table))
                done += 1
                if progress is not None:
                    progress(done, jobs)
        rows.append(
            {
                "name": system.name,
                "kind": system.kind,
                "run": system.run,
                "runs": len(system.runs),
                "sets": {name: aggregate(values) for name, values in measured.items()},
            }
        )
    return {
        "schema_version": 1,
        "title": title,
        "version": __version__,
        "settings": {"evaluation": config.model_dump(mode="json"), **(settings or {})},
        "sets": sets,
        "systems": rows,
        "timings": dict(timings or {}),
        "store": store,
    }


def measure(set_name: str, table: pa.Table, config: EvaluationConfig) -> dict[str, Any]:
    """Every metric of one table."""
    if set_name == TRACKS_SET or set_name.startswith(f"{TRACKS_SET}_"):
        return half_track_metrics(
            table,
            k=config.recall_at,
            backend=config.backend,
            bootstrap=config.bootstrap,
            seed=config.seed,
        )
    features = table_features(table)
    instances = table_column(table, config.instance_column)
    columns = table.column_names
    classes = table_column(table, config.class_column) if config.class_column in columns else None
    angles = table_column(table, config.angle_column) if config.angle_column in columns else None
    result = cross_view_retrieval(
        features,
        instances,
        angles,
        config.min_gap,
        config.recall_at,
        gap_edges=config.gap_edges,
        backend=config.backend,
        bootstrap=config.bootstrap,
        seed=config.seed,
    )
    top = [count for count in config.ris_top if count <= features.shape[1]]
    largest = np.unique(instances, return_counts=True)[1].max()
    if top and largest >= 3:
        result |= ris(features, instances, instances if classes is None else classes, top)
    if classes is not None:
        # Where the class itself is what is retrieved, an image's own instance is that image.
        alone = config.class_column == config.instance_column
        result |= knn_accuracy(
            features,
            classes,
            np.arange(len(table)) if alone else instances,
            k=config.knn_k,
            temperature=config.knn_temperature,
            backend=config.backend,
            bootstrap=config.bootstrap,
            seed=config.seed,
        )
    return result


def aggregate(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One run as it is; several as the mean of every number and ``<name>_std`` beside it.

    Counts (images, sets, ...) stay as they are; lists that differ, such as bootstrap intervals, are
    left out.
    """
    if len(runs) == 1:
        return dict(runs[0])
    result: dict[str, Any] = {}
    for name, first in runs[0].items():
        values = [run[name] for run in runs if name in run]
        if name == "gap_curve":
            stacked = np.asarray(values, dtype=np.float64)  # [runs, bins, 3]
            if stacked.size:
                middle, mean, std = stacked[0, :, 0], stacked.mean(0), stacked.std(0, ddof=1)
                result[name] = np.column_stack([middle, mean[:, 1], mean[:, 2]]).tolist()
                result["gap_curve_std"] = np.column_stack([middle, std[:, 1]]).tolist()
            else:
                result[name] = []
        elif isinstance(first, float) and name not in PROTOCOL:
            result[name] = float(np.mean(values))
            result[f"{name}_std"] = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
        elif not isinstance(first, list) or all(value == first for value in values):
            result[name] = first
    return result


def _set_facts(table: pa.Table) -> dict[str, Any]:
    metadata = table_metadata(table)
    return {
        "images": len(table),
        "content_hash": metadata.get("content_hash"),
        "columns": [name for name in table.column_names if name != "feature"],
    }
