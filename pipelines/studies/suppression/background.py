"""Background against object: does a background that both frames share hide the object in them?

A part of ``study_suppression.py``.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from studies.section import Section
from studies.suppression.background_arms import (
    CONTROLS,
    SMOKE,
    TITLES,
    BackgroundConfig,
)
from studies.suppression.background_measure import INPUTS, PROBES, make_data, measure
from vidcl.arms import run_arms
from vidcl.progress import show_progress
from vidcl.report.arms import Column, arms_plot, arms_table
from vidcl.report.claims import Claim, claims_table, judge, summary

__all__ = ["BackgroundConfig", "run"]

#: What the smoke run trains.
SMOKE_ARMS = ("shared", "jitter", "supervised", "histogram")
HEADINGS = {
    "object frame": "object, whole frame, %",
    "background frame": "background, whole frame, %",
    "object crop": "object, box, %",
    "background crop": "background, box, %",
}
SEEN, BOXED, BEHIND = "object frame", "object crop", "background frame"
CLAIMS = (
    Claim("a shared background costs the object", SEEN, "jitter", "shared"),
    Claim("the same, against clips with no background", SEEN, "plain", "shared"),
    Claim("the same, against one background in all", SEEN, "shared-1", "shared"),
    Claim("4 backgrounds in all cost less than one per clip", SEEN, "shared-4", "shared"),
    Claim("labels find the object all the same", SEEN, "supervised", "shared"),
    Claim("the background is learnt instead", BEHIND, "shared", "jitter"),
    Claim("and more than a random network has", BEHIND, "shared", "random"),
    Claim("one frame twice keeps more: there the object has not moved either", SEEN, "one-frame",
          "shared"),
    Claim("region tracks give the object back, asked of frames", SEEN, "region", "shared"),
    Claim("the same, asked of boxes", BOXED, "region", "shared"),
    Claim("redrawing the background gives it back, asked of boxes", BOXED, "jitter", "shared"),
    Claim("boxes still hold background: redrawing it adds to tracks, asked of frames", SEEN,
          "region-jitter", "region"),
    Claim("the same, asked of boxes", BOXED, "region-jitter", "region"),
    Claim("tracks add to redrawing, asked of boxes", BOXED, "region-jitter", "jitter"),
)  # fmt: skip


def run(
    out: Path, settings: BackgroundConfig, seeds: Sequence[int], workers: int, smoke: bool
) -> Section:
    """Make the clips, train and probe what is missing under ``out/background``.

    Args:
        out: the study's folder.
        settings: sizes; with ``smoke`` a tiny run takes their place, whose numbers mean nothing.
        seeds: of worlds, networks and views.
        workers: processes side by side.

    Raises:
        VidclError: the folder holds a run of other settings, or there is no such device.
    """
    arms = list(SMOKE_ARMS if smoke else TITLES)
    if smoke:
        settings = settings.model_copy(update=SMOKE)
    folder = out / "background"
    with show_progress("clips", unit="seeds") as progress:
        for done, seed in enumerate(seeds):
            progress(done, len(seeds))
            make_data(folder / "data" / f"seed-{seed}", arms, seed, settings)
        progress(len(seeds), len(seeds))
    with show_progress("train", unit="steps", every=60) as progress:
        measured = run_arms(
            folder, measure, arms, seeds, settings, workers=workers, progress=progress
        )
    first = measured[arms[0]]  # all arms of a seed are asked of the same pictures
    chance = {
        f"{asked} {input_}": first[f"{asked} chance"] for asked in PROBES for input_ in INPUTS
    }
    columns = [
        Column(metric, title, 100.0, chance=float(np.mean(chance[metric])))
        for metric, title in HEADINGS.items()
    ]
    shown = {TITLES[arm]: numbers for arm, numbers in measured.items()}
    claims = judge(CLAIMS, measured)
    results = {
        "settings": settings.model_dump(mode="json"),
        "seeds": list(seeds),
        "arms": measured,
        "claims": claims,
    }
    table = arms_table(shown | {"chance": chance}, columns)
    plot = arms_plot(shown, columns, [CONTROLS[arm] for arm in CONTROLS])
    return Section("background", page(results, table), results, {"background.png": plot})


def page(results: dict[str, Any], table: str) -> str:
    """The part as Markdown."""
    settings = BackgroundConfig(**results["settings"])
    seeds = ", ".join(map(str, results["seeds"]))
    low, high = settings.gap
    return f"""## Background against object

Two frames of one clip share the clip's background. It alone can tell them from the frames of all
other clips, so a contrastive loss need not look at the object (Chen, Luo, Li, NeurIPS 2021, for
digits on images; Tian et al., NeurIPS 2020, for a digit that moves over an image).

{settings.clips} clips of {settings.frames} frames at {settings.size} px, each with one of
{12 * settings.per_class} objects that turns, moves and changes its light over a background that
stands still. {settings.steps} steps of {settings.batch_size} pairs, {low:g} to {high:g} s apart;
views show {settings.crop[0]:.0%} to {settings.crop[1]:.0%} of a frame or of a box. Seeds {seeds},
each with its own objects and clips. "Redrawn": another background in every frame. Probes: which of
the objects, and which of {settings.canvases} backgrounds that no clip of the training has, every
object on every background, under a camera that moves; other clips fit and test them.
Asked of whole frames, and of the exact boxes in them, of all arms. Accuracy, mean ± standard
deviation over seeds.

![accuracy of the probes by arm](background.png)

{table}
{summary(results["claims"])}

{claims_table(results["claims"], TITLES.__getitem__)}"""
