"""From embedding tables to results: every system on every set, one dictionary for results.json."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from vidcl.errors import VidclError
from vidcl.evaluation.config import EvaluationConfig
from vidcl.evaluation.invariance.comparability import comparability_warnings
from vidcl.evaluation.invariance.compare import PairedValues, compare_all
from vidcl.evaluation.measure import measure_table
from vidcl.evaluation.table import table_metadata
from vidcl.version import __version__

Tables = Mapping[str, pa.Table]
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
    set by cross-view retrieval, RIS, whitened cosine and k-NN class accuracy. Several runs of one
    system give the mean of each metric and ``<metric>_std`` (over runs, n - 1), and no bootstrap
    intervals. Systems of one run each are tested against each other for invariance on the same
    objects, trained ones against every other.

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
    tested: dict[str, dict[str, dict[str, PairedValues]]] = {}
    said: dict[tuple[str, str], list[str]] = {}
    for system in systems:
        measured: dict[str, list[dict[str, Any]]] = {}
        for tables in system.runs:
            for set_name, table in tables.items():
                found = measure_table(set_name, table, config)
                measured.setdefault(set_name, []).append(found.metrics)
                sets.setdefault(set_name, _set_facts(table))
                for sentence in found.warnings:
                    said.setdefault((set_name, sentence), []).append(system.name)
                if len(system.runs) == 1:
                    for metric, values in found.pairs.items():
                        by_system = tested.setdefault(set_name, {}).setdefault(metric, {})
                        by_system[system.name] = values
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
    trained = {system.name for system in systems if system.kind == "trained"}
    return {
        "schema_version": 1,
        "title": title,
        "version": __version__,
        "settings": {"evaluation": config.model_dump(mode="json"), **(settings or {})},
        "sets": sets,
        "systems": rows,
        "comparisons": _comparisons(tested, trained, config),
        "warnings": [
            *[
                f"{set_name}: {sentence.rstrip('.')} ({', '.join(dict.fromkeys(names))})."
                for (set_name, sentence), names in said.items()
            ],
            *_not_comparable(rows),
        ],
        "timings": dict(timings or {}),
        "store": store,
    }


def aggregate(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One run as it is; several as the mean of every number and ``<name>_std`` beside it.

    Counts (images, sets, ...) stay as they are; lists that differ, such as bootstrap intervals, are
    left out. Entries of ``gaps`` and factors are taken one by one.
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
        elif name == "gaps":
            result[name] = [aggregate(entries) for entries in zip(*values, strict=True)]
        elif isinstance(first, dict):
            result[name] = aggregate(values)
        elif isinstance(first, float) and name not in PROTOCOL:
            result[name] = float(np.mean(values))
            result[f"{name}_std"] = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
        elif not isinstance(first, list) or all(value == first for value in values):
            result[name] = first
    return result


def _comparisons(
    tested: Mapping[str, Mapping[str, Mapping[str, PairedValues]]],
    trained: Set[str],
    config: EvaluationConfig,
) -> list[dict[str, Any]]:
    """Paired permutation tests of every trained system against all others; see ``compare_all``.

    ``tested``: {set: {metric: {system: its value on each object}}}.
    """
    return [
        row
        for set_name, metrics in (tested.items() if config.permutations else ())
        for metric, by_system in metrics.items()
        for row in compare_all(
            set_name,
            metric,
            by_system,
            permutations=config.permutations,
            seed=config.seed,
            wanted=lambda a, b: bool({a, b} & trained),
        )
    ]


def _not_comparable(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Sentences about scores of one set that may not be put side by side."""
    by_set: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        for set_name, values in row["sets"].items():
            if "ris_mode" in values:
                by_set.setdefault(set_name, []).append({"name": row["name"]} | values)
    return [
        f"{set_name}: {sentence}"
        for set_name, scores in by_set.items()
        for sentence in comparability_warnings(scores)
    ]


def _set_facts(table: pa.Table) -> dict[str, Any]:
    metadata = table_metadata(table)
    return {
        "images": len(table),
        "content_hash": metadata.get("content_hash"),
        "columns": [name for name in table.column_names if name != "feature"],
    }
