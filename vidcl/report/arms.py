"""The arms of a study as a table and as bars."""

import io
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vidcl.arms import Measured


@dataclass(frozen=True)
class Column:
    """One metric of a table or a plot.

    Attributes:
        metric: its name among the measured numbers.
        title: what the reader sees.
        scale: what values are multiplied by (100 for per cent).
        digits: behind the point.
        chance: a line to draw: what knowing nothing gives, in the metric's own unit.
    """

    metric: str
    title: str
    scale: float = 1.0
    digits: int = 1
    chance: float | None = None


def arms_table(measured: Measured, columns: Sequence[Column], head: str = "arm") -> str:
    """Markdown: a row per arm, mean ± standard deviation over the seeds; - where not measured."""
    lines = [
        f"| {head} | " + " | ".join(column.title for column in columns) + " |",
        "|---|" + "---:|" * len(columns),
    ]
    for arm, numbers in measured.items():
        cells = [_cell(numbers, column) for column in columns]
        lines.append(f"| {escaped(arm)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text for a cell of a Markdown table."""
    return text.replace("|", "\\|")


def _cell(numbers: Mapping[str, Sequence[float]], column: Column) -> str:
    values = column.scale * np.asarray(numbers.get(column.metric, ()), float)
    if not values.size:
        return "-"
    text = f"{values.mean():.{column.digits}f}"
    return text if len(values) < 2 else f"{text} ± {values.std(ddof=1):.{column.digits}f}"


def arms_plot(
    measured: Measured, columns: Sequence[Column], controls: Collection[str] = ()
) -> bytes:
    """PNG: a panel per column, a bar per arm with its standard deviation and each seed as a dot.

    ``controls``: arms drawn in grey.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.4 * len(columns) + 1.2, 0.34 * len(measured) + 1.4), dpi=100)
    figure.set_layout_engine("constrained")
    axes = figure.subplots(1, len(columns), squeeze=False, sharey=True)[0]
    names = list(measured)
    for axis, column in zip(axes, columns, strict=True):
        for place, name in enumerate(names):
            values = column.scale * np.asarray(measured[name].get(column.metric, ()), float)
            if not values.size:
                continue
            spread = values.std(ddof=1) if len(values) > 1 else math.nan
            colour = "#b5b5b5" if name in controls else "#3b6ea5"
            axis.barh(place, values.mean(), xerr=spread, color=colour, ecolor="#222222", height=0.7)
            axis.plot(values, np.full(len(values), place), "o", ms=2.5, color="#e0a030")
        if column.chance is not None:
            axis.axvline(column.scale * column.chance, color="#c03030", lw=1, ls="--")
        axis.set_yticks(range(len(names)), names, fontsize=8)
        axis.set_title(column.title, fontsize=9)
        axis.tick_params(axis="x", labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].invert_yaxis()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
