"""The success curves of several trackers as a picture."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vidcl.files import atomic_path
from vidcl.tracks.quality.measures import THRESHOLDS

#: Okabe and Ito's colours, which colour-blind eyes tell apart; with more curves line styles differ.
_COLOURS = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#0072B2", "#D55E00")
_STYLES = ("-", "--", ":")


def plot_success(
    curves: Mapping[str, Mapping[str, np.ndarray]], groups: Mapping[str, list[str]], path: Path
) -> None:
    """One panel per group: the mean over its sequences of each tracker's success curve.

    Args:
        curves: tracker -> sequence -> success curve [21]; a tracker without a group's sequences is
            left out of its panel.
        groups: title -> sequences.
        path: a PNG file to write.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2 * len(groups), 4.6), layout="constrained")
    panels = np.ravel(figure.subplots(1, len(groups), sharey=True))
    for panel, (title, names) in zip(panels, groups.items(), strict=True):
        means = {}
        for tracker, rows in curves.items():
            found = np.array([rows[name] for name in names if name in rows], dtype=np.float64)
            if len(found) and np.isfinite(found).any():
                means[tracker] = np.nanmean(found, axis=0)
        places = {tracker: k for k, tracker in enumerate(curves)}
        for tracker, mean in sorted(means.items(), key=lambda item: -item[1].mean()):
            place = places[tracker]
            panel.plot(
                THRESHOLDS,
                mean,
                color=_COLOURS[place % len(_COLOURS)],
                linestyle=_STYLES[place // len(_COLOURS) % len(_STYLES)],
                label=f"{tracker} {mean.mean():.2f}",
            )
        panel.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="IoU threshold")
        panel.set_title(f"{title}: {len(names)} sequences")
        panel.grid(alpha=0.3)
        if means:
            panel.legend(title="success AUC", fontsize="small")
    panels[0].set_ylabel("share of frames above")
    with atomic_path(path) as aside:
        figure.savefig(aside, format="png", dpi=130)
