"""The study of the claim as a table, a plot, and the answers to the questions it was run for."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vidcl.evaluation.results import metric_label, shown

#: Two-sided 95 % points of Student's t by degrees of freedom.
T95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}
METRICS = ("recall@1", "map", "ris@10", "ris@25", "knn")


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean and half width of its 95 % interval (Student's t over seeds); NaN from one value."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, math.nan
    t = T95.get(len(values) - 1, 1.96)
    return mean, t * float(np.std(values, ddof=1)) / math.sqrt(len(values))


def claims(recall: Mapping[str, Sequence[float]], histogram: float) -> list[str]:
    """What the wild set says of the claim, one line each.

    Args:
        recall: Recall@1 on the wild set, one value per seed, for at least ``region_gap0``,
            ``region_only`` and ``region_exact``.
        histogram: Recall@1 of the colour histogram.
    """
    gap0, only, exact = (
        np.asarray(recall[name]) for name in ("region_gap0", "region_only", "region_exact")
    )
    closed = (only - gap0) / (exact - gap0)
    return [
        _line("region_exact / region_gap0", exact / gap0, "goal: at least 1.8"),
        _line(
            "region_exact - colour histogram, points", 100 * (exact - histogram), "goal: above 0"
        ),
        _line(
            "share of the way from region_gap0 to region_exact that region_only goes, %",
            100 * closed,
            "goal: at least 80",
        ),
    ]


def _line(name: str, values: np.ndarray, goal: str) -> str:
    mean, half = interval(values.tolist())
    spread = "" if math.isnan(half) else f" ± {half:.2f} (95 %, {len(values)} seeds)"
    return f"{name}: {mean:.2f}{spread}; {goal}"


def markdown_table(results: Mapping[str, Any], metrics: Sequence[str] = METRICS) -> str:
    """Every set and system as Markdown, one table per set; per cent, mean ± standard deviation."""
    parts = []
    for set_name in results["sets"]:
        systems = [system for system in results["systems"] if set_name in system["sets"]]
        present = [m for m in metrics if any(m in s["sets"][set_name] for s in systems)]
        lines = [
            f"**{set_name}**",
            "",
            "| system | " + " | ".join(metric_label(name) for name in present) + " |",
            "|---|" + "---:|" * len(present),
        ]
        for system in systems:
            values = system["sets"][set_name]
            cells = [_cell(name, values) for name in present]
            lines.append(f"| {system['name']} | " + " | ".join(cells) + " |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _cell(name: str, values: Mapping[str, Any]) -> str:
    value, spread = shown(name, values.get(name)), shown(name, values.get(f"{name}_std"))
    if value is None:
        return "-"
    return f"{value:.1f}" if spread is None else f"{value:.1f} ± {spread:.1f}"


def plot_study(results: Mapping[str, Any]) -> bytes:
    """Recall@1 of systems and controls on two sets, and of systems against the gap; PNG."""
    from matplotlib.figure import Figure

    sets = [name for name in ("wild", "viewpoint") if name in results["sets"]]
    figure = Figure(figsize=(6.2 * (len(sets) + 1), 4.8), layout="constrained")
    axes = figure.subplots(1, len(sets) + 1, squeeze=False)[0]
    for axis, set_name in zip(axes, sets, strict=False):
        _bars(axis, set_name, results["systems"])
    trained = [system for system in results["systems"] if system["kind"] == "trained"]
    _curves(axes[-1], sets[0] if sets else "", trained)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def _bars(axis: Any, set_name: str, systems: Sequence[Mapping[str, Any]]) -> None:
    shown_here = [system for system in systems if set_name in system["sets"]]
    values = [100 * system["sets"][set_name]["recall@1"] for system in shown_here]
    spread = [100 * system["sets"][set_name].get("recall@1_std", 0.0) for system in shown_here]
    colours = ["#3b6ea5" if system["kind"] == "trained" else "#b5b5b5" for system in shown_here]
    names = [system["name"] for system in shown_here]
    axis.barh(names, values, xerr=spread, color=colours, ecolor="#222222", height=0.65)
    axis.invert_yaxis()
    axis.set_title(f"{set_name}: same object, views at least 45° apart", fontsize=10)
    axis.set_xlabel("Recall@1, % (grey: controls; bars: standard deviation over seeds)", fontsize=9)
    axis.spines[["top", "right"]].set_visible(False)


def _curves(axis: Any, set_name: str, trained: Sequence[Mapping[str, Any]]) -> None:
    for number, system in enumerate(trained):
        curve = np.asarray(system["sets"].get(set_name, {}).get("gap_curve", []))
        if curve.size:
            style = "-" if number < 4 else "--"
            axis.plot(curve[:, 0], 100 * curve[:, 1], style, marker=".", label=system["name"])
    axis.set_title(f"Recall@1 against the viewpoint gap: {set_name}", fontsize=10)
    axis.set_xlabel("degrees between query and answer")
    axis.set_ylabel("%")
    axis.legend(fontsize=7, frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
