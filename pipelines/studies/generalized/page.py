"""The page of the study of generalised losses."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from studies.generalized.arms import CONTROLS, DEPTHS, LOSSES, PROBES, Arm, StudyConfig
from studies.generalized.claims import WAYS, by_loss, name, spreads
from studies.generalized.rates import Rates
from vidcl.arms import Measured
from vidcl.report.arms import Column, arms_plot, arms_table
from vidcl.report.claims import claims_table, summary

TITLE = "Does the head make contrastive losses alike?"


def columns(chance: float | None = None) -> list[Column]:
    """Of the tables by loss: both heads at one learning rate, and tuned."""
    return [
        Column(f"{layers} {way}", f"{depth}, {words}", 100.0, chance=chance)
        for way, words in WAYS.items()
        for layers, depth in DEPTHS.items()
    ]


def loss_table(measured: Measured, losses: Sequence[str], rates: Rates, asked: str) -> str:
    """Markdown: a row per loss, and the spread over them."""
    numbers = by_loss(measured, losses, rates, asked)
    rows = {LOSSES[loss]: values for loss, values in numbers.items()}
    apart = spreads(numbers)
    rows["best minus worst"] = {
        f"{layers} {way}": apart[way][f"spread {layers}"] for way in WAYS for layers in DEPTHS
    }
    return arms_table(rows, columns(), "loss")


def grid_table(tried: Measured, losses: Sequence[str], rates: Rates, lrs: Sequence[float]) -> str:
    """Markdown: the letter on the tuning seed by loss, head and learning rate."""
    lines = [
        "| loss | head | " + " | ".join(f"{lr:g}" for lr in lrs) + " |",
        "|---|---|" + "---:|" * len(lrs),
    ]
    for loss in losses:
        for layers, depth in DEPTHS.items():
            cells = []
            for lr in lrs:
                value = 100 * float(np.mean(tried[Arm(loss, layers, lr).name]["letter"]))
                best = rates.tuned[loss, layers] == lr
                cells.append(f"**{value:.1f}**" if best else f"{value:.1f}")
            lines.append(f"| {LOSSES[loss]} | {depth} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def controls_table(measured: Measured) -> str:
    """Markdown: what learns nothing from pairs, and chance."""
    shown = {title: measured[control] for control, title in CONTROLS.items()}
    first = next(iter(shown.values()))
    shown["chance"] = {asked: first[f"{asked} chance"] for asked in PROBES}
    return arms_table(shown, [Column(asked, title, 100.0) for asked, title in PROBES.items()])


def plot(measured: Measured, losses: Sequence[str], rates: Rates) -> bytes:
    """PNG: the letter by loss, a panel for each head and learning rate; controls in grey."""
    letter = by_loss(measured, losses, rates, "letter")
    shown: Measured = {LOSSES[loss]: values for loss, values in letter.items()}
    panels = columns(float(np.mean(measured["random"]["letter chance"])))
    for control, title in CONTROLS.items():
        shown[title] = {panel.metric: measured[control]["letter"] for panel in panels}
    return arms_plot(shown, panels, list(CONTROLS.values()))


def text(
    measured: Measured,
    tried: Measured,
    losses: Sequence[str],
    seeds: Sequence[int],
    rates: Rates,
    answers: Sequence[Mapping[str, Any]],
    settings: StudyConfig,
) -> str:
    """The study as Markdown, under the page's title."""
    return f"""Chen, Luo, Li (NeurIPS 2021): contrastive losses are an alignment of pairs plus a
distribution to match, and under a deep projection head it matters little which.

Letters in six native hues, {settings.size} px. Views crop {100 * settings.crop[0]:g} to
{100 * settings.crop[1]:g} % of the area, change brightness, contrast and saturation by up to
{100 * settings.jitter:g} %, and turn the hue by up to {360 * settings.hue:g}° either way.
{settings.backbone}, {settings.steps} steps of {settings.batch_size} images, heads with hidden
layers of {settings.hidden} and an output of {settings.dim}. NT-Xent at temperature {settings.T:g};
decoupled at {settings.decoupled_T:g} with weight {settings.decoupled_weight:g}; sliced Wasserstein
distances with weight {settings.swd_weight:g}. Linear probes on the frozen feature, accuracy on
other images, mean ± standard deviation over seeds {", ".join(map(str, seeds))}.

![accuracy of the letter by loss, head and learning rate](plot.png)

Letter, %:

{loss_table(measured, losses, rates, "letter")}
Hue, %:

{loss_table(measured, losses, rates, "hue")}
{controls_table(measured)}
{summary(answers)} A few points are 5.

{claims_table(answers, name, "points")}
Learning rates were chosen by the letter on seed {settings.tuned_on} (bold: the best of each row;
{rates.common:g} is best on average, and the one learning rate above):

{grid_table(tried, losses, rates, sorted(settings.lrs))}"""
