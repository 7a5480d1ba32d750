"""The page of the InvCLR study; every sentence is computed from the numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from studies.invclr.claims import TWIN, of, verdicts
from studies.invclr.measure import B_PARTS, MOST_CHANGE, SHIFTS
from vidcl.arms import Measured
from vidcl.report.arms import Column, arms_table
from vidcl.synthetic.spirograph import NUISANCES, RANGES, TARGETS, TRIVIAL_MSE

#: Mean squared error of the predictor that always says the mean.
TRIVIAL = sum(TRIVIAL_MSE) / len(TRIVIAL_MSE)


def page(
    measured: Measured, averages: Sequence[int], penalties: Mapping[str, Mapping[str, Any] | None]
) -> str:
    """Markdown: what the paper claims, what was measured, and whether it held."""
    parts = [
        "# InvCLR on Spirographs\n",
        "The claim (Foster, Pukdee & Rainforth, ICLR 2021): a penalty on the representation's "
        "slope along nuisances lowers its conditional variance and improves what is read off it, "
        "above all off features averaged over several renderings.\n",
        _arms(measured, penalties),
        "\n![results](plot.png)\n",
        verdicts(measured, averages),
        _times(measured),
        "\n## Test error of a linear regression\n\nMean squared error, 1000 times; "
        f"the predictor that always says the mean: {1000 * TRIVIAL:.1f} ("
        + ", ".join(f"{t} {1000 * v:.0f}" for t, v in zip(TARGETS, TRIVIAL_MSE, strict=True))
        + "). M: renderings that features are averaged over.\n",
        arms_table(measured, _errors(averages)),
        "\n## How much the representation knows of the nuisances\n\nConditional variance of the "
        "features at unit length, 1000 times (total: over all images), and R² of a linear "
        "regression on one image's features.\n",
        arms_table(measured, _variances()),
        "\n## Other nuisances at test time\n\nMean squared error at M = 1, 1000 times; the probe "
        "is fitted on unshifted images.\n",
        arms_table(measured, _shifts()),
        "\n## How the penalty is distributed\n\nThe penalty of single images along all nuisances, "
        f"unclipped; beyond {MOST_CHANGE:g}: per cent of the images whose penalty no change of a "
        "unit vector could have. Over the true change: the mean penalty over the mean squared "
        "change that it stands for to first order, twice the conditional variance.\n",
        arms_table(_against_truth(measured), [*_tails("all"), *_truth()]),
        *(_by_nuisance(measured, arm) for arm in ("untrained", TWIN)),
    ]
    return "\n".join(part for part in parts if part)


def _arms(measured: Measured, penalties: Mapping[str, Mapping[str, Any] | None]) -> str:
    """A row per arm that has a penalty."""
    lines = ["| arm | penalty | along | lambda | clip | scale |", "|---|---|---|---:|---|---|"]
    for arm in measured:
        penalty = penalties.get(arm)
        if penalty is None:
            continue
        along = ", ".join(penalty["along"])
        clip = f"{penalty['clip']:g}, {'each image' if penalty.get('clip_each') else 'the mean'}"
        scale = ", ".join(f"{name} {value:g}" for name, value in penalty.get("scale", {}).items())
        by = penalty.get("by", "slope")
        lines.append(
            f"| {arm} | {by} | {along} | {penalty['weight']:g} | {clip} | {scale or '-'} |"
        )
    return "\n".join(lines) + "\n" if len(lines) > 2 else ""


def _times(measured: Measured) -> str:
    timed = {arm: numbers for arm, numbers in measured.items() if "step_ms" in numbers}
    if TWIN not in timed:
        return ""
    base = float(np.mean(timed[TWIN]["step_ms"]))
    ratios = [
        f"{arm} {np.mean(numbers['step_ms']) / base:.1f}"
        for arm, numbers in timed.items()
        if arm != TWIN
    ]
    return f"\nA step of {TWIN} took {base:.0f} ms; times that: {', '.join(ratios)}.\n"


def _errors(averages: Sequence[int]) -> list[Column]:
    return [
        *(Column(f"mse@{count}", f"M = {count}", 1000, 1) for count in averages),
        *(Column(f"mse@{averages[0]}/{t}", f"{t}, M = {averages[0]}", 1000, 1) for t in TARGETS),
        *(Column(f"mse@{averages[-1]}/{t}", f"{t}, M = {averages[-1]}", 1000, 1) for t in TARGETS),
    ]


def _variances() -> list[Column]:
    return [
        Column("variance", "variance", 1000, 1),
        Column("variance/colour", "along colour", 1000, 1),
        Column("variance/h", "along h", 1000, 1),
        Column("variance/total", "total", 1000, 0),
        *(Column(f"r2/{name}", f"R² {name}", 1, 2) for name in NUISANCES),
    ]


def _shifts() -> list[Column]:
    return [Column("mse@1", "none", 1000, 1)] + [
        Column(f"shift/{name}", name, 1000, 1) for name in SHIFTS
    ]


def _tails(which: str) -> list[Column]:
    return [
        Column(f"penalty/{which}/mean", "mean", 1, 2),
        Column(f"penalty/{which}/median", "median", 1, 2),
        Column(f"penalty/{which}/p99", "99th percentile", 1, 1),
        Column(f"penalty/{which}/max", "largest", 1, 0),
        Column(f"penalty/{which}/impossible", f"% beyond {MOST_CHANGE:g}", 100, 1),
        *(
            Column(f"penalty/b {part}/mean", f"mean, {part_of_b(part)}", 1, 2)
            for part in range(B_PARTS)
        ),
    ]


def part_of_b(part: int) -> str:
    """The name of one of the parts of b's interval."""
    low, high = RANGES["b"]
    step = (high - low) / B_PARTS
    return f"b {low + part * step:.1f} to {low + (part + 1) * step:.1f}"


def _by_nuisance(measured: Measured, arm: str) -> str:
    """The penalty of one arm, a row per nuisance."""
    if arm not in measured:
        return ""
    keys = ("mean", "median", "p99", "max", "impossible")
    rows = {
        name: {f"penalty/x/{key}": measured[arm][f"penalty/{name}/{key}"] for key in keys}
        for name in NUISANCES
    }
    return f"\n{arm}, along one nuisance alone:\n\n" + arms_table(
        rows, _tails("x")[:5], head="nuisance"
    )


def _against_truth(measured: Measured) -> Measured:
    """The arms whose penalty was measured, and how far it is from what it stands for."""
    return {
        arm: dict(numbers)
        | {
            "truth/all": list(of(numbers, "penalty/all/mean") / of(numbers, "variance") / 2),
            "truth/h": list(of(numbers, "penalty/h/mean") / of(numbers, "variance/h") / 2),
        }
        for arm, numbers in measured.items()
        if "penalty/all/mean" in numbers
    }


def _truth() -> list[Column]:
    return [
        Column("truth/all", "over the true change", 1, 1),
        Column("truth/h", "the same along h", 1, 1),
    ]
