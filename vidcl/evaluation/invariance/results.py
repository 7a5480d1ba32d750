"""From tables on disk to the results of ``vidcl invariance``: one dictionary for results.json."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vidcl.errors import VidclError
from vidcl.evaluation.feature_file import Labels, ParquetFeatures
from vidcl.evaluation.invariance.chance import DRAWS, chance_row
from vidcl.evaluation.invariance.comparability import comparability_warnings
from vidcl.evaluation.invariance.compare import PairedValues, compare_all
from vidcl.evaluation.invariance.firing import Mode
from vidcl.evaluation.invariance.measure import measure_invariance
from vidcl.evaluation.results import CHANCE
from vidcl.version import __version__


@dataclass(frozen=True)
class Named:
    """A table and the system it is of."""

    name: str
    path: Path


@dataclass(frozen=True)
class Settings:
    """Everything that moves a number (and ``workers``, which moves none)."""

    mode: Mode = "authors"
    set_column: str | None = None
    """None: ``set``, else ``instance``."""
    class_column: str | None = None
    """None: ``class``, else the set itself."""
    top: tuple[int, ...] = (10, 25)
    bootstrap: int = 1000
    """Resamples; 0: no intervals."""
    permutations: int = 10_000
    """0: no tests."""
    chance_draws: int = DRAWS
    seed: int = 0
    workers: int = 1


@dataclass(frozen=True)
class _Table:
    name: str
    set_name: str
    source: ParquetFeatures
    sets: Labels
    classes: Labels
    factors: Labels | None

    @property
    def steps(self) -> int:
        return self.source.units + len(self.sets.names)


def invariance_results(
    tables: Sequence[Named],
    settings: Settings,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Measure every table, chance at every width, and test every pair of systems on a set.

    Args:
        tables: embedding tables; the set a table is of is what it says, else its file's name.
        settings: of the measures.
        progress: is told (steps done, all steps).

    Returns:
        The structure of ``docs/results_format.md``, with ``comparisons`` and ``warnings``.

    Raises:
        VidclError: a table cannot be read or lacks a column, a system has one set twice, or no K is
            within a table's width.
    """
    if not settings.top or min(settings.top) < 1 or settings.bootstrap < 0:
        raise VidclError("Give --top numbers of 1 or more, and --bootstrap 0 or more.")
    opened = [_open(table, settings) for table in tables]
    seen: set[tuple[str, str]] = set()
    for table in opened:
        if (table.name, table.set_name) in seen:
            raise VidclError(
                f"The system '{table.name}' has the set '{table.set_name}' twice: name the systems "
                f"with NAME=FILE."
            )
        seen.add((table.name, table.set_name))
    total, done = sum(table.steps for table in opened), 0
    systems: dict[str, dict[str, Any]] = {}
    pairs: dict[str, dict[str, dict[str, PairedValues]]] = {}
    warnings: list[str] = []
    for table in opened:

        def told(step: int, _: int, before: int = done) -> None:
            if progress is not None:
                progress(before + step, total)

        measured = measure_invariance(
            table.source,
            table.sets,
            table.classes,
            settings.top,
            mode=settings.mode,
            factors=table.factors,
            bootstrap=settings.bootstrap,
            seed=settings.seed,
            workers=settings.workers,
            progress=told,
        )
        done += table.steps
        told(0, 0, done)
        systems.setdefault(table.name, {})[table.set_name] = measured.metrics
        warnings += [f"{table.name} on {table.set_name}: {text}" for text in measured.warnings]
        for metric, values in measured.pairs.items():
            pairs.setdefault(table.set_name, {}).setdefault(metric, {})[table.name] = values
    comparisons = [
        row
        for set_name, metrics in (pairs.items() if settings.permutations else ())
        for metric, values in metrics.items()
        for row in compare_all(
            set_name, metric, values, permutations=settings.permutations, seed=settings.seed
        )
    ]
    warnings += _warnings(opened, systems)
    return {
        "schema_version": 1,
        "title": "Invariance",
        "version": __version__,
        "settings": {"invariance": asdict(settings)},
        "sets": {table.set_name: _facts(table) for table in opened},
        "systems": [
            *[_row(name, "trained", sets) for name, sets in systems.items()],
            *_chance(opened, settings),
        ],
        "comparisons": comparisons,
        "warnings": warnings,
        "timings": {},
        "store": None,
    }


def _open(table: Named, settings: Settings) -> _Table:
    source = ParquetFeatures(table.path)
    columns = source.columns
    set_column = settings.set_column or ("set" if "set" in columns else "instance")
    sets = source.labels(set_column)
    class_column = settings.class_column or ("class" if "class" in columns else set_column)
    if min(settings.top) > source.units:
        raise VidclError(
            f"{table.path} has {source.units} units: give --top a number that is no larger."
        )
    return _Table(
        table.name,
        str(source.metadata.get("set") or table.path.stem),
        source,
        sets,
        sets if class_column == set_column else source.labels(class_column),
        source.labels("factor") if "factor" in columns else None,
    )


def _chance(tables: Sequence[_Table], settings: Settings) -> list[dict[str, Any]]:
    """A row per width, on every set that has a system of that width."""
    rows: dict[int, dict[str, Any]] = {}
    for table in tables:
        units = table.source.units
        if table.set_name not in rows.setdefault(units, {}):
            rows[units][table.set_name] = chance_row(
                table.sets,
                table.classes,
                units,
                [count for count in settings.top if count <= units],
                mode=settings.mode,
                draws=settings.chance_draws,
                seed=settings.seed,
            )
    alone = len(rows) == 1
    return [
        _row(CHANCE if alone else f"{CHANCE}, {units} units", "control", sets)
        for units, sets in sorted(rows.items())
    ]


def _row(name: str, kind: str, sets: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "kind": kind, "run": None, "runs": 1, "sets": sets}


def _facts(table: _Table) -> dict[str, Any]:
    return {
        "images": table.source.rows,
        "content_hash": table.source.metadata.get("content_hash"),
        "columns": table.source.columns,
    }


def _warnings(tables: Sequence[_Table], systems: dict[str, dict[str, Any]]) -> list[str]:
    by_set: dict[str, list[dict[str, Any]]] = {}
    for table in tables:
        facts = {"name": table.name, "content_hash": table.source.metadata.get("content_hash")}
        by_set.setdefault(table.set_name, []).append(facts | systems[table.name][table.set_name])
    return [
        f"{set_name}: {sentence}"
        for set_name, rows in by_set.items()
        for sentence in comparability_warnings(rows)
    ]
