"""The study of real clips as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from studies.real_video.config import FIXED, SYSTEMS
from studies.real_video.findings import FLOORS, TWINS, judged_gap
from studies.real_video.measure import TOP, WITHIN, MeasureConfig
from vidcl.arms import Measured
from vidcl.report.arms import Column, arms_table, escaped
from vidcl.report.claims import summary


def page(
    measured: Measured,
    labels: Sequence[str],
    settings: MeasureConfig,
    seeds: Sequence[int],
    stores: Mapping[str, Mapping[str, Any]],
    answers: Sequence[Mapping[str, Any]],
) -> str:
    gap = judged_gap(settings.gaps)
    pairs = "\n".join(f"| `{name}` | {SYSTEMS[name][2]} |" for name in SYSTEMS if name in measured)
    twins = [answer for answer in answers if answer["less"] not in FLOORS]
    floors = [answer for answer in answers if answer["less"] in FLOORS]
    held = "Test clips held out" if settings.hold_out else "All clips are for training"
    return f"""# What do followed regions of ordinary clips teach?

Systems that differ in their pairs alone, trained on the same clips: {settings.steps} steps of
{settings.batch_size} pairs, {settings.backbone} at {settings.size} px, MoCo v2 with a queue of
{settings.queue} keys, seeds {", ".join(map(str, seeds))}. {held}. Tested on things that no clip
shows: the same thing from another side, views nearer than the least gap left out; the gap is the
angle between the two viewing directions. "within class": the gallery holds the query's own class
alone, so that telling classes apart is no help. "grey": the images without their colour.

| system | its pairs |
|---|---|
{pairs}

{store_table(stores)}
![Recall@1 against the least gap](plot.png)

{tables(measured, labels, settings.gaps)}
## Which differences hold

Recall@1 at {gap:g}° or more, in points: mean difference ± 95 % interval, paired over the seeds
(Student's t), and in brackets the 95 % interval over objects (bootstrap, mean over the seeds).
yes and no: the whole interval over the seeds lies on that side of 0. No interval is corrected for
their number.

{finding_table(twins)}
{summary(twins) if twins else "No two systems were run that differ in one thing."}

{finding_table(floors)}
{summary(floors)}
"""


def tables(measured: Measured, labels: Sequence[str], gaps: Sequence[float]) -> str:
    """A heading and a table per set: per cent, mean ± standard deviation over the seeds."""
    gap = judged_gap(gaps)
    rows = {
        arm: {name: values[:1] for name, values in numbers.items()} if arm in FIXED else numbers
        for arm, numbers in measured.items()
    }
    parts = []
    for label in labels:
        columns = [Column(f"{label} recall@1 {g:g}", f"R@1, {g:g}°", 100.0) for g in gaps]
        columns.append(Column(f"{label} map {gap:g}", f"mAP, {gap:g}°", 100.0))
        if not label.endswith(WITHIN):
            columns.append(Column(f"{label} ris@{TOP}", f"RIS {TOP}"))
            columns.append(Column(f"{label} knn", "class k-NN", 100.0))
        here = [c for c in columns if any(c.metric in numbers for numbers in rows.values())]
        parts.append(f"**{label}**\n\n{arms_table(rows, here, 'system')}")
    return "\n".join(parts)


def store_table(stores: Mapping[str, Mapping[str, Any]]) -> str:
    """What was extracted, and what was wrong with which file."""
    lines = ["| store | clips | without a track | with a fault | tracks | regions | crops |"]
    lines.append("|---|---:|---:|---:|---:|---:|---:|")
    for name, facts in stores.items():
        cells = [facts["videos"], facts["failed"], len(facts["faults"]), facts["tracks"]]
        cells += [sum(facts["regions"].values()), facts["crops"]]
        lines.append(f"| {name} | " + " | ".join(map(str, cells)) + " |")
    faults = sorted({name for facts in stores.values() for name in facts["faults"]})
    if faults:
        lines.append(f"\nFiles with a fault: {', '.join(map(escaped, faults))}.")
    return "\n".join(lines) + "\n"


def finding_table(answers: Sequence[Mapping[str, Any]]) -> str:
    """A row per comparison, a column per set."""
    labels = list(dict.fromkeys(answer["set"] for answer in answers))
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for answer in answers:
        row = rows.setdefault((answer["more"], answer["less"]), {})
        row[answer["set"]] = _cell(answer)
    lines = ["| difference | " + " | ".join(labels) + " |", "|---|" + "---|" * len(labels)]
    for (more, less), cells in rows.items():
        shown = " | ".join(cells.get(label, "-") for label in labels)
        lines.append(f"| {more} - {less} | {shown} |")
    asked = {(more, less): says for more, less, says in TWINS}
    said = [
        f"{more} - {less}: {asked[more, less]}." for more, less in rows if (more, less) in asked
    ]
    return "\n".join(lines) + "\n" + "".join(f"\n- {line}" for line in said) + "\n"


def _cell(answer: Mapping[str, Any]) -> str:
    spread = "" if answer["interval"] is None else f" ± {answer['interval']:.1f}"
    low, high = answer["objects"]
    return f"{answer['difference']:+.1f}{spread} [{low:+.1f}, {high:+.1f}] {answer['held']}"
