"""Curves of accuracies against a knob, as a picture."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_COLOURS = ("#3b6ea5", "#c0392b", "#2e8b57", "#8e5ba6", "#d98e04", "#555555", "#17a2b8", "#a0522d")


@dataclass(frozen=True)
class Curve:
    """A named curve.

    Attributes:
        points: place -> a value in 0..1 per seed.
        control: drawn dashed.
    """

    name: str
    points: Mapping[int, Sequence[float]]
    control: bool = False


def curves_plot(
    panels: Sequence[tuple[str, Sequence[Curve]]],
    along: str,
    *,
    chance: float | None = None,
    log: bool = False,
) -> bytes:
    """PNG: a panel per title, means with standard deviations over seeds, in per cent.

    Args:
        along: what the horizontal axis shows.
        chance: a dotted line, in per cent.
        log: the horizontal axis doubles; 0 stands left of 1.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(panels) + 2.6, 3.8), dpi=100, layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axis, (title, curves) in zip(axes, panels, strict=True):
        for curve, colour in zip(curves, _COLOURS, strict=False):
            places = sorted(curve.points)
            values = [100 * np.asarray(curve.points[place], float) for place in places]
            spread = [each.std(ddof=1) if len(each) > 1 else 0.0 for each in values]
            axis.errorbar(
                [_place(place, log) for place in places],
                [each.mean() for each in values],
                yerr=spread,
                color=colour,
                ls="--" if curve.control else "-",
                marker="s" if curve.control else "o",
                ms=4,
                lw=1.4,
                capsize=2,
                label=curve.name,
            )
        if chance is not None:
            axis.axhline(chance, color="#888888", lw=0.9, ls=":", label="chance and two deviations")
        shown = sorted({place for curve in curves for place in curve.points})
        if log:
            axis.set_xscale("log", base=2)
        axis.set_xticks([_place(at, log) for at in shown], [str(at) for at in shown], fontsize=8)
        axis.set_xlabel(along, fontsize=9)
        axis.set_title(title, fontsize=9)
        axis.set_ylim(0, 103)
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1].legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _place(value: int, log: bool) -> float:
    return 0.5 if log and not value else float(value)
