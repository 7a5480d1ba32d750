"""Probes of one system as results.json, and as a table of text."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from vidcl.evaluation.results import CHANCE, aligned
from vidcl.evaluation.table import table_metadata
from vidcl.version import __version__

Entries = Sequence[Mapping[str, Any]]


def probe_results(
    name: str,
    set_name: str,
    entries: Entries,
    iid: Entries | None,
    *,
    kind: str = "trained",
    facts: Mapping[str, Any],
    settings: Mapping[str, Any],
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """The structure of ``docs/results_format.md`` for one system on one set.

    Args:
        iid: the same probes of i.i.d. features of the same shape, a row of its own.
        facts: of the set (``images``, ``content_hash``, ``columns``).
    """

    def row(system: str, row_kind: str, probes: Entries) -> dict[str, Any]:
        return {
            "name": system,
            "kind": row_kind,
            "run": None,
            "runs": 1,
            "sets": {set_name: {"probes": [dict(entry) for entry in probes]}},
        }

    systems = [row(name, kind, entries)]
    if iid is not None:
        systems.append(row(CHANCE, "control", iid))
    return {
        "schema_version": 1,
        "title": "Probes",
        "version": __version__,
        "settings": dict(settings),
        "sets": {set_name: dict(facts)},
        "systems": systems,
        "timings": {},
        "store": None,
        "warnings": list(warnings),
    }


def table_facts(table: pa.Table) -> dict[str, Any]:
    """What results.json says of a set: how many images, their hash, which columns."""
    metadata = table_metadata(table)
    return {
        "images": len(table),
        "content_hash": metadata.get("content_hash"),
        "columns": [name for name in table.column_names if name != "feature"],
    }


def probes_text(title: str, entries: Entries, iid: Entries | None) -> str:
    """An aligned table: shares in per cent, R2 as it is; a guess and i.i.d. features beside."""
    head = [title, "metric", "value", "95 %", "chance"] + ([] if iid is None else ["i.i.d."])
    rows = [head]
    for place, entry in enumerate(entries):
        cells = [_shown(entry["metric"], entry["value"])]
        interval = entry["interval"]
        low_high = [] if interval is None else [_shown(entry["metric"], end) for end in interval]
        cells.append(" .. ".join(low_high) or "-")
        cells.append(_shown(entry["metric"], entry["chance"]))
        if iid is not None:
            cells.append(_shown(entry["metric"], iid[place]["value"]))
        rows.append([entry["probe"], entry["metric"], *cells])
    return aligned(rows, left=2)


def _shown(metric: str, value: float | None) -> str:
    if value is None:
        return "-"
    text = f"{value:.3f}" if metric.startswith("R2") else f"{100 * value:.1f}"
    return text if float(text) else text.removeprefix("-")
