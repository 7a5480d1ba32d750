"""Is one system more invariant than another on the same objects?

The test is of these two networks: small p says that on other objects of these kinds the one would
again score higher, and nothing of another training of either (for that, compare seeds). In
simulations p was uniform between networks that differ in nothing for the whitened cosine and for
RIS over classes of several sets. For RIS where each object is a class p was too large: objects
share a fixed amount of firing, so their mean moves less than that of independent ones. There the
test finds less than it could, and what it finds stands.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from vidcl.errors import VidclError
from vidcl.evaluation.invariance.permutation import holm, sign_flip_test


@dataclass(frozen=True)
class PairedValues:
    """What one system scored on each exchangeable unit."""

    names: tuple[Any, ...]
    """The units [n], of one order in all systems."""
    values: np.ndarray
    """float64 [n], higher is more invariant."""
    unit: str
    """``object`` or ``class``."""
    width: int
    """Numbers per feature; chance depends on it."""


def ris_pairs(result: Mapping[str, Any], count: int) -> PairedValues:
    """Per-class RIS@count of what ``ris`` returned.

    Units of two networks do not correspond, and the K best of a class are chosen on all its
    objects, so labels can be exchanged for whole classes only; where each class has one set the
    class is the object.
    """
    return PairedValues(
        tuple(result["ris_classes"]),
        np.asarray(result[f"ris_per_class@{count}"], dtype=np.float64),
        result["ris_unit"],
        result["units"],
    )


def compare_pair(
    a: PairedValues, b: PairedValues, *, permutations: int = 10_000, seed: int = 0
) -> dict[str, Any]:
    """Test the null that a and b are exchangeable on every unit.

    Returns:
        ``difference`` (mean of a less b), ``p`` (two-sided), ``unit``, ``n``, ``permutations`` and
        ``exact`` (all choices of signs were tried).

    Raises:
        VidclError: the two were not measured on the same objects.
    """
    if a.names != b.names or a.unit != b.unit:
        raise VidclError(
            "Two systems can be compared on the same objects only: embed the same images with both."
        )
    found = sign_flip_test(a.values - b.values, permutations=permutations, seed=seed)
    return {
        "difference": found.difference,
        "p": found.p,
        "unit": a.unit,
        "n": found.n,
        "permutations": found.permutations,
        "exact": found.exact,
    }


def compare_all(
    set_name: str,
    metric: str,
    systems: Mapping[str, PairedValues],
    *,
    permutations: int = 10_000,
    seed: int = 0,
    wanted: Callable[[str, str], bool] = lambda a, b: True,
) -> list[dict[str, Any]]:
    """Every wanted pair of systems on one metric of one set, as entries of ``comparisons`` in
    results.json.

    Each has what ``compare_pair`` returns, ``set``, ``metric``, ``a``, ``b``, and ``p_holm``,
    corrected over the pairs of this metric on this set. Pairs that were not measured on the same
    objects, or whose features differ in width, are left out; ``comparability_warnings`` says so.
    """
    rows: list[dict[str, Any]] = []
    for (a, left), (b, right) in combinations(systems.items(), 2):
        alike = (left.names, left.unit, left.width) == (right.names, right.unit, right.width)
        if alike and wanted(a, b):
            found = compare_pair(left, right, permutations=permutations, seed=seed)
            rows.append({"set": set_name, "metric": metric, "a": a, "b": b, **found})
    for row, corrected in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = corrected
    return rows
