"""The plot of the InfoMin study: accuracy against I_NCE, a panel per axis."""

import io
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from studies.infomin.axes import Axis
from vidcl.arms import Measured

_BLUE, _RED, _GREY = "#3b6ea5", "#c03030", "#8a8a8a"


def plot(axes: Mapping[str, Axis], measured: Measured) -> bytes:
    """PNG. Points are means over the seeds with standard deviations, joined in the order of the
    axis and labelled with their setting; the setting that is judged in red. Grey lines: the random
    network and raw pixels."""
    from matplotlib.figure import Figure

    columns = min(3, len(axes))
    rows = math.ceil(len(axes) / columns)
    figure = Figure(figsize=(4.4 * columns, 3.5 * rows), dpi=100)
    figure.set_layout_engine("constrained")
    panels = figure.subplots(rows, columns, squeeze=False).reshape(-1)
    for panel, axis in zip(panels, axes.values(), strict=False):
        _panel(panel, axis, measured)
    for panel in panels[len(axes) :]:
        panel.set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _panel(panel: Any, axis: Axis, measured: Measured) -> None:
    x = {arm: np.asarray(measured[arm]["i_nce"], float) for arm in axis.settings}
    y = {arm: 100 * np.asarray(measured[arm][axis.task], float) for arm in axis.settings}
    means = [(x[arm].mean(), y[arm].mean()) for arm in axis.settings]
    if axis.joined:
        panel.plot(*zip(*means, strict=True), "-", color=_BLUE, lw=1, alpha=0.5, zorder=1)
    for arm, (across, up) in zip(axis.settings, means, strict=True):
        colour = _RED if arm == axis.best else _BLUE
        spread = [values.std(ddof=1) if len(values) > 1 else 0.0 for values in (x[arm], y[arm])]
        panel.errorbar(
            across, up, xerr=spread[0], yerr=spread[1], fmt="o", ms=4, color=colour, lw=1, zorder=2
        )
        panel.annotate(
            axis.label(arm),
            (across, up),
            xytext=(4, 5),
            textcoords="offset points",
            fontsize=8,
            color=colour,
        )
    for control, style in (("random", "--"), ("pixels", "-.")):
        if control in measured:
            level = 100 * float(np.mean(measured[control][axis.task]))
            panel.axhline(level, color=_GREY, ls=style, lw=1, zorder=0)
            panel.annotate(
                {"random": "random network", "pixels": "raw pixels"}[control],
                (1, level),
                xycoords=("axes fraction", "data"),
                ha="right",
                va="bottom",
                fontsize=7,
                color=_GREY,
            )
    panel.margins(x=0.12, y=0.15)
    panel.set_title(axis.title, fontsize=9)
    panel.set_xlabel("I_NCE in nats", fontsize=8)
    panel.set_ylabel(axis.asked, fontsize=8)
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(labelsize=8)
