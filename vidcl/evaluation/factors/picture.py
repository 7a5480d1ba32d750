"""Curves as small multiples: a panel per factor, a line per encoder with its interval."""

import io
from typing import Any

#: Of trained encoders; controls are grey, told apart by dashes. Distinct for colour-blind eyes.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))
COLUMNS = 4


def curves_picture(results: dict[str, Any], key: str) -> bytes:
    """PNG of all sets, one block of panels below the other.

    Args:
        results: as in results.json.
        key: one of ``curves.MEASURES``; a set without it (no classes) is left out.

    Returns:
        The picture's bytes; empty where no set has the key.
    """
    from matplotlib.figure import Figure

    blocks = [
        name
        for name in results["sets"]
        if any(key in system["sets"].get(name, {}) for system in results["systems"])
    ]
    if not blocks:
        return b""
    factors = list(results["systems"][0]["sets"][blocks[0]][key])
    rows = -(-len(factors) // COLUMNS)
    columns = min(COLUMNS, len(factors))
    figure = Figure(figsize=(2.9 * columns + 0.4, (2.3 * rows + 0.4) * len(blocks) + 0.8), dpi=110)
    figure.set_layout_engine("constrained")
    parts = figure.subfigures(len(blocks), 1, squeeze=False)[:, 0]
    for name, part in zip(blocks, parts, strict=True):
        axes = part.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        measure = results["systems"][0]["sets"][name][key][factors[0]]["measure"]
        part.suptitle(f"{name}: {measure}", fontsize=10)
        for place, axis in enumerate(axes.flat):
            axis.set_visible(place < len(factors))
            if place < len(factors):
                _panel(axis, results, name, key, factors[place])
                if place + columns >= len(factors):  # nothing below it
                    axis.set_xlabel("severity", fontsize=8)
                    axis.tick_params(labelbottom=True)
    handles, labels = parts[0].axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _panel(axis: Any, results: dict[str, Any], name: str, key: str, factor: str) -> None:
    trained = controls = 0
    for system in results["systems"]:
        curve = system["sets"][name][key][factor]
        if system["kind"] == "control":
            look = {"color": "#8a8a8a", "ls": DASHES[controls % len(DASHES)], "lw": 1.1}
            controls += 1
        else:
            look = {"color": COLOURS[trained % len(COLOURS)], "ls": "-", "lw": 1.6}
            trained += 1
        severity, value, low, high = zip(*curve["points"], strict=True)
        axis.plot(severity, value, label=system["name"], marker="o", ms=2.2, **look)
        if None not in low:
            alpha = 0.08 if system["kind"] == "control" else 0.18
            axis.fill_between(severity, low, high, color=look["color"], alpha=alpha, lw=0)
    chance = curve["chance"]
    axis.axhline(chance, color="#c03030", lw=0.8, ls=":")
    axis.set_title(factor, fontsize=9)
    axis.set_xticks(severity)
    axis.tick_params(labelsize=7)
    axis.spines[["top", "right"]].set_visible(False)
