"""What DigitOnImage and the sizes have in common: one knob, turned for three kinds of network."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studies.section import Section
from studies.suppression.curves import Curve, curves_plot
from vidcl.arms import Measured, run_arms
from vidcl.config import Config
from vidcl.progress import show_progress
from vidcl.report.arms import Column, arms_table
from vidcl.report.claims import Claim, claims_table, judge, summary

#: Kind of network -> what the reader sees.
KINDS = {"simclr": "SimCLR", "supervised": "supervised", "random": "random network"}
#: Accuracy wanted of the set itself, with nothing to suppress it.
GOAL = 0.6


@dataclass(frozen=True)
class Arm:
    """A kind of network at one value of the knob; ``random`` is measured at all at once."""

    kind: str
    value: int = 0

    @property
    def name(self) -> str:
        return self.kind if self.kind == "random" else f"{self.kind}-{self.value}"


@dataclass(frozen=True)
class Knob:
    """What is shown.

    Attributes:
        name: of the section and its plot.
        along: what the knob is.
        metrics: name -> heading.
        log: the knob doubles.
        quoted: rows of figures of others, Markdown, to stand beneath a metric's table.
    """

    name: str
    along: str
    metrics: Mapping[str, str]
    log: bool = False
    quoted: Mapping[str, str] = field(default_factory=dict)


def arms_of(values: Sequence[int]) -> list[Arm]:
    """SimCLR at every value of the knob, supervised at the first of the set and the last."""
    some = [value for value in values if value]
    taught = [Arm("supervised", value) for value in (some[0], some[-1])]
    return [*(Arm("simclr", value) for value in values), *taught, Arm("random")]


def arm_of(name: str) -> Arm:
    """The arm that ``Arm.name`` names."""
    kind, _, value = name.partition("-")
    return Arm(kind, int(value or 0))


def run_knob(
    out: Path,
    measure: Callable[..., Mapping[str, float]],
    values: Sequence[int],
    seeds: Sequence[int],
    settings: Config,
    workers: int,
) -> Measured:
    """Run every arm on every seed: rows ``simclr``, ``supervised``, ``random`` with numbers
    ``METRIC VALUE``."""
    arms = arms_of(values)
    with show_progress(out.name, unit="steps", every=60) as progress:
        names = [arm.name for arm in arms]
        measured = run_arms(
            out, measure, names, seeds, settings, workers=workers, progress=progress
        )
    rows: Measured = {}
    for arm in arms:
        row = rows.setdefault(arm.kind, {})
        for metric, found in measured[arm.name].items():
            row[metric if arm.kind == "random" else f"{metric} {arm.value}"] = found
    return rows


def knob_section(
    knob: Knob,
    head: str,
    rows: Measured,
    claims: Sequence[Claim],
    settings: Mapping[str, Any],
    seeds: Sequence[int],
) -> Section:
    """A table per metric, the findings, a plot of both metrics against the knob."""
    goal = {metric: [GOAL] * len(seeds) for metric in knob.metrics}
    answers = judge(claims, {**rows, "goal": goal})
    values = sorted({int(name.rsplit(" ", 1)[1]) for name in rows["simclr"] if name[-1].isdigit()})
    parts = [head, f"![accuracy against {knob.along}]({knob.name}.png)\n"]
    shown = {KINDS[kind]: numbers for kind, numbers in rows.items()}
    for metric, heading in knob.metrics.items():
        columns = [Column(f"{metric} {value}", str(value), 100.0) for value in values]
        table = arms_table(shown, columns, f"{heading}; {knob.along}")
        parts.append(table + knob.quoted.get(metric, ""))
    said = claims_table(answers, lambda side: " at ".join(side.split(":")))
    parts += [said, summary(answers) + "\n"]
    body = {"settings": settings, "seeds": list(seeds), "rows": rows, "claims": answers}
    panels = [
        (heading, [_curve(kind, numbers, metric, values) for kind, numbers in rows.items()])
        for metric, heading in knob.metrics.items()
    ]
    plots = {f"{knob.name}.png": curves_plot(panels, knob.along, log=knob.log)}
    return Section(knob.name, "\n".join(parts), body, plots)


def _curve(
    kind: str, numbers: Mapping[str, Sequence[float]], metric: str, values: Sequence[int]
) -> Curve:
    points = {v: numbers[f"{metric} {v}"] for v in values if f"{metric} {v}" in numbers}
    return Curve(KINDS[kind], points, control=kind != "simclr")
