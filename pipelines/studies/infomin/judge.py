"""Is there a reverse U? The best inner setting of an axis against both of its ends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from studies.infomin.axes import Axis
from vidcl.arms import Measured
from vidcl.report.claims import Claim, judge


@dataclass(frozen=True)
class Answer:
    """Of one axis.

    Attributes:
        order: its arms by I_NCE, least first, of the mean over the seeds.
        claims: the best setting against the end of least and of most I_NCE, as ``judge`` answers;
            fewer where the best setting is itself an end.
        held: yes: both differences lie above 0 with their whole interval; no: one lies below, or
            the best setting is an end; open: neither; one seed: nothing is judged.
    """

    order: list[str]
    claims: list[dict[str, Any]]
    held: str


def reverse_u(axis: Axis, measured: Measured) -> Answer:
    """Whether accuracy falls on both sides of ``axis.best``, which was chosen on other seeds.

    Raises:
        KeyError: an arm of the axis was not measured.
    """
    order = sorted(axis.settings, key=lambda arm: float(np.mean(measured[arm]["i_nce"])))
    claims = [
        Claim(says, axis.task, axis.best, end, axis.paper)
        for says, end in (
            ("better than where views share least", order[0]),
            ("better than where they share most", order[-1]),
        )
        if end != axis.best
    ]
    answers = judge(claims, measured)
    return Answer(order, answers, _held([answer["held"] for answer in answers]))


def _held(verdicts: Sequence[str]) -> str:
    if "one seed" in verdicts:
        return "one seed"
    if len(verdicts) < 2 or "no" in verdicts:
        return "no"
    return "yes" if all(one == "yes" for one in verdicts) else "open"


def best_inner(axis: Axis, measured: Measured) -> str:
    """The setting of highest mean accuracy among those that are no end; how ``axis.best`` was
    chosen, on tuning seeds."""
    order = sorted(axis.settings, key=lambda arm: float(np.mean(measured[arm]["i_nce"])))
    return max(order[1:-1], key=lambda arm: float(np.mean(measured[arm][axis.task])))


def held_by_axis(axes: Mapping[str, Axis], measured: Measured) -> dict[str, Answer]:
    """Of every axis all of whose settings were measured."""
    return {
        name: reverse_u(axis, measured)
        for name, axis in axes.items()
        if set(axis.settings) <= set(measured)
    }
