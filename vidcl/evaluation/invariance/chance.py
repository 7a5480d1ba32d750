"""RIS of features that mean nothing: the level above which a score says something."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from vidcl.errors import VidclError
from vidcl.evaluation.feature_file import Labels
from vidcl.evaluation.invariance.firing import (
    MINIMUM_SET,
    Firing,
    Mode,
    Progress,
    count_signs,
    firing_rule,
)
from vidcl.evaluation.invariance.ris import score
from vidcl.evaluation.invariance.sets import TransformationSets, group_sets

#: Draws of i.i.d. features whose mean is called chance.
DRAWS = 5


def chance_row(
    set_ids: np.ndarray | Labels,
    class_ids: np.ndarray | Labels,
    units: int,
    top: Sequence[int] = (10, 25),
    *,
    mode: Mode = "authors",
    draws: int = DRAWS,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """RIS of i.i.d. Gaussian features [N, units] under these sets, mean over draws.

    Only the ranks of a unit count and those of i.i.d. values are a random order, so no features are
    made: which images lie beyond a threshold is drawn directly. The distribution is that of
    Gaussian features (of any continuous ones).

    Args:
        set_ids: [N].
        class_ids: [N].
        units: width D of the features that are compared with chance.
        top: the numbers K of best units.
        mode: whose rules.
        draws: how many times.
        seed: of the draws.
        progress: is told (draws done, draws).

    Returns:
        As ``ris``, each ``ris@K`` and ``ris_per_class@K`` a mean over draws, with ``ris@K_std``
        (over draws, n - 1; the spread of one score, not of the mean) and ``chance_draws``.

    Raises:
        VidclError: as ``ris`` does, or fewer than two draws.
    """
    if draws < 2:
        raise VidclError(f"Chance needs 2 draws or more for its spread, not {draws}.")
    if max(top) > units:
        raise VidclError(f"RIS over the top {max(top)} units needs that many: ask for fewer.")
    sets = group_sets(set_ids, class_ids, MINIMUM_SET[mode])
    generator = np.random.default_rng(seed)
    found = []
    for draw in range(draws):
        found.append(score(_iid_firing(sets, units, mode, generator), top))
        if progress is not None:
            progress(draw + 1, draws)
    result = dict(found[0])
    for name in found[0]:
        values = [row[name] for row in found]
        if name.startswith(("ris@", "ris_paper@")):
            result[name] = float(np.mean(values))
            result[f"{name}_std"] = float(np.std(values, ddof=1))
        elif name.startswith("ris_per_class@"):
            result[name] = np.mean(values, axis=0).tolist()
    return result | {"chance_draws": draws}


def _iid_firing(
    sets: TransformationSets, units: int, mode: Mode, generator: np.random.Generator
) -> Firing:
    images = sets.images
    rule = firing_rule(mode, images, len(sets.class_names))
    counts = np.empty((units, len(sets.names)), np.min_scalar_type(int(sets.sizes.max())))
    for row in counts:
        if 2 * rule.firing <= images:
            rows = generator.choice(images, 2 * rule.firing, replace=False, shuffle=False)
            # without shuffling the order of choice is not random, and halves must be
            generator.shuffle(rows)
            up, down = rows[: rule.firing], rows[rule.firing :]
        else:
            rows = generator.permutation(images)
            up, down = rows[: rule.firing], rows[images - rule.firing :]
        row[:] = count_signs(up, down, sets, mode)
    rate = (rule.firing + 1) / images if mode == "authors" else 1 - rule.percent / 100
    return Firing(rule, sets, counts, np.full(units, rate))
