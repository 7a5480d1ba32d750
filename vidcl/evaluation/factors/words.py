"""Curves as text: a table for the terminal, and lines of areas for the CSV."""

import csv
import io
from typing import Any

from vidcl.evaluation.factors.curves import EXPLAINED, MEASURES
from vidcl.evaluation.results import aligned
from vidcl.evaluation.results_table import results_csv


def curves_table(results: dict[str, Any], set_name: str, key: str) -> str:
    """One set's curves as an aligned table, per cent: a row per factor and encoder.

    Args:
        results: as in results.json.
        key: one of ``curves.MEASURES``.

    Returns:
        The table; "" where the set has no such curves. ``AUC`` is the mean over the severities,
        with half the width of its 95 % interval.
    """
    systems = [system for system in results["systems"] if key in system["sets"].get(set_name, {})]
    if not systems:
        return ""
    curves = {system["name"]: system["sets"][set_name][key] for system in systems}
    factors = list(next(iter(curves.values())))
    first = next(iter(curves.values()))[factors[0]]
    head = [set_name, "", *[f"{point[0]}" for point in first["points"]], "AUC"]
    rows = [head]
    for factor in factors:
        for place, (name, by_factor) in enumerate(curves.items()):
            curve = by_factor[factor]
            cells = [f"{100 * point[1]:.1f}" for point in curve["points"]]
            rows.append([factor if place == 0 else "", name, *cells, _area(curve)])
    return f"{_title(set_name, key)}, by severity\n{aligned(rows, 2)}"


def areas_table(results: dict[str, Any], set_name: str, key: str) -> str:
    """One set's areas as an aligned table, per cent: a row per encoder, a column per factor.

    Returns:
        The table; "" where the set has no such curves.
    """
    systems = [system for system in results["systems"] if key in system["sets"].get(set_name, {})]
    if not systems:
        return ""
    curves = [(system["name"], system["sets"][set_name][key]) for system in systems]
    factors = curves[0][1]
    rows = [[set_name, "clean", *factors]]
    for name, by_factor in curves:
        areas = [f"{100 * curve['auc']:.1f}" for curve in by_factor.values()]
        untouched = next(iter(by_factor.values()))["points"][0][1]
        rows.append([name, f"{100 * untouched:.1f}", *areas])
    return f"{_title(set_name, key)}, mean over the severities\n{aligned(rows, 1)}"


def curves_csv(results: dict[str, Any]) -> str:
    """``results_csv`` and, of every curve, a line ``auc MEASURE FACTOR``."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for system in results["systems"]:
        for set_name, values in system["sets"].items():
            for key in (key for key in values if key.startswith("factor_curves")):
                measure = key.removeprefix("factor_curves").lstrip("_")
                for factor, curve in values[key].items():
                    name = " ".join(word for word in ("auc", measure, factor) if word)
                    bounds = curve["auc_interval"] or ("", "")
                    line = [set_name, system["name"], system["kind"], name]
                    writer.writerow([*line, curve["auc"], "", *bounds])
    return results_csv(results) + buffer.getvalue()


def _title(set_name: str, key: str) -> str:
    return f"{set_name}: {MEASURES[key]}, per cent ({EXPLAINED[key]})"


def _area(curve: dict[str, Any]) -> str:
    area = f"{100 * curve['auc']:.1f}"
    if curve["auc_interval"] is None:
        return area
    low, high = curve["auc_interval"]
    return f"{area} ± {50 * (high - low):.1f}"
