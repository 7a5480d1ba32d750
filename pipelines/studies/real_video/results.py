"""``results.json`` of the study, as docs/results_format.md describes it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from studies.real_video.config import CONTROLS
from studies.real_video.findings import judged_gap
from studies.real_video.measure import TOP, WITHIN, MeasureConfig
from studies.real_video.sets import TestSet
from vidcl.arms import Measured
from vidcl.version import __version__

METRICS = ("recall@1", "recall@5", "map")
PROTOCOL = (
    "every image asks for another of the same thing; its own views nearer than the least gap are "
    "not in the gallery; cosine"
)


def labels_of(tests: Mapping[str, TestSet]) -> list[str]:
    """The sets as they are measured: whole, and where there are classes within the query's own."""
    labels = []
    for name, test in tests.items():
        labels += [name] if test.classes is None else [name, name + WITHIN]
    return labels


def results_of(
    measured: Measured,
    tests: Mapping[str, TestSet],
    settings: MeasureConfig,
    seeds: Sequence[int],
    stores: Mapping[str, Any],
    answers: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Means over the seeds with ``_std`` beside them (n - 1; 0 of one seed)."""
    labels = labels_of(tests)
    return {
        "schema_version": 1,
        "title": "What do followed regions of ordinary clips teach?",
        "version": __version__,
        "settings": settings.model_dump(mode="json") | {"seeds": list(seeds)},
        "sets": {label: {"images": len(_of(tests, label).images)} for label in labels},
        "systems": [
            {
                "name": arm,
                "kind": "control" if arm in CONTROLS else "trained",
                "run": None if arm in CONTROLS else f"runs/{arm}/seed-{seeds[0]}",
                "runs": len(seeds),
                "sets": {
                    label: _set(numbers, label, settings.gaps, len(_of(tests, label).images))
                    for label in labels
                },
            }
            for arm, numbers in measured.items()
        ],
        "timings": {},
        "store": "stores/tracks",
        "stores": dict(stores),
        "findings": list(answers),
        "arms": measured,
    }


def _of(tests: Mapping[str, TestSet], label: str) -> TestSet:
    return tests[label.removesuffix(WITHIN)]


def _set(
    numbers: Mapping[str, Sequence[float]], label: str, gaps: Sequence[float], images: int
) -> dict[str, Any]:
    by_gap = []
    for gap in gaps:
        entry: dict[str, Any] = {"min_gap": gap, "n": int(numbers[f"{label} n {gap:g}"][0])}
        for metric in METRICS:
            entry |= _spread(metric, numbers[f"{label} {metric} {gap:g}"])
        by_gap.append(entry)
    judged = next(entry for entry in by_gap if entry["min_gap"] == judged_gap(gaps))
    found = {"gaps": by_gap, "gallery": images, "protocol": PROTOCOL} | judged
    for name in (f"ris@{TOP}", "knn"):
        if f"{label} {name}" in numbers:
            found |= _spread(name, numbers[f"{label} {name}"])
    return found | {"n_excluded": images - judged["n"]}


def _spread(name: str, values: Sequence[float]) -> dict[str, float]:
    std = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return {name: float(np.mean(values)), f"{name}_std": std}
