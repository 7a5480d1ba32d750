"""results.json: write, read, flatten to CSV, and print as a table."""

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vidcl.errors import VidclError
from vidcl.files import write_atomic

# The control whose figures are the chance level of its table.
CHANCE = "i.i.d. features"
PERCENT = ("recall@", "map", "knn")


def write_results(results: dict[str, Any], path: str | Path) -> None:
    """Write results as strict JSON, atomically; a number that is not finite becomes null."""
    text = json.dumps(_finite(results), indent=1, allow_nan=False)
    write_atomic(Path(path), text.encode())


def read_results(path: str | Path) -> dict[str, Any]:
    """Read results.json.

    Raises:
        VidclError: it is missing, is not JSON, or holds no systems.
    """
    path = Path(path)
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise VidclError(f"Cannot read the results {path}: {error}.") from error
    if not isinstance(results, dict) or not isinstance(results.get("systems"), list):
        raise VidclError(f"{path} is not a results file: it lists no systems.")
    return results


def metric_names(results: dict[str, Any]) -> list[str]:
    """The headline metrics that occur, in reading order: recall, mAP, RIS, k-NN."""
    present = {
        name
        for system in results["systems"]
        for values in system["sets"].values()
        for name in values
    }
    numbered = [
        name
        for prefix in ("recall@", "map", "ris@", "knn")
        for name in sorted(
            (name for name in present if _is_headline(name, prefix)),
            key=lambda name: int(name.split("@")[1]) if "@" in name else 0,
        )
    ]
    return numbered


def metric_label(name: str) -> str:
    """How a metric is headed: ``recall@1`` becomes ``R@1``."""
    if name.startswith("recall@"):
        return "R@" + name.split("@")[1]
    if name.startswith("ris@"):
        return "RIS " + name.split("@")[1]
    return {"map": "mAP", "knn": "k-NN"}.get(name, name)


def shown(name: str, value: float | None) -> float | None:
    """The number as tables print it: fractions in per cent; RIS is in per cent already."""
    if value is None:
        return None
    return 100 * value if name.startswith(PERCENT) else value


def table_text(results: dict[str, Any], set_name: str, metrics: Sequence[str] | None = None) -> str:
    """One set's results as an aligned text table, trained systems first, per cent."""
    systems = [system for system in results["systems"] if set_name in system["sets"]]
    systems.sort(key=lambda system: system["kind"] == "control")
    names = [
        name
        for name in (metrics or metric_names(results))
        if any(name in system["sets"][set_name] for system in systems)
    ]
    rows = [[set_name, *[metric_label(name) for name in names]]]
    for system in systems:
        values = system["sets"][set_name]
        cells = []
        for name in names:
            value = shown(name, values.get(name))
            spread = shown(name, values.get(f"{name}_std"))
            cell = "-" if value is None else f"{value:.1f}"
            cells.append(cell if spread is None else f"{cell} ± {spread:.1f}")
        rows.append([system["name"], *cells])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    lines.insert(1, "-" * len(lines[0]))
    return "\n".join(lines)


def results_csv(results: dict[str, Any]) -> str:
    """All scalar metrics as CSV: set, system, kind, metric, value (raw, not in per cent), std."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["set", "system", "kind", "metric", "value", "std"])
    for system in results["systems"]:
        for set_name, values in system["sets"].items():
            for name, value in values.items():
                scalar = isinstance(value, int | float) and not name.endswith("_std")
                if scalar:
                    row = [set_name, system["name"], system["kind"], name, value]
                    writer.writerow([*row, values.get(f"{name}_std", "")])
    return buffer.getvalue()


def _is_headline(name: str, prefix: str) -> bool:
    if name.endswith(("_std", "_interval")):
        return False
    return name.startswith(prefix) if prefix.endswith("@") else name == prefix


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
