"""What the study set out to ask, judged by intervals over seeds, with those over objects beside."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vidcl.arms import Measured
from vidcl.evaluation.bootstrap import bootstrap_interval
from vidcl.report.claims import Claim, judge

#: Systems that differ in one thing: the first should beat the second.
TWINS = (
    ("region_track", "moco", "half followed regions over whole frames alone"),
    ("region_only", "moco", "followed regions over whole frames"),
    ("region_only", "region_gap0", "two moments of a region over one moment twice"),
    ("region_only", "region_static", "following a region over standing still"),
    ("region_only", "region_random", "finding regions over random boxes"),
    ("frame_temporal", "moco", "two frames over one frame twice"),
)
#: What every trained system should beat.
FLOORS = ("random network", "colour histogram", "raw pixels")


def judged_gap(gaps: Sequence[float]) -> float:
    """45 degrees, or the largest gap where that was not asked for."""
    return 45.0 if 45.0 in gaps else max(gaps)


def findings(
    measured: Measured,
    labels: Sequence[str],
    gap: float,
    systems: Sequence[str],
    seeds: Sequence[int],
    out: Path,
) -> list[dict[str, Any]]:
    """Every comparison on every set: twins first, then each system against each control.

    Args:
        labels: of the sets, as ``measure`` names them.
        gap: the least gap that is judged.
        out: the study's folder, whose ``queries.npz`` give the intervals over objects.

    Returns:
        What ``report.claims.judge`` answers, with ``set`` and ``objects``: [low, high] in points,
        the 95 % bootstrap interval over objects of the difference of the means over seeds.
    """
    pairs = [pair for pair in TWINS if pair[0] in systems and pair[1] in systems]
    pairs += [(one, floor, f"{one} over {floor}") for floor in FLOORS for one in systems]
    queries = _queries(out, [*systems, *FLOORS], seeds)
    answers = []
    for label in labels:
        claims = [
            Claim(says, f"{label} recall@1 {gap:g}", more, less) for more, less, says in pairs
        ]
        for answer in judge(claims, measured):
            interval = _over_objects(queries, f"{label} {gap:g}", answer["more"], answer["less"])
            answers.append(answer | {"set": label, "objects": interval})
    return answers


def _queries(
    out: Path, arms: Sequence[str], seeds: Sequence[int]
) -> dict[str, list[Mapping[str, np.ndarray]]]:
    """``queries.npz`` of every arm, by seed."""
    folders = {arm: out / "runs" / arm for arm in arms}
    return {
        arm: [np.load(folder / f"seed-{seed}" / "queries.npz") for seed in seeds]
        for arm, folder in folders.items()
    }


def _over_objects(
    queries: Mapping[str, list[Mapping[str, np.ndarray]]], key: str, more: str, less: str
) -> list[float]:
    """In points."""
    mean = {
        arm: np.mean([one[key].astype(float) for one in queries[arm]], axis=0)
        for arm in (more, less)
    }
    return bootstrap_interval(100 * (mean[more] - mean[less]), queries[more][0][f"{key} thing"])
