"""Paired permutation tests: could the labels of two systems be exchanged?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vidcl.errors import VidclError

#: Random bits that are held at once.
BITS = 2**21


@dataclass(frozen=True)
class SignFlip:
    """The outcome of a test over n paired differences."""

    difference: float
    """Mean of the differences."""
    p: float
    """Two-sided, 0..1."""
    n: int
    permutations: int
    """How many signs were tried: all 2^n where ``exact``, else the drawn ones."""
    exact: bool


def sign_flip_test(
    differences: np.ndarray, *, permutations: int = 10_000, seed: int = 0
) -> SignFlip:
    """Is the mean of paired differences further from 0 than chance puts it?

    If two systems do not differ, exchanging their labels on any one unit changes nothing, so every
    choice of signs is equally likely. p is the share of choices whose mean is at least as far from
    0 as the one found; all 2^n are tried where these are no more than ``permutations``, else that
    many are drawn and the one found is counted among them (Phipson & Smyth 2010). With n units p
    is never below 2 / 2^n.

    Args:
        differences: float [n], one per exchangeable unit.
        permutations: most choices of signs.
        seed: of the drawn ones.

    Raises:
        VidclError: no differences, or no permutations.
    """
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or len(values) == 0 or permutations < 1:
        raise VidclError("A permutation test needs paired differences and 1 permutation or more.")
    count, total = len(values), float(values.sum())
    # sums that are equal but for rounding count as equal
    bound = abs(total) - 1e-9 * float(np.abs(values).sum())
    exact = count < 63 and 2**count <= permutations
    tried = 2**count if exact else permutations
    generator = np.random.default_rng(seed)
    step = max(1, BITS // count)
    beyond = 0
    for first in range(0, tried, step):
        rows = min(step, tried - first)
        if exact:
            words = np.arange(first, first + rows)[:, None]
            flips = ((words >> np.arange(count)) & 1).astype(np.float64)
        else:
            drawn = generator.integers(0, 256, (rows, -(-count // 8)), dtype=np.uint8)
            flips = np.unpackbits(drawn, axis=1, count=count).astype(np.float64)
        sums = total - 2 * (flips @ values)
        beyond += int((np.abs(sums) >= bound).sum())
    p = beyond / tried if exact else (1 + beyond) / (1 + tried)
    return SignFlip(total / count, float(p), count, tried, exact)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) correction: the chance of any false alarm among all the tests stays below the
    level that the corrected values are compared with.

    Args:
        p_values: 0..1, of the tests that belong together.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(steps, 1.0)
    return corrected.tolist()
