"""The plot of the study: Recall@1 against the least gap, a panel per set."""

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from studies.real_video.config import CONTROLS
from vidcl.arms import Measured

#: Of the systems, in their order; told apart by markers too.
COLOURS = ("#3b6ea5", "#e0a030", "#2e8b57", "#c03030", "#7b52ab", "#17a2b8", "#8c564b")
MARKERS = "os^DvPX"
STYLES = ("-", ":", "--", "-.")


def plot(measured: Measured, labels: Sequence[str], gaps: Sequence[float]) -> bytes:
    """PNG. Means over the seeds with standard deviations; controls in grey."""
    from matplotlib.figure import Figure

    columns = min(3, len(labels) + 1)
    rows = math.ceil((len(labels) + 1) / columns)
    figure = Figure(figsize=(4.4 * columns, 3.6 * rows), dpi=100)
    figure.set_layout_engine("constrained")
    panels = figure.subplots(rows, columns, squeeze=False).reshape(-1)
    for panel, label in zip(panels, labels, strict=False):
        _panel(panel, measured, label, gaps)
    for panel in panels[len(labels) :]:
        panel.set_axis_off()
    shown = dict(zip(*reversed(panels[0].get_legend_handles_labels()), strict=True))
    panels[len(labels)].legend(
        [shown[arm] for arm in measured], list(measured), fontsize=9, frameon=False, loc="center"
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _panel(panel: Any, measured: Measured, label: str, gaps: Sequence[float]) -> None:
    trained = [arm for arm in measured if arm not in CONTROLS]
    for arm, numbers in measured.items():
        values = 100 * np.asarray([numbers[f"{label} recall@1 {gap:g}"] for gap in gaps], float)
        spread = values.std(1, ddof=1) if values.shape[1] > 1 else np.zeros(len(gaps))
        if arm in CONTROLS:
            style = {"color": "#8a8a8a", "ls": STYLES[CONTROLS.index(arm)], "lw": 1.4}
            panel.plot(gaps, values.mean(1), label=arm, zorder=1, **style)
        else:
            place = trained.index(arm) % len(COLOURS)
            style = {"color": COLOURS[place], "marker": MARKERS[place], "ms": 5, "lw": 1.2}
            panel.errorbar(gaps, values.mean(1), yerr=spread, label=arm, zorder=2, **style)
    panel.set_title(label, fontsize=10)
    panel.set_xticks(list(gaps))
    panel.set_ylim(bottom=0)
    panel.set_xlabel("least gap between query and answer, degrees", fontsize=8)
    panel.set_ylabel("Recall@1, %", fontsize=8)
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(labelsize=8)
