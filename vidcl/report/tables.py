"""The page's tables of results: systems down, and metrics or sets across."""

from collections.abc import Callable, Sequence
from typing import Any

from vidcl.evaluation.measure import TRACKS_SET
from vidcl.evaluation.results import CHANCE
from vidcl.report.charts import Role
from vidcl.report.metrics import (
    SMALLER_IS_BETTER,
    Results,
    System,
    interval_text,
    is_chance,
    metric_label,
    number_of,
    value_text,
)

PRIMARY_SET = "wild"


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


def chance_rows(results: Results) -> str | None:
    """Words for where the table shows chance; None where it has no such row."""
    names = [system["name"] for system in results["systems"] if is_chance(system)]
    if not names:
        return None
    return f"the row “{names[0]}”" if len(names) == 1 else f"the rows of {CHANCE}"


def role_of(system: System, accent: str | None) -> Role:
    if system["kind"] == "control":
        return "control"
    return "accent" if system["name"] == accent else "trained"


def set_table(
    results: Results,
    set_name: str,
    metrics: Sequence[str],
    accent: str | None,
    *,
    intervals: bool = False,
) -> dict[str, Any] | None:
    """One set: systems down, those of the metrics across that it has; None where it has none.

    Every cell has its deviation over seeds; its interval where ``intervals``, else the first
    column's alone.
    """
    names = [
        name
        for name in metrics
        if any(name in system["sets"].get(set_name, {}) for system in results["systems"])
    ]
    if not names:
        return None
    return system_table(
        [system for system in results["systems"] if set_name in system["sets"]],
        [metric_label(name) for name in names],
        lambda system: [
            cell(system["sets"][set_name], name, intervals or name == names[0]) for name in names
        ],
        accent,
        [name in SMALLER_IS_BETTER for name in names],
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
    return system_table(
        [s for s in results["systems"] if any(metric in s["sets"].get(n, {}) for n in sets)],
        [name.replace("_", " ") for name in sets],
        lambda system: [cell(system["sets"].get(name, {}), metric, False) for name in sets],
        accent,
    )


def set_facts(results: Results, set_name: str) -> str:
    """How many queries and images, and the protocol."""
    values = next(s["sets"][set_name] for s in results["systems"] if set_name in s["sets"])
    facts = []
    if "n" in values:
        facts.append(f"{values['n']:,} queries in a gallery of {values.get('gallery', 0):,} images")
    if values.get("n_excluded"):
        facts.append(f"{values['n_excluded']:,} images without a right answer left out")
    if values.get("tracks"):
        facts.append(f"{values['tracks']:,} tracks of {values.get('videos', 0):,} videos")
        facts.append("right answers lie at least half a track away")
    elif values.get("protocol"):
        facts.append(str(values["protocol"]).rstrip("."))
    elif values.get("min_gap"):
        facts.append(f"right answers are at least {values['min_gap']:g}° away")
    if values.get("knn_chance") is not None:
        facts.append(f"always naming the largest class gives k-NN {100 * values['knn_chance']:.1f}")
    return "; ".join(facts)


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


def system_table(
    systems: Sequence[System],
    columns: list[str],
    cells: Callable[[System], list[dict[str, Any]]],
    accent: str | None,
    smaller: Sequence[bool] | None = None,
) -> dict[str, Any]:
    """Systems down, trained ones first, with the best of each column marked.

    Args:
        cells: of a system, one per column.
        smaller: per column, whether the smallest number is the best.
    """
    rows = [
        {
            "name": system["name"],
            "control": system["kind"] == "control",
            "accent": system["name"] == accent,
            "cells": cells(system),
        }
        for system in trained_first(systems)
    ]
    for column in range(len(columns)):
        texts = [row["cells"][column]["text"] for row in rows]
        pick = min if smaller is not None and smaller[column] else max
        best = pick((number_of(text) for text in texts if text is not None), default=None)
        for row in rows:
            text = row["cells"][column]["text"]
            # Equal as printed is equally best.
            row["cells"][column]["best"] = text is not None and number_of(text) == best
    return {
        "columns": columns,
        "trained": [row for row in rows if not row["control"]],
        "controls": [row for row in rows if row["control"]],
    }


def cell(values: dict[str, Any], name: str, with_interval: bool) -> dict[str, Any]:
    """{"text", "note"} of one number: what is printed, and its deviation or interval."""
    text = value_text(name, values.get(name))
    note = None
    if (spread := value_text(name, values.get(f"{name}_std"))) is not None:
        note = f"± {spread}"
    elif with_interval and text is not None:
        note = interval_text(name, values.get(f"{name}_interval"))
    return {"text": text, "note": note}


def trained_first(systems: Sequence[System]) -> list[System]:
    """The controls last, else in the order given."""
    return sorted(systems, key=lambda system: system["kind"] == "control")
