"""What the LooC study says: findings with their intervals, and the page."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from looc_arms import ARMS, PROBES, TITLES, StudyConfig, training_of

from vidcl.arms import Measured
from vidcl.report.study import interval


@dataclass(frozen=True)
class Claim:
    """A finding as a difference that should exceed a floor, paired over seeds.

    Attributes:
        says: the finding.
        metric: what was probed.
        more, less: the arms whose difference is taken, with ":z1" of that space instead of V.
        paper: its figures on ImageNet-100 (rotation or top-1 accuracy), where there are any.
        floor: in points.
    """

    says: str
    metric: str
    more: str
    less: str
    paper: str = ""
    floor: float = 0.0


#: Found in a public re-implementation that quotes the paper, or recalled and not checked.
QUOTED, RECALLED = "(quoted by others)", "(recalled, unchecked)"
LETTER, KEEPS = "LooC costs at most a point of the letter", "LooC's V has more rotation"
CLAIMS = (
    Claim("colour augmentation removes the hue", "hue", "crop", "colour"),
    Claim("LooC keeps the hue", "hue", "looc", "both"),
    Claim("the same, equal forwards", "hue", "looc", "both-longer"),
    Claim(LETTER, "letter", "looc", "both", f"80.2 with, 79.4 without {RECALLED}", -1.0),
    Claim("the same, equal forwards", "letter", "looc", "both-longer", floor=-1.0),
    Claim("and against colour alone", "letter", "looc", "colour", floor=-1.0),
    Claim("LooC++ does not either", "letter", "looc++", "colour", floor=-1.0),
    Claim("rotation costs rotation", "turn", "colour", "both", f"61.1 to 43.3 {QUOTED}"),
    Claim("the same angle does not give all of it back", "turn", "colour", "same-angle",
          f"45.5 of 61.1 {RECALLED}"),
    Claim(KEEPS, "turn", "looc", "both", f"65.2 against 43.3 {RECALLED}"),
    Claim("the same, equal forwards", "turn", "looc", "both-longer"),
    Claim("and more than the same angle gives", "turn", "looc", "same-angle",
          f"65.2 against 45.5 {RECALLED}"),
    Claim("LooC++ has more rotation", "turn", "looc++", "both"),
    Claim("the same, equal forwards", "turn", "looc++", "both-longer"),
    Claim("LooC++ has more of it than LooC's V", "turn", "looc++", "looc"),
    Claim("the colour space has more hue than the invariant", "hue", "looc:z1", "looc:z0"),
    Claim("the rotation space has more rotation than it", "turn", "looc:z2", "looc:z0"),
)  # fmt: skip


def judge(measured: Measured) -> list[dict[str, Any]]:
    """Every claim whose arms were run: accuracies and their difference in points, and whether it
    held: "yes" or "no" where the whole 95 % interval over seeds lies above or below the floor,
    "open" where it holds the floor, and "one seed" where there is none."""
    answers = []
    for claim in CLAIMS:
        sides = []
        for side in (claim.more, claim.less):
            arm, _, space = side.partition(":")
            if arm in measured:
                sides.append(100 * np.asarray(measured[arm][f"{claim.metric} {space}".strip()]))
        if len(sides) < 2:
            continue
        mean, half = interval((sides[0] - sides[1]).tolist())
        if math.isnan(half):
            held = "one seed"
        elif mean - half > claim.floor:
            held = "yes"
        else:
            held = "no" if mean + half < claim.floor else "open"
        answers.append(
            {
                **asdict(claim),
                "accuracy": [float(side.mean()) for side in sides],
                "difference": mean,
                "interval": None if math.isnan(half) else half,
                "held": held,
            }
        )
    return answers


def claim_row(answer: Mapping[str, Any]) -> str:
    """A line of the page's table."""
    spread = "" if answer["interval"] is None else f" ± {answer['interval']:.1f}"
    sides = [
        f"{value:.1f} ({name(side)})"
        for value, side in zip(answer["accuracy"], (answer["more"], answer["less"]), strict=True)
    ]
    return (
        f"| {answer['says']} | {answer['paper'] or '-'} | {' against '.join(sides)} "
        f"| {answer['difference']:+.1f}{spread} | {answer['held']} |"
    )


def name(side: str) -> str:
    """What the reader sees of an arm or of one of its spaces."""
    arm, _, space = side.partition(":")
    return TITLES[arm] + (f", {space.upper()}" if space else "")


def summary(claims: Sequence[Mapping[str, Any]]) -> str:
    """How many findings held, in a sentence."""
    counts = Counter(answer["held"] for answer in claims)
    if "one seed" in counts:
        return "One seed alone gives no interval, so nothing is judged."
    return (
        f"Of {len(claims)} findings {counts['yes']} held on the whole 95 % interval over the "
        f"seeds, {counts['no']} did not, and of {counts['open']} the interval leaves it open."
    )


def page(results: Mapping[str, Any], tables: Sequence[str]) -> str:
    """The study as Markdown."""
    settings, seeds = results["settings"], ", ".join(map(str, results["seeds"]))
    longer = training_of(ARMS["both-longer"], 0, StudyConfig(**settings)).training.steps
    rows = "\n".join(claim_row(answer) for answer in results["claims"])
    said = (
        "In the spaces of the loss (Z0 is to keep neither, the others one factor each, in order):"
    )
    spaces = "".join(f"{said}\n\n{table}" for table in tables[1:])
    return f"""# Does a space per augmentation keep what the augmentation would remove?

Xiao, Wang, Efros, Darrell (ICLR 2021): an augmentation makes a contrastive representation invariant
to what it changes, which costs the tasks that need it. With a space of its own for each, in which
the image's other keys are negatives, the representation keeps it.

Letters in six native hues, {settings["size"]} px. {settings["steps"]} steps of
{settings["batch_size"]} images; at equal forwards {longer} steps, which make as many passes of an
image through the encoder as LooC's (one of LooC++ is dearer). Seeds {seeds}. Colour turns the hue
anywhere on the circle; rotation turns by quarters, all four alike. Linear probes on the frozen
feature V (of LooC++: all branches), accuracy on other images, mean ± standard deviation over seeds.

![accuracy of the probes by arm](plot.png)

{tables[0]}
{spaces}
{summary(results["claims"])}

| finding | paper | measured, % | difference, points (95 %) | held |
|---|---|---|---:|---|
{rows}
"""


def by_space(measured: Measured) -> Measured:
    """A row for every space of every arm that has several, and one for all of them together."""
    rows: Measured = {}
    for arm, numbers in measured.items():
        spaces = dict.fromkeys(key.partition(" ")[2] for key in numbers if " z" in key)
        for space in (*spaces, "all") if spaces else ():
            title = name(f"{arm}:{space}") if space in spaces else f"{name(arm)}, all spaces"
            rows[title] = {asked: numbers[f"{asked} {space}"] for asked in PROBES}
    return rows
