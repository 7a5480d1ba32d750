"""The plot of the InvCLR study."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from studies.invclr.claims import CONTROLS, TWIN
from studies.invclr.measure import B_PARTS, MOST_CHANGE
from studies.invclr.page import TRIVIAL, part_of_b
from vidcl.arms import Measured
from vidcl.report.arms import Column
from vidcl.synthetic.spirograph import NUISANCES

_BLUE, _GREY, _RED = "#3b6ea5", "#8a8a8a", "#c03030"
#: Of the curves, one per arm.
_COLOURS = [
    *("#c03030", "#e08a8a", "#7fb0dd", "#3b6ea5", "#222222", "#2a8a4a", "#8cc63f", "#8a5ac0"),
    *("#e0a030", "#8a8a8a", "#b5b5b5", "#c49a6c", "#5a4a2a"),
]


def plot(measured: Measured, averages: Sequence[int]) -> bytes:
    """PNG: variances and errors of every arm, error against M, and the penalty's distribution."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 3.6 + 0.3 * len(measured)), dpi=100)
    figure.set_layout_engine("constrained")
    halves: Any = figure.subfigures(2, 1, height_ratios=(1 + 0.3 * len(measured), 3.4))
    upper, lower = halves
    panels = [
        Column("variance", "conditional variance x1000", 1000),
        Column("variance/colour", "… along colour x1000", 1000),
        Column(f"mse@{averages[0]}", f"test error x1000, M = {averages[0]}", 1000),
        Column(f"mse@{averages[-1]}", f"test error x1000, M = {averages[-1]}", 1000),
    ]
    axes = upper.subplots(1, len(panels), sharey=True)
    for axis, column in zip(axes, panels, strict=True):
        _points(axis, measured, column)
    axes[0].invert_yaxis()
    curve, nuisances, parts = lower.subplots(1, 3)
    _curves(curve, measured, averages)
    _tail_by_nuisance(nuisances, measured)
    _tail_by_b(parts, measured)
    for axis in (*axes, curve, nuisances, parts):
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _points(axis: Any, measured: Measured, column: Column) -> None:
    """A row per arm: each seed as a dot, the mean as a bar across; logarithmic."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    for place, (arm, numbers) in enumerate(measured.items()):
        values = column.scale * np.asarray(numbers[column.metric], float)
        axis.plot(values, np.full(len(values), place), "o", ms=4, color=_colour(arm), alpha=0.7)
        axis.plot(values.mean(), place, "|", ms=13, mew=2.5, color=_colour(arm))
        if arm == TWIN:
            axis.axvline(values.mean(), color=_RED, lw=0.8, ls=":")
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.grid(axis="x", color="#e8e8e8", lw=0.6)
    axis.set_axisbelow(True)
    axis.set_yticks(range(len(measured)), list(measured), fontsize=8)
    axis.set_title(column.title, fontsize=9)


def _colour(arm: str) -> str:
    return _GREY if arm in CONTROLS else _RED if arm == TWIN else _BLUE


def _curves(axis: Any, measured: Measured, averages: Sequence[int]) -> None:
    axis.set_prop_cycle(color=_COLOURS)
    for arm, numbers in measured.items():
        means = [1000 * float(np.mean(numbers[f"mse@{count}"])) for count in averages]
        style = "--" if arm in CONTROLS else "-"
        axis.plot(averages, means, style, marker="o", ms=3, lw=1, label=arm)
    axis.axhline(1000 * TRIVIAL, color="#888888", lw=0.8, ls=":")
    axis.set(xscale="log", yscale="log")
    axis.set_xticks(averages, [str(count) for count in averages])
    axis.set_xlabel("M, renderings averaged over", fontsize=8)
    axis.yaxis.set_major_formatter("{x:g}")
    axis.set_title("test error x1000 (dotted: always the mean)", fontsize=9)


def _tail_by_nuisance(axis: Any, measured: Measured) -> None:
    for shift, (arm, colour) in enumerate((("untrained", _GREY), (TWIN, _RED))):
        if arm not in measured:
            continue
        for key, mark in (("median", "o"), ("mean", "D"), ("p99", "^"), ("max", "x")):
            values = [np.mean(measured[arm][f"penalty/{name}/{key}"]) for name in NUISANCES]
            places = np.arange(len(NUISANCES)) + 0.2 * shift - 0.1
            axis.plot(places, values, mark, color=colour, ms=5, label=f"{arm}: {key}")
    axis.axhline(MOST_CHANGE, color="#888888", lw=0.8, ls=":")
    axis.set_yscale("log")
    axis.set_xticks(range(len(NUISANCES)), NUISANCES)
    axis.set_title("penalty per image, along one nuisance", fontsize=9)
    axis.legend(fontsize=6, ncols=2)


def _tail_by_b(axis: Any, measured: Measured) -> None:
    axis.set_prop_cycle(color=_COLOURS)
    for arm, numbers in measured.items():
        if "penalty/all/mean" not in numbers:
            axis.plot([], [], "--", marker="o", ms=3, lw=1, label=arm)  # it has a colour and a name
            continue
        values = [np.mean(numbers[f"penalty/b {part}/mean"]) for part in range(B_PARTS)]
        style = "--" if arm in CONTROLS else "-"
        axis.plot(range(B_PARTS), values, style, marker="o", ms=3, lw=1, label=arm)
    axis.axhline(MOST_CHANGE, color="#888888", lw=0.8, ls=":")
    axis.set_yscale("log")
    axis.set_xticks(range(B_PARTS), [part_of_b(part) for part in range(B_PARTS)], fontsize=7)
    axis.set_title("mean penalty along all nuisances, by b", fontsize=9)
    # of the panel on the left too
    axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
