"""The InfoMin study as Markdown."""

from collections.abc import Mapping, Sequence

from studies.infomin.axes import CONTROLS, Axis, StudyConfig
from studies.infomin.judge import Answer, best_inner
from vidcl.arms import Measured
from vidcl.report.arms import Column, arms_table
from vidcl.report.claims import claims_table

#: Shown beside every axis's own task.
WILD = "wild recall"
#: Verdict -> what the page says of a reverse U.
SAYS = {
    "yes": "A reverse U: the setting chosen on tuning seeds beats both ends.",
    "no": "No reverse U.",
    "open": "The intervals leave it open whether this is a reverse U.",
    "one seed": "One seed alone gives no interval, so nothing is judged.",
}


def page(
    axes: Mapping[str, Axis],
    measured: Measured,
    answers: Mapping[str, Answer],
    settings: StudyConfig,
    seeds: Sequence[int],
) -> str:
    held = [name for name, answer in answers.items() if answer.held == "yes"]
    numbers = ", ".join(map(str, seeds))
    sections = "\n".join(section(axis, measured, answers[name]) for name, axis in axes.items())
    return f"""# How much should two views share?

Tian, Sun, Poole, Krishnan, Schmid, Isola (NeurIPS 2020): good views share what the task needs and
no more, so that accuracy over the information they share is a reverse U. I_NCE, in nats, is the
lower bound of that information which the loss gives: log(n + 1) minus InfoNCE against n negatives,
on {settings.pairs} pairs of clips that were not trained on, with the network in evaluation mode.

SimCLR ({settings.backbone}, {settings.size} px, temperature {settings.T:g}), {settings.steps} steps
of {settings.batch_size} pairs: crops of the procedural world's objects, and patches of its frames
on the axis of distance. Recall@1 on held-out objects ({settings.objects}): the same object seen
from another side, with all else equal (viewpoint), or with everything varied (wild). Seeds
{numbers}; mean ± standard deviation over them. On every axis one setting, marked with a star, was
chosen on other seeds and other objects; it is compared with the ends, the settings of least and of
most I_NCE.

![accuracy against I_NCE, by axis](plot.png)

{sections}
A reverse U on the whole 95 % interval on {len(held)} of {len(answers)} axes\
{": " + ", ".join(held) if held else ""}.
"""


def section(axis: Axis, measured: Measured, answer: Answer) -> str:
    """Table and verdict of an axis."""
    chance = {task: measured["random"][f"{task} chance"][:1] for task in (axis.task, WILD)}
    columns = [
        Column("i_nce", "I_NCE", digits=2),
        Column("i_nce log", "in the training log", digits=2),
        Column(axis.task, axis.asked, 100.0),
        Column(WILD, "Recall@1, wild, %", 100.0),
    ]
    rows = {arm: _title(axis, arm) for arm in axis.settings} | CONTROLS
    shown = {title: measured[arm] for arm, title in rows.items()}
    table = arms_table(shown | {"chance": chance}, columns, "setting")
    findings = claims_table(answer.claims, lambda arm: axis.label(arm)) if answer.claims else ""
    best = axis.label(best_inner(axis, measured))
    said = f"{SAYS[answer.held]} The best inner setting on these seeds: {best}."
    return f"## {axis.title}\n\n{table}\n{findings}\n{said}\n"


def _title(axis: Axis, arm: str) -> str:
    return axis.label(arm) + (" *" if arm == axis.best else "")
