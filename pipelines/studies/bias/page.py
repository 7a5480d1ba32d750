"""What the study of dataset bias says: findings with their intervals, and the page."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from studies.bias.arms import ARMS, TITLES, StudyConfig
from vidcl.arms import Measured
from vidcl.report.arms import Column
from vidcl.report.claims import Claim, claims_table, summary

#: Metric -> heading; the first two ask of scenes, the others of objects.
HEADINGS = {
    "scene": "scene: which background, %",
    "classes": "scene: which classes, mAP %",
    "viewpoint class": "viewpoint: class, %",
    "viewpoint recall@1": "viewpoint: R@1, %",
    "wild class": "wild: class, %",
    "wild recall@1": "wild: R@1, %",
}
#: The views of the two by two table, and of the knob.
PLAIN, MILD, HARD = "0.2", "0.6", "0.08"
OBJECT_TASKS = ("viewpoint class", "viewpoint recall@1", "wild recall@1")
COST = "cost"
CLAIMS = (
    *(
        Claim(f"trained on scenes is better at scenes, {metric}", metric, f"scenes-{PLAIN}",
              f"objects-{PLAIN}")
        for metric in ("scene", "classes")
    ),
    *(
        Claim(f"trained on objects is better at objects, {metric}", metric, f"objects-{PLAIN}",
              f"scenes-{PLAIN}")
        for metric in OBJECT_TASKS
    ),
    *(
        Claim(f"tight crops cost training on scenes, {metric}", metric, f"scenes-{MILD}",
              f"scenes-{HARD}")
        for metric in ("classes", *OBJECT_TASKS)
    ),
    *(
        Claim(f"and more than training on objects, {metric}", metric, f"scenes {COST}",
              f"objects {COST}")
        for metric in ("classes", *OBJECT_TASKS)
    ),
)  # fmt: skip


def columns_of(measured: Measured) -> tuple[list[Column], dict[str, list[float]]]:
    """The columns of the table, and chance by metric where a share or a guess says it."""
    first = next(iter(measured.values()))  # all arms are asked of the same images
    chance = {
        metric: first[f"{metric} chance"] for metric in HEADINGS if f"{metric} chance" in first
    }
    columns = [
        Column(metric, title, 100.0, chance=float(np.mean(chance[metric])) if metric in chance
               else None)
        for metric, title in HEADINGS.items()
    ]  # fmt: skip
    return columns, chance


def with_costs(measured: Measured) -> Measured:
    """Beside the arms what tight crops cost on either kind of data: mild minus tight, paired."""
    costs: Measured = {}
    for kind in ("scenes", "objects"):
        mild, hard = measured.get(f"{kind}-{MILD}"), measured.get(f"{kind}-{HARD}")
        if mild is not None and hard is not None:
            costs[f"{kind} {COST}"] = {
                metric: [a - b for a, b in zip(mild[metric], hard[metric], strict=True)]
                for metric in HEADINGS
            }
    return measured | costs


def name(side: str) -> str:
    """What the reader sees of an arm, or of what tight crops cost."""
    return TITLES.get(side, f"{side.split()[0]}, loss by tight crops")


def two_by_two(measured: Measured) -> str:
    """Markdown: trained on scenes or objects, asked of scenes or objects; means, in per cent."""
    arms = {kind: measured.get(f"{kind}-{PLAIN}") for kind in ("scenes", "objects")}
    lines = [
        f"| trained on, views from {ARMS[f'scenes-{PLAIN}'].least:.0%} | "
        + " | ".join(HEADINGS.values())
        + " |",
        "|---|" + "---:|" * len(HEADINGS),
    ]
    for kind, numbers in arms.items():
        if numbers is not None:
            cells = [f"{100 * np.mean(numbers[metric]):.1f}" for metric in HEADINGS]
            lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def page(results: Mapping[str, Any], table: str, seeds: Sequence[int]) -> str:
    """The study as Markdown."""
    settings = StudyConfig(**results["settings"])
    return f"""# Does it matter whether pictures show scenes or objects?

Purushwalkam and Gupta (NeurIPS 2020): what is trained on scenes is better at scenes, what is
trained on objects better at objects; since two tight crops of a scene may show different objects,
the loss pulls things together that are not alike. Van Gansbeke et al. (NeurIPS 2021) saw no such
harm in contrastive training on scenes.

MoCo v2 on single frames (both views show one moment) of {settings.clips} clips with one to three
objects: on whole frames ("scenes"), or on one exact box of each of the same frames ("objects"), so
that both have the same number of pictures. {settings.steps} steps of {settings.batch_size} pictures
at {settings.size} px. The knob is the smallest share of the picture that a view shows. Seeds
{", ".join(map(str, seeds))} of networks and views; clips and sets are the same.

Asked of scenes: whole frames of other clips; which of {settings.scenes} backgrounds (none of those
trained on), and for each class whether an object of it is in the frame. Asked of objects: crops of
objects that no clip shows; the class, by a probe fitted on other objects, and whether the nearest
image, views nearer than 45° left out, is of the same object. Mean ± standard deviation over seeds.

![scenes and objects by arm](plot.png)

{two_by_two(results["arms"])}
All arms:

{table}
{summary(results["claims"])}

{claims_table(results["claims"], name)}"""
