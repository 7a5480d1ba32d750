"""What the page shows of results.json: tables, invariance bars, curves against the gap."""

from collections.abc import Callable, Sequence
from typing import Any

from vidcl.evaluation.evaluate import TRACKS_SET
from vidcl.evaluation.results import CHANCE, metric_label, metric_names, shown
from vidcl.report.charts import Role, Series, line_chart

PRIMARY_SET = "wild"

Results = dict[str, Any]
System = dict[str, Any]


def set_names(results: Results) -> list[str]:
    """All sets that were measured, the primary one first."""
    names = list(dict.fromkeys(name for system in results["systems"] for name in system["sets"]))
    return sorted(names, key=lambda name: name != PRIMARY_SET)


def is_track_set(name: str) -> bool:
    """Whether a set holds a user's own tracks, and is shown apart."""
    return name.startswith(TRACKS_SET)


def headline(results: Results) -> str | None:
    """The trained system with the best Recall@1 on the first set: the page's accent."""
    names = set_names(results)
    scored = [
        (system["sets"][names[0]].get("recall@1") or 0.0, system["name"])
        for system in results["systems"]
        if system["kind"] == "trained" and names and names[0] in system["sets"]
    ]
    return max(scored, key=lambda pair: pair[0])[1] if scored else None


def chance_name(results: Results) -> str | None:
    """The name of the chance row, where the table has one."""
    return CHANCE if any(system["name"] == CHANCE for system in results["systems"]) else None


def role_of(system: System, accent: str | None) -> Role:
    if system["kind"] == "control":
        return "control"
    return "accent" if system["name"] == accent else "trained"


def set_table(results: Results, set_name: str, accent: str | None) -> dict[str, Any]:
    """One set: systems down, metrics across."""
    names = [
        name
        for name in metric_names(results)
        if any(name in system["sets"].get(set_name, {}) for system in results["systems"])
    ]
    return _table(
        [system for system in results["systems"] if set_name in system["sets"]],
        [metric_label(name) for name in names],
        lambda system: [_cell(system["sets"][set_name], name, name == names[0]) for name in names],
        accent,
    )


def metric_matrix(results: Results, metric: str, accent: str | None) -> dict[str, Any] | None:
    """One metric: systems down, sets across; None where fewer than two sets have it.

    Sets of tracks follow another protocol and have a table of their own.
    """
    sets = [
        name
        for name in set_names(results)
        if not is_track_set(name)
        and any(metric in system["sets"].get(name, {}) for system in results["systems"])
    ]
    if len(sets) < 2:
        return None
    return _table(
        results["systems"],
        [name.replace("_", " ") for name in sets],
        lambda system: [_cell(system["sets"].get(name, {}), metric, False) for name in sets],
        accent,
    )


def set_facts(results: Results, set_name: str) -> str:
    """How many queries and images, and which views were left out."""
    values = next(s["sets"][set_name] for s in results["systems"] if set_name in s["sets"])
    facts = []
    if "n" in values:
        facts.append(f"{values['n']:,} queries in a gallery of {values.get('gallery', 0):,} images")
    if values.get("n_excluded"):
        facts.append(f"{values['n_excluded']:,} images without a right answer left out")
    if values.get("tracks"):
        facts.append(f"{values['tracks']:,} tracks of {values.get('videos', 0):,} videos")
        facts.append("right answers lie at least half a track away")
    elif values.get("min_gap"):
        facts.append(f"right answers are at least {values['min_gap']:g}° away")
    if values.get("knn_chance") is not None:
        facts.append(f"always naming the largest class gives k-NN {100 * values['knn_chance']:.1f}")
    return "; ".join(facts)


