"""Curves of the page: recall against the viewpoint gap, measures against a factor's strength."""

from typing import Any

from vidcl.report.charts import Series, line_chart
from vidcl.report.metrics import Results, System, is_chance
from vidcl.report.tables import role_of, set_names, system_table

#: How the keys of curves against a factor's severity begin.
FACTOR_CURVES = "factor_curves"

#: Width and height of a chart among many; per cent below zero that its axis may cut off.
SMALL, NEAR_ZERO = (340, 220), 3.0
#: More bands than this would hide one another; then the accent alone has one.
BANDS = 4


def gap_charts(results: Results, accent: str | None) -> list[dict[str, Any]]:
    """Recall@1 against the viewpoint gap, for every set whose views turn."""
    charts = []
    for name in set_names(results):
        lines = []
        for system in results["systems"]:
            values = system["sets"].get(name, {})
            curve = values.get("gap_curve") or []
            if len(curve) < 2 or is_chance(system):
                continue
            spread = values.get("gap_curve_std") or []
            lines.append(
                Series(
                    system["name"],
                    role_of(system, accent),
                    [(point[0], 100 * point[1]) for point in curve],
                    [100 * point[1] for point in spread] if system["name"] == accent else [],
                )
            )
        chart = line_chart(
            lines,
            x_label="angle between the two views (°)",
            y_label="Recall@1 (%)",
            x_ticks=[0, 45, 90, 135, 180],
            dots=True,
        )
        if chart is not None:
            charts.append({"name": name.replace("_", " "), "chart": chart})
    return charts


def factor_groups(results: Results, accent: str | None) -> list[dict[str, Any]]:
    """Per set and measure: a chart per factor, the measure against the factor's severity.

    The band is the interval of every system where there are few, else of the accent alone. Chance
    is a line of its own where all systems share it. ``first`` is true of a set's main measure;
    ``table`` holds the means over the severities, where told.
    """
    groups = []
    for set_name in set_names(results):
        having = [s for s in results["systems"] if set_name in s["sets"]]
        keys = [key for s in having for key in s["sets"][set_name] if key.startswith(FACTOR_CURVES)]
        for key in dict.fromkeys(keys):
            systems = [system for system in having if system["sets"][set_name].get(key)]
            curves = {system["name"]: system["sets"][set_name][key] for system in systems}
            factors = list(
                dict.fromkeys(name for by_factor in curves.values() for name in by_factor)
            )
            if not factors:
                continue
            charts = [
                {"name": factor.replace("_", " "), "chart": chart}
                for factor in factors
                if (chart := _factor_chart(systems, curves, factor, accent)) is not None
            ]
            first = next(curve for by_factor in curves.values() for curve in by_factor.values())
            groups.append(
                {
                    "set": set_name.replace("_", " "),
                    "first": key == FACTOR_CURVES,
                    "measure": str(first["measure"]),
                    "charts": charts,
                    "table": _areas(systems, curves, factors, accent),
                }
            )
    return groups


def _factor_chart(
    systems: list[System], curves: dict[str, Any], factor: str, accent: str | None
) -> dict[str, Any] | None:
    having = [(s, curves[s["name"]][factor]) for s in systems if factor in curves[s["name"]]]
    by = _scale(having[0][1]["measure"])
    chances = {curve["chance"] for _, curve in having if curve.get("chance") is not None}
    lines = []
    for system, curve in having:
        if is_chance(system) and len(chances) == 1:
            continue
        points = [point for point in curve["points"] if point[1] is not None]
        bounds = [(by * p[2], by * p[3]) for p in points if len(p) > 3 and None not in p[2:4]]
        banded = len(having) <= BANDS or system["name"] == accent
        lines.append(
            Series(
                system["name"],
                role_of(system, accent),
                [(float(point[0]), by * point[1]) for point in points],
                bounds=bounds if banded and len(bounds) == len(points) else (),
            )
        )
    return line_chart(
        lines,
        x_label="severity",
        y_label="per cent",
        x_ticks=sorted({x for line in lines for x, _ in line.points}) or None,
        y_from_zero=all(y > -NEAR_ZERO for line in lines for _, y in line.points),
        # Chance differs between widths; one line stands for all only where they agree.
        reference=(by * chances.pop(), "chance") if len(chances) == 1 else None,
        dots=True,
        size=SMALL,
    )


def _areas(
    systems: list[System], curves: dict[str, Any], factors: list[str], accent: str | None
) -> dict[str, Any] | None:
    if not any("auc" in curve for by_factor in curves.values() for curve in by_factor.values()):
        return None

    def cells(system: System) -> list[dict[str, Any]]:
        found = []
        for factor in factors:
            curve = curves[system["name"]].get(factor, {})
            by, area, interval = _scale(curve.get("measure", "")), curve.get("auc"), None
            if curve.get("auc_interval"):
                interval = "–".join(f"{by * bound:.0f}" for bound in curve["auc_interval"])
            text = None if area is None else f"{by * area:.1f}"
            found.append({"text": text, "note": interval})
        return found

    return system_table(systems, [name.replace("_", " ") for name in factors], cells, accent)


def _scale(measure: str) -> float:
    """Curves are fractions, but for RIS, which is in per cent as it is."""
    return 1.0 if measure.lower().startswith("ris") else 100.0
