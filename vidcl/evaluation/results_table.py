"""results.json as one long table: CSV for a spreadsheet or a data frame."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

COLUMNS = ("set", "system", "kind", "metric", "value", "std", "low", "high")
#: Endings of names that tell of another number.
SPREADS = ("_std", "_interval")


def results_csv(results: dict[str, Any]) -> str:
    """Every number of the results, one a line: ``COLUMNS``; values are raw, not in per cent.

    ``low`` and ``high`` bound the 95 % interval where there is one. A metric at a minimum viewpoint
    gap is named ``recall@1 gap>=45``, a point of a curve ``curve blur 3``, a probe's ``probe linear
    accuracy``.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for system in results["systems"]:
        for set_name, values in system["sets"].items():
            for line in _lines(values):
                writer.writerow([set_name, system["name"], system["kind"], *line])
    return buffer.getvalue()


def _lines(values: Mapping[str, Any]) -> Iterator[list[Any]]:
    """[metric, value, std, low, high] of one system on one set."""
    yield from _scalars(values, "")
    for entry in values.get("gaps") or ():
        yield from _scalars(entry, f" gap>={entry['min_gap']:g}")
    for key in (key for key in values if key.startswith("factor_curves")):
        measure = key.removeprefix("factor_curves").lstrip("_")
        for factor, curve in values[key].items():
            for severity, value, low, high in curve["points"]:
                name = " ".join(
                    word for word in ("curve", measure, factor, f"{severity:g}") if word
                )
                yield [name, value, "", low, high]
    for entry in values.get("probes") or ():
        name = f"probe {entry['probe']} {entry['metric']}"
        yield [name, entry["value"], "", *(entry.get("interval") or ("", ""))]


def _scalars(values: Mapping[str, Any], behind: str) -> Iterator[list[Any]]:
    for name, value in values.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and not name.endswith(SPREADS):
            bounds = values.get(f"{name}_interval") or ("", "")
            yield [name + behind, value, values.get(f"{name}_std", ""), *bounds]
