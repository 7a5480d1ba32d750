"""The page's further tables: per class and factor, viewpoint gaps, probes, comparisons.

A grid is {"columns": [...], "rows": [{"name", "cells": [{"text", "note"}]}]}.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from vidcl.report.metrics import (
    Results,
    System,
    in_percent,
    interval_text,
    metric_label,
    value_text,
)
from vidcl.report.tables import cell, set_names, system_table, trained_first

GAP_METRICS = ("recall@1", "recall@5", "recall@10", "map", "map@r", "r_precision")


def gap_tables(results: Results, accent: str | None) -> list[dict[str, Any]]:
    """Per set: every metric by minimum viewpoint gap, one table per metric, the first one shown."""
    found = []
    for name in set_names(results):
        having = [s for s in results["systems"] if s["sets"].get(name, {}).get("gaps")]
        lines = {s["name"]: {e["min_gap"]: e for e in s["sets"][name]["gaps"]} for s in having}
        steps = sorted({step for by_step in lines.values() for step in by_step})
        entries = [entry for by_step in lines.values() for entry in by_step.values()]
        tables = []
        for metric in GAP_METRICS:
            if not any(metric in entry for entry in entries):
                continue
            tables.append(
                {
                    "label": metric_label(metric),
                    "table": system_table(
                        having,
                        [f"≥ {step:g}°" for step in steps],
                        partial(_gap_cells, lines, steps, metric),
                        accent,
                    ),
                }
            )
        if tables:
            counts = [
                next((by[step]["n"] for by in lines.values() if "n" in by.get(step, {})), None)
                for step in steps
            ]
            facts = "; ".join(
                f"{n:,} queries at {step:g}°"
                for step, n in zip(steps, counts, strict=True)
                if n is not None
            )
            found.append({"name": name.replace("_", " "), "tables": tables, "facts": facts})
    return found


def ris_parts(results: Results) -> list[dict[str, Any]]:
    """Per set and K: RIS of every class and of every factor, classes down and systems across."""
    found = []
    for name in set_names(results):
        having = [s for s in trained_first(results["systems"]) if name in s["sets"]]
        keys = sorted({key for s in having for key in s["sets"][name] if _is_part(key)})
        for key in keys:
            systems = [s for s in having if s["sets"][name].get(key)]
            kind, count = key.removeprefix("ris_per_").split("@")
            values = {s["name"]: _by_name(s["sets"][name], key) for s in systems}
            rows = list(dict.fromkeys(part for by in values.values() for part in by))
            if kind == "class" and len(rows) < 2:
                continue
            found.append(
                {
                    "title": f"RIS {count} per {kind} on “{name.replace('_', ' ')}”",
                    "corner": kind.capitalize(),
                    "grid": _grid(
                        [s["name"] for s in systems],
                        rows,
                        partial(_part_cells, list(values.values())),
                    ),
                }
            )
    return found


def probe_tables(results: Results, accent: str | None) -> list[dict[str, Any]]:
    """Per set: a column per probe and metric, with intervals, chance, and the settings told."""
    found = []
    for name in set_names(results):
        having = [s for s in results["systems"] if s["sets"].get(name, {}).get("probes")]
        if not having:
            continue
        lines: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
        for system in having:
            for entry in system["sets"][name]["probes"]:
                column = (str(entry["probe"]), str(entry["metric"]))
                lines.setdefault(column, {})[system["name"]] = entry

        def cells(system: System, lines: Any = lines) -> list[dict[str, Any]]:
            return [
                _probe_cell(by_system.get(system["name"]), metric)
                for (_, metric), by_system in lines.items()
            ]

        columns = [
            f"{probe.replace('_', ' ')}: {metric_label(metric)}" + " (%)" * in_percent(metric)
            for probe, metric in lines
        ]
        found.append(
            {
                "name": name.replace("_", " "),
                "table": system_table(having, columns, cells, accent),
                "chances": _chances(lines),
                "settings": [
                    (f"{probe}: {metric}", settings)
                    for (probe, metric), by_system in lines.items()
                    if (settings := _settings(list(by_system.values())))
                ],
            }
        )
    return found


def comparison_tables(results: Results) -> list[dict[str, Any]]:
    """The permutation tests, a table per measure: one row each, by set and p."""
    by_metric: dict[str, list[dict[str, Any]]] = {}
    for line in results.get("comparisons") or []:
        by_metric.setdefault(line["metric"], []).append(line)
    columns = ["B", "A − B", "p", "p (Holm)", "Set", "Units", "Permutations"]
    return [
        {
            "label": metric_label(metric),
            "grid": {
                "columns": columns,
                "rows": [
                    {"name": line["a"], "cells": _comparison_cells(line)}
                    for line in sorted(lines, key=_set_and_p)
                ],
            },
        }
        for metric, lines in by_metric.items()
    ]


def _set_and_p(line: dict[str, Any]) -> tuple[str, float]:
    return line["set"], 2.0 if line["p"] is None else line["p"]


def _comparison_cells(line: dict[str, Any]) -> list[dict[str, Any]]:
    difference = value_text(line["metric"], line["difference"])
    sign = "+" if difference is not None and line["difference"] > 0 else ""
    units = {"class": "classes"}.get(line["unit"], f"{line['unit']}s")
    texts = [
        line["b"],
        None if difference is None else sign + difference,
        p_text(line["p"], line["permutations"]),
        p_text(line.get("p_holm"), line["permutations"]),
        line["set"].replace("_", " "),
        f"{line['n']:,} {units}",
        f"{line['permutations']:,}",
    ]
    return [{"text": text, "note": None} for text in texts]


def p_text(p: float | None, permutations: int) -> str | None:
    """A p-value; the smallest that so many permutations can give is told as a bound."""
    if p is None:
        return None
    least = 1 / (permutations + 1)
    return f"≤ {least:.2g}" if p <= least * (1 + 1e-9) else f"{p:.2g}"


def _gap_cells(
    lines: Mapping[str, Mapping[float, dict[str, Any]]],
    steps: Sequence[float],
    metric: str,
    system: System,
) -> list[dict[str, Any]]:
    return [cell(lines[system["name"]].get(step, {}), metric, True) for step in steps]


def _part_cells(values: Sequence[Mapping[str, float | None]], part: str) -> list[dict[str, Any]]:
    return [{"text": value_text("ris@", by.get(part)), "note": None} for by in values]


def _is_part(key: str) -> bool:
    return key.startswith(("ris_per_class@", "ris_per_factor@")) and key.split("@")[1].isdigit()


def _by_name(values: dict[str, Any], key: str) -> dict[str, float | None]:
    parts = values[key]
    if isinstance(parts, dict):
        return {str(name): value for name, value in parts.items()}
    names = values.get("ris_classes") or [f"class {k + 1}" for k in range(len(parts))]
    return dict(zip((str(name) for name in names), parts, strict=True))


def _grid(
    columns: Sequence[str], rows: Sequence[str], cells: Callable[[str], list[dict[str, Any]]]
) -> dict[str, Any]:
    return {
        "columns": list(columns),
        "rows": [{"name": row, "cells": cells(row)} for row in rows],
    }


def _probe_cell(entry: dict[str, Any] | None, metric: str) -> dict[str, Any]:
    if entry is None:
        return {"text": None, "note": None}
    return {
        "text": value_text(metric, entry.get("value")),
        "note": interval_text(metric, entry.get("interval")),
    }


def _chances(lines: dict[tuple[str, str], dict[str, dict[str, Any]]]) -> str:
    told = []
    for (probe, metric), by_system in lines.items():
        chances = [entry.get("chance") for entry in by_system.values()]
        levels = sorted({float(chance) for chance in chances if chance is not None})
        if levels:
            texts = " or ".join(str(value_text(metric, level)) for level in levels)
            told.append(f"{probe.replace('_', ' ')} {texts}")
    return "chance: " + ", ".join(dict.fromkeys(told)) if told else ""


def _settings(entries: Sequence[dict[str, Any]]) -> str:
    """The settings that all systems share; those that differ are in results.json."""
    first = entries[0].get("settings") or {}
    return ", ".join(
        f"{key} {value}"
        for key, value in first.items()
        if all((entry.get("settings") or {}).get(key) == value for entry in entries)
    )
