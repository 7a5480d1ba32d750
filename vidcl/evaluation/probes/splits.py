"""Splits that keep all views of one instance on one side."""

import numpy as np

from vidcl.errors import VidclError


def held_out(
    labels: np.ndarray, groups: np.ndarray, share: float, generator: np.random.Generator
) -> np.ndarray:
    """Which rows to hold out: a share of the instances of every class.

    Of a class with n >= 2 instances, ``round(share n)`` are held out, but at least one and never
    all; a class with a single instance stays whole. An instance belongs to the class of its first
    row.

    Args:
        labels: [N], classes; all equal where there are none.
        groups: [N], instances.
        share: in (0, 1).
        generator: draws the instances, class by class in sorted order.

    Returns:
        bool [N].

    Raises:
        VidclError: the share is out of range, or no class has two instances.
    """
    if not 0 < share < 1:
        raise VidclError(f"The share to hold out must lie between 0 and 1, not {share}.")
    names, first, member = np.unique(groups, return_index=True, return_inverse=True)
    of_group = np.asarray(labels)[first]
    chosen = np.zeros(len(names), bool)
    for label in np.unique(of_group):
        own = np.flatnonzero(of_group == label)
        if len(own) > 1:
            count = int(np.clip(round(share * len(own)), 1, len(own) - 1))
            chosen[generator.permutation(own)[:count]] = True
    if not chosen.any():
        raise VidclError(
            "No class has two instances, so nothing can be held out: name another instance column, "
            "or none where every image is an instance of its own."
        )
    return chosen[member.reshape(-1)]


def stratified_folds(positive: np.ndarray, groups: np.ndarray, folds: int) -> np.ndarray:
    """The fold int [N] of every row, positives dealt evenly, instances whole, nothing drawn.

    Instances in order of their first row are cut into ``folds`` runs, those with a positive row
    and those without each for themselves. Where every row is an instance this is scikit-learn's
    ``StratifiedKFold(folds)`` without shuffling.

    Args:
        positive: bool [N].
        groups: [N], instances.

    Raises:
        VidclError: fewer than ``folds`` instances with a positive row, or without one.
    """
    _, first, member = np.unique(groups, return_index=True, return_inverse=True)
    member = member.reshape(-1)
    has = np.bincount(member, weights=positive) > 0
    in_order = np.argsort(first, kind="stable")
    fold = np.empty(len(first), np.int64)
    # The kind that comes first is numbered first, as scikit-learn does.
    kinds = [has[in_order[0]], not has[in_order[0]]]
    sizes = [int((has == kind).sum()) for kind in kinds]
    if min(sizes) < folds:
        few = int(has.sum()) if has.sum() < folds else int((~has).sum())
        raise VidclError(
            f"There are {few} positive or negative instances for {folds} folds: "
            f"give at least {folds} of each."
        )
    start = 0
    for kind, size in zip(kinds, sizes, strict=True):
        # Dealt in turn over the sorted labels: how many of this kind each fold takes.
        counts = np.bincount((start + np.arange(size)) % folds, minlength=folds)
        rows = in_order[has[in_order] == kind]
        fold[rows] = np.repeat(np.arange(folds), counts)
        start += size
    return fold[member]


def group_folds(groups: np.ndarray, folds: int, generator: np.random.Generator) -> np.ndarray:
    """The fold int [N] of every row; instances are shuffled and dealt in turn.

    Raises:
        VidclError: fewer than two instances. With fewer instances than folds each is a fold.
    """
    names, member = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise VidclError("There is a single instance: cross-validation needs at least two.")
    place = np.empty(len(names), np.int64)
    place[generator.permutation(len(names))] = np.arange(len(names)) % min(folds, len(names))
    return place[member.reshape(-1)]
