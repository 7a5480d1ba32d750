"""What RandBit says: the table beside the authors', the findings, the plot."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from studies.section import Section
from studies.suppression.curves import Curve, curves_plot
from studies.suppression.randbit_arms import RandBitConfig
from vidcl.arms import Measured
from vidcl.report.claims import Claim, claims_table, judge, summary

#: Set -> what the reader sees.
SETS = {"glyphs": "glyphs", "mnist": "MNIST", "images": "the images given"}
#: What the authors' notebook holds: test accuracy on MNIST, 60,000 images, batches of 1,000.
NOTEBOOK = {
    0.05: (89.9, 70.6, 33.0, 14.3, 9.9),
    0.1: (89.2, 61.2, 18.7, 9.8, 10.3),
    0.2: (90.0, 33.0, 10.4, 10.0, 9.9),
}
NOTEBOOK_BITS = (0, 5, 10, 15, 20)
#: Accuracy wanted at 0 bits.
GOAL = 0.85
#: Rows that are no temperature -> what the reader sees.
TITLES = {
    "blank": "bits shared, T = {T:g}, at 0.5 for the probe",
    "longer": "bits shared, {longer:g} times the steps",
    "redrawn": "bits drawn anew for each view, {longer:g} times the steps",
    "supervised": "supervised, with the bits",
    "random": "random network, with the bits",
}


def section(
    found: Mapping[str, Measured], settings: RandBitConfig, seeds: Sequence[int]
) -> Section:
    """All sets' tables, findings and plots."""
    texts, results, plots = [], {}, {}
    for kind, rows in found.items():
        rows = with_lines(rows, settings)
        answers = judge(claims_of(settings), rows)
        results[kind] = {"rows": rows, "claims": answers}
        plots[f"randbit-{kind}.png"] = plot(rows, settings)
        texts.append(part(kind, rows, answers, settings))
    steps = f"{settings.steps} steps of {settings.batch_size} pictures"
    head = f"""## RandBit: a few random bits against the digit

Chen, Luo, Li (NeurIPS 2021): the hash of an image, as channels that are constant and the same in
both views, is learned instead of the digit. {settings.images:,} pictures to train on,
{settings.test:,} to test on, {steps}, crops of {settings.crop[0]:g} to {settings.crop[1]:g} and no
other augmentation, the notebook's network (three convolutions, feature 128). Seeds
{", ".join(map(str, seeds))}; temperatures other than {settings.T:g} on the first
{settings.grid_seeds}. Linear probe of the digit on the frozen feature, per cent, mean ± standard
deviation over seeds.
"""
    body = {"settings": settings.model_dump(mode="json"), "seeds": list(seeds), "sets": results}
    return Section("randbit", "\n".join([head, *texts]), body, plots)


def part(
    kind: str, rows: Measured, answers: Sequence[Mapping[str, Any]], settings: RandBitConfig
) -> str:
    """One set."""
    line = 100 * float(np.mean(rows["chance line"]["digit"]))
    top = max(settings.bits)
    counted = rows[f"T={settings.T:g}"]
    shared = ", ".join(
        f"{np.mean(counted[f'i_nce {bits}']):.2f} ({bits} bits)" for bits in settings.bits
    )
    hits = ", ".join(
        f"{100 * np.mean(counted[f'bit {bits}']):.1f} % ({bits} bits)" for bits in settings.bits[1:]
    )
    most = math.log(2 * settings.batch_size - 1)
    return f"""### On {SETS[kind]}

![accuracy against the number of bits](randbit-{kind}.png)

{table(rows, settings)}
Chance is {100 * float(np.mean(rows["chance"]["chance"])):.1f} %, and {line:.1f} % with two standard
deviations of the test's own noise. I_NCE at temperature {settings.T:g}: {shared}, of at most
{most:.2f}. Bits told by a probe of the same feature: {hits}.

{claims_table(answers, lambda side: side_name(side, settings))}
{summary(answers)}
{temperatures(rows, settings, top)}
"""


def table(rows: Measured, settings: RandBitConfig) -> str:
    """Accuracy of the digit by row and number of bits, with the notebook's rows beneath."""
    lines = [
        "| bits | " + " | ".join(map(str, settings.bits)) + " |",
        "|---|" + "---:|" * len(settings.bits),
    ]
    for name, numbers in rows.items():
        cells = [cell(numbers.get(f"digit {bits}", ())) for bits in settings.bits]
        if any(each != "-" for each in cells):
            lines.append(f"| {title(name, settings)} | " + " | ".join(cells) + " |")
    for T, values in NOTEBOOK.items():
        if T in settings.temperatures and settings.bits == NOTEBOOK_BITS:
            quoted = " | ".join(f"{value:.1f}" for value in values)
            lines.append(f"| the authors' notebook (MNIST), T = {T:g} | {quoted} |")
    return "\n".join(lines) + "\n"