def invariance_bars(results: Results, accent: str | None, metric: str) -> list[dict[str, Any]]:
    """Per set: a bar per system, the chance level (the i.i.d. row), and what chance depends on."""
    panels: list[dict[str, Any]] = []
    for name in set_names(results):
        having = [
            system
            for system in results["systems"]
            if system["sets"].get(name, {}).get(metric) is not None
        ]
        if not having:
            continue
        chance = next((s["sets"][name][metric] for s in having if s["name"] == CHANCE), None)
        bars = [
            {
                "name": system["name"],
                "role": role_of(system, accent),
                "value": system["sets"][name][metric],
                "std": system["sets"][name].get(f"{metric}_std"),
            }
            for system in _trained_first(having)
            if system["name"] != CHANCE
        ]
        facts = having[0]["sets"][name]
        size = facts.get("set_size") or []
        panels.append(
            {
                "name": name.replace("_", " "),
                "bars": bars,
                "chance": chance,
                "facts": f"{facts.get('sets', '?')} sets"
                + (f" of {size[1]:g} images" if len(size) == 3 else "")
                + f", {facts.get('classes', '?')} classes",
            }
        )
    top = max((bar["value"] for panel in panels for bar in panel["bars"]), default=1.0)
    top = max([top] + [panel["chance"] or 0.0 for panel in panels]) or 1.0
    for panel in panels:
        for bar in panel["bars"]:
            bar["share"] = 100 * bar["value"] / top
        panel["chance_share"] = None if panel["chance"] is None else 100 * panel["chance"] / top
    return panels


def gap_charts(results: Results, accent: str | None) -> list[dict[str, Any]]:
    """Recall@1 against the viewpoint gap, for every set whose views turn."""
    charts = []
    for name in set_names(results):
        lines = []
        for system in results["systems"]:
            values = system["sets"].get(name, {})
            curve = values.get("gap_curve") or []
            if len(curve) < 2 or system["name"] == CHANCE:
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


def summary(results: Results, accent: str | None) -> str | None:
    """The first sentence of the page: the best trained system, and the best control beside it."""
    names = set_names(results)
    if accent is None or not names:
        return None
    first = names[0]
    scores = {
        system["name"]: (system["kind"], system["sets"][first]["recall@1"])
        for system in results["systems"]
        if system["sets"].get(first, {}).get("recall@1") is not None
    }
    if accent not in scores:
        return None
    text = (
        f"On “{first.replace('_', ' ')}”, {accent} finds the same object "
        f"at the first try in {100 * scores[accent][1]:.1f} % of queries"
    )
    others = []
    rivals = [n for n, (kind, _) in scores.items() if kind == "trained" and n != accent]
    if rivals:
        rival = "moco" if "moco" in rivals else max(rivals, key=lambda n: scores[n][1])
        others.append(f"{rival} in {100 * scores[rival][1]:.1f} %")
    controls = [n for n, (kind, _) in scores.items() if kind == "control"]
    if controls:
        best = max(controls, key=lambda n: scores[n][1])
        others.append(f"the best control, {best}, in {100 * scores[best][1]:.1f} %")
    return text + (f"; {', and '.join(others)}." if others else ".")


def _table(
    systems: Sequence[System],
    columns: list[str],
    cells: Callable[[System], list[dict[str, Any]]],
    accent: str | None,
) -> dict[str, Any]:
    rows = [
        {
            "name": system["name"],
            "control": system["kind"] == "control",
            "accent": system["name"] == accent,
            "cells": cells(system),
        }
        for system in _trained_first(systems)
    ]
    for column in range(len(columns)):
        texts = [row["cells"][column]["text"] for row in rows]
        best = max((float(text) for text in texts if text is not None), default=None)
        for row in rows:
            text = row["cells"][column]["text"]
            # Equal as printed is equally best.
            row["cells"][column]["best"] = text is not None and float(text) == best
    return {
        "columns": columns,
        "trained": [row for row in rows if not row["control"]],
        "controls": [row for row in rows if row["control"]],
    }


def _cell(values: dict[str, Any], name: str, with_interval: bool) -> dict[str, Any]:
    value, spread = shown(name, values.get(name)), shown(name, values.get(f"{name}_std"))
    interval = values.get(f"{name}_interval") if with_interval else None
    note = None
    if spread is not None:
        note = f"± {spread:.1f}"
    elif interval is not None:
        note = "–".join(f"{shown(name, bound):.0f}" for bound in interval)
    return {"text": None if value is None else f"{value:.1f}", "note": note}


def _trained_first(systems: Sequence[System]) -> list[System]:
    return sorted(systems, key=lambda system: system["kind"] == "control")
