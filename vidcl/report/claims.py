"""Findings of a study, each judged by its interval over the seeds."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from vidcl.arms import Measured
from vidcl.report.arms import escaped
from vidcl.report.study import interval


@dataclass(frozen=True)
class Claim:
    """A finding as a difference that should exceed a floor, paired over seeds.

    Attributes:
        says: the finding.
        metric: what was measured.
        more, less: the arms whose difference is taken. With a colon, ``ARM:PART``, the number
            ``METRIC PART`` of that arm.
        paper: the paper's figures, where there are any.
        floor: in points.
    """

    says: str
    metric: str
    more: str
    less: str
    paper: str = ""
    floor: float = 0.0


def judge(
    claims: Sequence[Claim], measured: Measured, scale: float = 100.0
) -> list[dict[str, Any]]:
    """Every claim whose arms were run.

    Args:
        measured: arm -> metric -> a value per seed.
        scale: what values are multiplied by to give points.

    Returns:
        The fields of the claim; ``values``: the mean of both sides in points; ``difference`` and
        ``interval``, None from one seed; ``held`` as ``verdict`` says.
    """
    answers = []
    for claim in claims:
        sides = []
        for side in (claim.more, claim.less):
            arm, _, part = side.partition(":")
            values = measured.get(arm, {}).get(f"{claim.metric} {part}".strip())
            if values is not None:
                sides.append(scale * np.asarray(values, float))
        if len(sides) < 2:
            continue
        mean, half = interval((sides[0] - sides[1]).tolist())
        answers.append(
            {
                **asdict(claim),
                "values": [float(side.mean()) for side in sides],
                "difference": mean,
                "interval": None if math.isnan(half) else half,
                "held": verdict(mean, half, claim.floor),
            }
        )
    return answers


def verdict(mean: float, half: float, floor: float) -> str:
    """yes, no: the whole interval lies above the floor, or below it; open: it holds the floor; one
    seed: there is no interval (``half`` is NaN)."""
    if math.isnan(half):
        return "one seed"
    if mean - half > floor:
        return "yes"
    return "no" if mean + half < floor else "open"


def claims_table(
    answers: Sequence[Mapping[str, Any]], name: Callable[[str], str], unit: str = "%"
) -> str:
    """Markdown: a row per finding.

    Args:
        answers: of ``judge``.
        name: what the reader sees of an arm, as ``Claim.more`` writes it.
        unit: of the values.
    """
    head = f"| finding | paper | measured, {unit} | difference, points (95 %) | held |"
    rows = [claim_row(answer, name) for answer in answers]
    return "\n".join([head, "|---|---|---|---:|---|", *rows]) + "\n"


def claim_row(answer: Mapping[str, Any], name: Callable[[str], str]) -> str:
    spread = "" if answer["interval"] is None else f" ± {answer['interval']:.1f}"
    sides = [
        f"{value:.1f} ({escaped(name(side))})"
        for value, side in zip(answer["values"], (answer["more"], answer["less"]), strict=True)
    ]
    return (
        f"| {answer['says']} | {answer['paper'] or '-'} | {' against '.join(sides)} "
        f"| {answer['difference']:+.1f}{spread} | {answer['held']} |"
    )


def summary(answers: Sequence[Mapping[str, Any]]) -> str:
    """How many findings held, in a sentence."""
    counts = Counter(answer["held"] for answer in answers)
    if "one seed" in counts:
        return "One seed alone gives no interval, so nothing is judged."
    return (
        f"Of {len(answers)} findings {counts['yes']} held on the whole 95 % interval over the "
        f"seeds, {counts['no']} did not, and of {counts['open']} the interval leaves it open."
    )
