"""What the study of generalised losses claims: how far the losses lie apart under each head."""

from collections.abc import Sequence

import numpy as np

from studies.generalized.arms import DEPTHS, Arm
from studies.generalized.rates import Rates
from vidcl.arms import Measured
from vidcl.report.claims import Claim

#: Learning rate -> what the reader sees.
WAYS = {"common": "one learning rate", "tuned": "tuned"}
#: What we call a few points, as a share.
FEW = 0.05

CLAIMS = tuple(
    claim
    for way, words in WAYS.items()
    for claim in (
        Claim(f"under 3 layers the losses lie within a few points ({words})",
              "spread", "few", f"{way}:3", "differences are small"),
        Claim(f"under a linear head they lie clearly apart ({words})",
              "spread", f"{way}:1", "few", "they are larger (recalled, unchecked)"),
        Claim(f"they lie further apart under a linear head ({words})",
              "spread", f"{way}:1", f"{way}:3"),
    )
)  # fmt: skip


def name(side: str) -> str:
    """What the reader sees of a side of a claim."""
    layers = side.partition(":")[2]
    return DEPTHS[int(layers)] if layers else "a few points"


def by_loss(measured: Measured, losses: Sequence[str], rates: Rates, asked: str) -> Measured:
    """Loss -> "LAYERS WAY" -> accuracy of a probe per seed."""
    return {
        loss: {
            f"{layers} {way}": measured[Arm(loss, layers, rates.of(way, loss, layers)).name][asked]
            for way in WAYS
            for layers in DEPTHS
        }
        for loss in losses
    }


def spreads(letter: Measured) -> Measured:
    """Best minus worst of the losses on each seed, as ``CLAIMS`` names them.

    Args:
        letter: ``by_loss`` of the letter.
    """
    numbers = {
        key: np.ptp([values[key] for values in letter.values()], axis=0).tolist()
        for key in next(iter(letter.values()))
    }
    seeds = len(next(iter(numbers.values())))
    return {
        way: {f"spread {layers}": numbers[f"{layers} {way}"] for layers in DEPTHS} for way in WAYS
    } | {"few": {"spread": [FEW] * seeds}}
