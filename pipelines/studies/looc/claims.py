"""What the LooC study says: findings with their intervals, and the page."""

from collections.abc import Mapping, Sequence
from typing import Any

from studies.looc.arms import ARMS, PROBES, TITLES, StudyConfig, training_of
from vidcl.arms import Measured
from vidcl.report.claims import Claim, claims_table, summary

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


def name(side: str) -> str:
    """What the reader sees of an arm or of one of its spaces."""
    arm, _, space = side.partition(":")
    return TITLES[arm] + (f", {space.upper()}" if space else "")


def page(results: Mapping[str, Any], tables: Sequence[str]) -> str:
    """The study as Markdown."""
    settings, seeds = results["settings"], ", ".join(map(str, results["seeds"]))
    longer = training_of(ARMS["both-longer"], 0, StudyConfig(**settings)).training.steps
    findings = claims_table(results["claims"], name)
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

{findings}"""


def by_space(measured: Measured) -> Measured:
    """A row for every space of every arm that has several, and one for all of them together."""
    rows: Measured = {}
    for arm, numbers in measured.items():
        spaces = dict.fromkeys(key.partition(" ")[2] for key in numbers if " z" in key)
        for space in (*spaces, "all") if spaces else ():
            title = name(f"{arm}:{space}") if space in spaces else f"{name(arm)}, all spaces"
            rows[title] = {asked: numbers[f"{asked} {space}"] for asked in PROBES}
    return rows