def cell(values: Sequence[float]) -> str:
    """Per cent, with the standard deviation where there are several."""
    if not len(values):
        return "-"
    mean = f"{100 * np.mean(values):.1f}"
    return mean if len(values) < 2 else f"{mean} ± {100 * np.std(values, ddof=1):.1f}"


def title(row: str, settings: RandBitConfig) -> str:
    """What the reader sees of a row."""
    named = TITLES.get(row, "").format(longer=settings.longer, T=settings.T)
    return named or (f"bits shared, T = {row.removeprefix('T=')}")


def side_name(side: str, settings: RandBitConfig) -> str:
    """What the reader sees of a claim's side."""
    row, _, bits = side.partition(":")
    return f"{title(row, settings)}, {bits} bits" if bits else row


def with_lines(rows: Measured, settings: RandBitConfig) -> Measured:
    """The rows, and what they are held against: ``goal``, and ``chance line``, the share of the
    largest class plus two standard deviations of the hits of a test of that size."""
    shares, counts = (np.asarray(rows["chance"][name]) for name in ("chance", "tested"))
    lines = shares + 2 * np.sqrt(shares * (1 - shares) / counts)
    goal = {"digit": [GOAL] * len(shares)}
    return {**rows, "goal": goal, "chance line": {"digit": lines.tolist()}}


def claims_of(settings: RandBitConfig) -> list[Claim]:
    """What the paper says, at the temperature that ran on every seed."""
    shared, k, bits = f"T={settings.T:g}", settings.control_bits, settings.bits
    quoted = dict(zip(NOTEBOOK_BITS, NOTEBOOK.get(settings.T, ()), strict=False))

    def paper(*which: int) -> str:
        known = [f"{quoted[each]:.1f}" for each in which if each in quoted]
        return f"{' against '.join(known)} (notebook)" if len(known) == len(which) else ""

    falls = [
        Claim(f"falls from {a} to {b} bits", "digit", f"{shared}:{a}", f"{shared}:{b}", paper(a, b))
        for a, b in itertools.pairwise(bits[:-1])
    ]
    a, b = bits[-2:]
    last = Claim(
        f"and does not rise by 2 points to {b}",
        "digit",
        f"{shared}:{a}",
        f"{shared}:{b}",
        paper(a, b),
        floor=-2.0,
    )
    chance = [
        Claim(f"chance at {each} bits", "digit", "chance line", f"{shared}:{each}", paper(each))
        for each in bits[-2:]
    ]
    zero, full = f"{shared}:0", f"{shared}:{k}"
    controls = [
        Claim("drawn anew for each view, bits suppress nothing (within 5 points of none)", "digit",
              f"redrawn:{k}", zero, floor=-5.0),
        Claim("and the digit is kept against shared bits", "digit", f"redrawn:{k}", full),
        Claim("with labels the digit is learned all the same (within 5 points)", "digit",
              f"supervised:{k}", "supervised:0", floor=-5.0),
        Claim("shared bits leave less than a random network has", "digit", f"random:{k}", full),
        Claim("blanking the bits gives the digit back (within 5 points of none)", "digit",
              f"blank:{k}", zero, floor=-5.0),
    ]  # fmt: skip
    reached = Claim(f"at least {100 * GOAL:.0f} % without bits", "digit", zero, "goal", paper(0))
    return [reached, *falls, last, *chance, *controls]


def temperatures(rows: Measured, settings: RandBitConfig, top: int) -> str:
    """Whether a lower temperature falls later, in a sentence; of the seeds that ran them all."""
    named = [(T, f"T={T:g}") for T in sorted(settings.temperatures)]
    named = [(T, name) for T, name in named if name in rows]
    if len(named) < 2:
        return ""
    count = min(len(rows[name][f"digit {top}"]) for _, name in named)
    between = [bits for bits in settings.bits if bits]
    means = [
        100 * float(np.mean([rows[name][f"digit {bits}"][:count] for bits in between]))
        for _, name in named
    ]
    ordered = all(a > b for a, b in itertools.pairwise(means))
    said = ", ".join(f"{mean:.1f} (T = {T:g})" for mean, (T, _) in zip(means, named, strict=True))
    return (
        f"A lower temperature falls later: {'yes' if ordered else 'no'}. Mean accuracy over "
        f"{', '.join(map(str, between))} bits: {said}; {count} seed{'s' * (count > 1)}."
    )


def plot(rows: Measured, settings: RandBitConfig) -> bytes:
    """Accuracy against the number of bits."""
    curves = []
    for name, numbers in rows.items():
        points = {b: numbers[f"digit {b}"] for b in settings.bits if f"digit {b}" in numbers}
        if points:
            curves.append(Curve(title(name, settings), points, control=not name.startswith("T=")))
    line = 100 * float(np.mean(rows["chance line"]["digit"]))
    return curves_plot([("accuracy of the digit, %", curves)], "bits", chance=line)
