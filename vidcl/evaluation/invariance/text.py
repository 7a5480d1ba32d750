"""Invariance scores, tests and warnings of one set as text."""

from collections.abc import Mapping, Sequence
from typing import Any

from vidcl.evaluation.results import aligned

#: Metric -> its heading and the digits after the point.
WHITENED = {
    "whitened_cosine": ("whitened cosine", 3),
    "whitened_cosine_normalised": ("normalised", 3),
    "whitened_distance_normalised": ("distance / different", 3),
}


def invariance_text(results: Mapping[str, Any], set_name: str) -> str:
    """The tables of one set: scores with intervals, then the paired tests.

    RIS is in per cent; a control's ``±`` is the standard deviation over draws.
    """
    systems = [system for system in results["systems"] if set_name in system["sets"]]
    values = [system["sets"][set_name] for system in systems]
    top = sorted(
        {
            int(name[4:])
            for row in values
            for name in row
            if name[4:].isdigit() and name[:4] == "ris@"
        }
    )
    columns = {f"ris@{count}": (f"RIS {count}", 1) for count in top} | WHITENED
    columns = {name: label for name, label in columns.items() if any(name in v for v in values)}
    table = [[f"{set_name} (95 % intervals)", "units", *[label for label, _ in columns.values()]]]
    for system, row in zip(systems, values, strict=True):
        cells = [_cell(row, name, digits) for name, (_, digits) in columns.items()]
        table.append([system["name"], str(row["units"]), *cells])
    text = aligned(table)
    tests = [row for row in results["comparisons"] if row["set"] == set_name]
    if tests:
        text += "\n\n" + _tests(tests)
    return text


def _tests(tests: Sequence[Mapping[str, Any]]) -> str:
    table = [["paired permutation tests", "metric", "difference", "p", "p (Holm)", "units"]]
    for row in tests:
        digits = 1 if row["metric"].startswith("ris@") else 3
        table.append(
            [
                f"{row['a']} - {row['b']}",
                row["metric"],
                f"{row['difference']:+.{digits}f}",
                f"{row['p']:.4f}",
                f"{row['p_holm']:.4f}",
                f"{row['n']} {row['unit']}{'' if row['n'] == 1 else _plural(row['unit'])}",
            ]
        )
    return aligned(table)


def _plural(unit: str) -> str:
    return "es" if unit == "class" else "s"


def _cell(row: Mapping[str, Any], name: str, digits: int) -> str:
    value = row.get(name)
    if value is None:
        return "-"
    text = f"{value:.{digits}f}"
    if f"{name}_interval" in row:
        low, high = row[f"{name}_interval"]
        text += f" [{low:.{digits}f}, {high:.{digits}f}]"
    if f"{name}_std" in row:
        text += f" ± {row[f'{name}_std']:.{digits + 1}f}"
    return text
