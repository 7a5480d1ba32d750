"""The claims of the InvCLR study: what is asked, and whether the numbers hold it."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from studies.invclr.measure import SHIFTS
from vidcl.arms import Measured
from vidcl.report.study import interval
from vidcl.synthetic.spirograph import NUISANCES

Numbers = Mapping[str, Sequence[float]]
Array = np.ndarray

#: The arm without a penalty.
TWIN = "simclr"
#: Arms to compare with: nothing is learnt, or the targets are.
CONTROLS = ("untrained", "pixels", "supervised")


def verdicts(measured: Measured, averages: Sequence[int]) -> str:
    """Each claim with its values, their 95 % intervals over seeds, and what follows."""
    claims = _claims(measured, averages)
    head = " | ".join(f"{claim.title}; goal {claim.goal}" for claim in claims)
    lines = ["\n## What held\n", f"| arm | {head} |", "|---|" + "---:|" * len(claims)]
    arms = [arm for arm in measured if any(arm in claim.values for claim in claims)]
    for arm in arms:
        cells = [claim.cell(arm) for claim in claims]
        lines.append(f"| {arm} | " + " | ".join(cells) + " |")
    lines.append("\nBold: the whole 95 % interval (Student's t over seeds) is within the goal.\n")
    lines += [claim.sentence() for claim in claims if claim.values]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Claim:
    """A number per seed that shall be at most ``limit``, for every arm it is asked of."""

    title: str
    limit: float
    values: dict[str, list[float]]

    @property
    def goal(self) -> str:
        return f"at most {self.limit:.2g}"

    def held(self, arm: str) -> str:
        """yes and no: as the whole interval says; otherwise where the mean lies."""
        mean, half = interval(self.values[arm])
        if mean + half <= self.limit:
            return "yes"
        if mean - half > self.limit:
            return "no"
        return "on average" if mean <= self.limit else "not on average"

    def cell(self, arm: str) -> str:
        if arm not in self.values:
            return "-"
        mean, half = interval(self.values[arm])
        text = f"{mean:.2f}" if math.isnan(half) else f"{mean:.2f} ± {half:.2f}"
        return f"**{text}**" if self.held(arm) == "yes" else text

    def sentence(self) -> str:
        """One line: which arms met the goal, and how surely."""
        said = {
            "yes": "met by the whole interval",
            "on average": "met on average",
            "not on average": "missed on average",
            "no": "missed by the whole interval",
        }
        parts = []
        for key, words in said.items():
            arms = [arm for arm in self.values if self.held(arm) == key]
            if arms:
                parts.append(f"{words}: {', '.join(arms)}")
        return f"- {self.title}, {self.goal}: {'; '.join(parts)}."


def _claims(measured: Measured, averages: Sequence[int]) -> list[Claim]:
    first, last = averages[0], averages[-1]
    twin = measured.get(TWIN, {})
    penalised = {
        arm: numbers for arm, numbers in measured.items() if twin and arm not in (*CONTROLS, TWIN)
    }

    def over(title: str, value: Callable[[Numbers], Array], limit: float) -> Claim:
        ratios = {arm: list(value(numbers) / value(twin)) for arm, numbers in penalised.items()}
        return Claim(f"{title} over {TWIN}'s", limit, ratios)

    def above(title: str, value: Callable[[Numbers], Array]) -> Claim:
        more = {
            arm: list(1000 * (value(numbers) - value(twin))) for arm, numbers in penalised.items()
        }
        return Claim(f"{title} above {TWIN}'s, x1000", 0.0, more)

    gains = {
        arm: list(of(numbers, f"mse@{last}") / of(numbers, f"mse@{first}"))
        for arm, numbers in measured.items()
    }
    return [
        over("variance", lambda n: of(n, "variance"), 0.5),
        over("variance along colour", lambda n: of(n, "variance/colour"), 0.5),
        over("variance's share of the total", _share, 1.0),
        above(f"error at M = {first}", lambda n: of(n, f"mse@{first}")),
        above(f"error at M = {last}", lambda n: of(n, f"mse@{last}")),
        above("error under shifts", lambda n: _mean(n, "shift", SHIFTS)),
        above("R² of the nuisances", lambda n: _mean(n, "r2", NUISANCES)),
        Claim(f"error at M = {last} over M = {first}", 1 / 3, gains),
    ]


def _share(numbers: Numbers) -> Array:
    return of(numbers, "variance") / of(numbers, "variance/total")


def _mean(numbers: Numbers, group: str, names: Iterable[str]) -> Array:
    return np.mean([of(numbers, f"{group}/{name}") for name in names], axis=0)


def of(numbers: Numbers, name: str) -> Array:
    """One number per seed."""
    return np.asarray(numbers[name], float)
