"""results.json: write, read, and print as a table."""

import json
import math
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from vidcl.errors import VidclError
from vidcl.files import write_atomic

# The control whose figures are the chance level of its table.
CHANCE = "i.i.d. features"
#: Metrics that are fractions; tables show them in per cent.
PERCENT = ("recall@", "map", "r_precision", "knn")
#: Every metric by the beginning of its name, in reading order.
ORDER = ("recall@", "map", "map@r", "r_precision", "ris@", "whitened_cosine", "knn")
#: What only the full table shows.
DETAILS = ("recall@10", "map@r", "r_precision", "whitened_cosine")
LABELS = {
    "map": "mAP",
    "map@r": "MAP@R",
    "r_precision": "R-prec",
    "whitened_cosine": "W-cos",
    "knn": "k-NN",
}


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


def metric_names(results: dict[str, Any], *, everything: bool = False) -> list[str]:
    """The metrics that occur, in reading order: recall, mAP, RIS, k-NN; ``everything`` adds those
    of ``DETAILS``."""
    present = {
        name
        for system in results["systems"]
        for values in system["sets"].values()
        for name in values
    }
    return [
        name
        for prefix in ORDER
        for name in sorted(
            (name for name in present if _belongs(name, prefix)),
            key=lambda name: int(name.split("@")[1]) if prefix.endswith("@") else 0,
        )
        if everything or name not in DETAILS
    ]


def metric_label(name: str) -> str:
    """How a metric is headed: ``recall@1`` becomes ``R@1``."""
    if name.startswith("recall@"):
        return "R@" + name.split("@")[1]
    if name.startswith("ris@"):
        return "RIS " + name.split("@")[1]
    return LABELS.get(name, name)


def shown(name: str, value: float | None) -> float | None:
    """The number as tables print it: fractions in per cent; RIS is in per cent already."""
    if value is None:
        return None
    return 100 * value if name.startswith(PERCENT) else value


def table_text(
    results: dict[str, Any],
    set_name: str,
    metrics: Sequence[str] | None = None,
    *,
    intervals: bool | Collection[str] = False,
) -> str:
    """One set's results as an aligned text table, trained systems first, per cent.

    Args:
        metrics: columns; by default ``metric_names``.
        intervals: write the 95 % interval behind values that have one; or the names of those.
    """
    systems = _systems_on(results, set_name)
    names = [
        name
        for name in (metrics or metric_names(results))
        if any(name in system["sets"][set_name] for system in systems)
    ]
    rows = [[set_name, *[metric_label(name) for name in names]]]
    rows += [
        [
            system["name"],
            *[_cell(system["sets"][set_name], name, _asked(intervals, name)) for name in names],
        ]
        for system in systems
    ]
    return aligned(rows)


def gap_text(results: dict[str, Any], set_name: str, metric: str = "recall@1") -> str | None:
    """One metric by minimum viewpoint gap with intervals, per cent; None where none was asked."""
    systems = [
        system for system in _systems_on(results, set_name) if system["sets"][set_name].get("gaps")
    ]
    if not systems:
        return None
    gaps = sorted(entry["min_gap"] for entry in systems[0]["sets"][set_name]["gaps"])
    rows = [[f"{set_name}: {metric_label(metric)}", *[f"gap >= {gap:g}" for gap in gaps]]]
    for system in systems:
        by_gap = {entry["min_gap"]: entry for entry in system["sets"][set_name]["gaps"]}
        rows.append([system["name"], *[_cell(by_gap.get(gap, {}), metric, True) for gap in gaps]])
    return aligned(rows)


def aligned(rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Rows of text as columns of even width, the first ``left`` ones flush left, a rule under the
    head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)


def _systems_on(results: dict[str, Any], set_name: str) -> list[dict[str, Any]]:
    systems = [system for system in results["systems"] if set_name in system["sets"]]
    return sorted(systems, key=lambda system: system["kind"] == "control")


def _asked(intervals: bool | Collection[str], name: str) -> bool:
    return intervals if isinstance(intervals, bool) else name in intervals


def _cell(values: dict[str, Any], name: str, intervals: bool) -> str:
    value, spread = shown(name, values.get(name)), shown(name, values.get(f"{name}_std"))
    if value is None:
        return "-"
    digits = 2 if name.startswith("whitened") else 1
    bounds = values.get(f"{name}_interval")
    if spread is not None:
        return f"{value:z.{digits}f} ± {spread:.{digits}f}"
    if intervals and bounds is not None:
        low, high = (shown(name, bound) for bound in bounds)
        return f"{value:z.{digits}f} [{low:z.{digits}f}, {high:z.{digits}f}]"
    return f"{value:z.{digits}f}"


def _belongs(name: str, prefix: str) -> bool:
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
