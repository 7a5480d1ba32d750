"""Whitened cosine and whitened distance between views of one thing (Ericsson, Gouk & Hospedales
2021, "Why do self-supervised models transfer? Investigating the impact of invariance on downstream
tasks", arXiv 2111.11398).

There: features are whitened by the mean and covariance of the ImageNet features of the same
encoder; for each object, all its views are compared with each other by cosine and by Mahalanobis
distance, and the objects are averaged. In their code a view's cosine of 1 with itself is among the
k x k values of an object. Here:

- **whitening** is by the mean and the covariance (divided by N) of all images of the measured
  table, the covariance shrunk as Ledoit and Wolf say (``invariance.whitening``);
- **within** an object, pairs are of two different views: with a mean c over those of k views, their
  code has (1 + (k - 1) c) / k;
- **different things**: each object's views (at most ``VIEWS`` of them) against ``OTHERS`` images
  drawn from the whole table, less those of the object itself. This is what "no invariance" gives;
  for the cosine it is near 0, for the distance near sqrt(2 D);
- **normalised** cosine is (within - different) / (1 - different): 0 no more alike than different
  things, 1 the same feature for every view. Normalised distance is within / different: 1 no nearer
  than different things, 0 the same feature for every view;
- an image whose feature is the mean has no direction: its cosine to others counts as 0;
- of an object of more than ``MOST_VIEWS`` views, that many drawn ones are compared.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from vidcl.errors import VidclError
from vidcl.evaluation.bootstrap import central_interval, resampled_means
from vidcl.evaluation.feature_file import FeatureSource, Labels, as_source
from vidcl.evaluation.invariance.set_rows import set_rows
from vidcl.evaluation.invariance.sets import TransformationSets, group_sets
from vidcl.evaluation.invariance.whitening import Whitening, fit_whitening

#: Images that stand for different things.
OTHERS = 512
#: Pairs with different things are formed of so many views in all, and of 2 per object at least.
VIEWS = 4096
#: Views of one object that are compared with each other.
MOST_VIEWS = 256


@dataclass(frozen=True)
class WhitenedValues:
    """Per object, S of them, in the order of ``names``."""

    names: np.ndarray
    """[S], sorted."""
    cosine: np.ndarray
    """float64 [S], -1..1, mean over pairs of different views."""
    distance: np.ndarray
    """float64 [S], mean Mahalanobis distance of pairs of different views."""
    cosine_different: np.ndarray
    """float64 [S], with images of other objects."""
    distance_different: np.ndarray
    """float64 [S]."""
    shrinkage: float
    """0..1, of the covariance."""


def whitened_invariance(
    features: np.ndarray | FeatureSource,
    set_ids: np.ndarray | Labels,
    *,
    shrinkage: float | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Whitened cosine and distance with intervals; ``whitened_values`` and ``whitened_scores``."""
    values = whitened_values(features, set_ids, shrinkage=shrinkage, seed=seed)
    return whitened_scores(values, bootstrap=bootstrap, seed=seed)


def whitened_values(
    features: np.ndarray | FeatureSource,
    set_ids: np.ndarray | Labels,
    *,
    shrinkage: float | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> WhitenedValues:
    """What each object of two views or more contributes.

    Args:
        features: float [N, D], or a source that is read from disk.
        set_ids: [N], the object (or transformation set) of each image.
        shrinkage: see ``fit_whitening``.
        seed: of the images that stand for different things, and of views where there are too many.
        progress: is told (objects done, S).

    Raises:
        VidclError: no object has two views, there is one object only, a value is not finite, or
            the features cannot be whitened.
    """
    source = as_source(features if hasattr(features, "batches") else np.asarray(features))
    sets = group_sets(set_ids, np.zeros(source.rows, np.int8), 2)
    whitening = fit_whitening(source, shrinkage)
    generator = np.random.default_rng(seed)
    others, owner = _different_things(source, sets, whitening, generator)
    found = np.zeros((4, len(sets.names)))
    views = max(2, -(-VIEWS // len(sets.names)))
    for chosen, stacked in set_rows(source, sets, whitening.apply, MOST_VIEWS, generator, OTHERS):
        found[:2, chosen] = _within(stacked)
        found[2:, chosen] = _between(stacked[:, :views], chosen, others, owner)
        if progress is not None:
            progress(int(chosen.max()) + 1, len(sets.names))
    return WhitenedValues(sets.names, found[0], found[1], found[2], found[3], whitening.shrinkage)


def whitened_scores(
    values: WhitenedValues, *, bootstrap: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """Means over objects and their 95 % intervals, objects drawn with replacement.

    The whitening is that of all images in every resample.

    Returns:
        ``whitened_cosine``, ``whitened_cosine_different``, ``whitened_cosine_normalised``,
        ``whitened_distance``, ``whitened_distance_different``, ``whitened_distance_normalised``,
        where ``bootstrap`` is positive each with ``_interval``; ``whitened_objects`` (S) and
        ``whitening_shrinkage`` (0..1).
    """
    table = np.stack(
        [values.cosine, values.distance, values.cosine_different, values.distance_different], axis=1
    )
    result = {name: float(value[0]) for name, value in _measures(table.mean(axis=0)[None]).items()}
    everything: dict[str, Any] = dict(result)
    if bootstrap:
        drawn = _measures(resampled_means(table, samples=bootstrap, seed=seed))
        everything |= {f"{name}_interval": central_interval(drawn[name]) for name in result}
    return everything | {
        "whitened_objects": len(values.names),
        "whitening_shrinkage": values.shrinkage,
    }


def _measures(means: np.ndarray) -> dict[str, np.ndarray]:
    cosine, distance, cosine_different, distance_different = means.T
    return {
        "whitened_cosine": cosine,
        "whitened_cosine_different": cosine_different,
        "whitened_cosine_normalised": (cosine - cosine_different) / (1 - cosine_different),
        "whitened_distance": distance,
        "whitened_distance_different": distance_different,
        "whitened_distance_normalised": distance / distance_different,
    }


def _within(stacked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean cosine and mean distance over pairs of different views, of n objects [n, k, D]."""
    views = stacked.shape[1]
    pairs = views * (views - 1)
    inner = stacked @ stacked.transpose(0, 2, 1)  # [n, k, k]
    squares = np.einsum("nkk->nk", inner)
    distances = np.sqrt(np.maximum(squares[:, :, None] + squares[:, None] - 2 * inner, 0))
    np.einsum("nkk->nk", distances)[:] = 0
    lengths = np.sqrt(np.where(squares > 0, squares, 1))
    cosines = inner / (lengths[:, :, None] * lengths[:, None])
    np.einsum("nkk->nk", cosines)[:] = 0
    return cosines.sum(axis=(1, 2)) / pairs, distances.sum(axis=(1, 2)) / pairs


def _between(
    stacked: np.ndarray, chosen: np.ndarray, others: np.ndarray, owner: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The same between n objects' views [n, k, D] and images of other objects."""
    inner = stacked @ others.T  # [n, k, M]
    squares = np.einsum("nkd,nkd->nk", stacked, stacked)
    other = np.einsum("md,md->m", others, others)
    distances = np.sqrt(np.maximum(squares[:, :, None] + other - 2 * inner, 0))
    lengths = np.sqrt(np.where(squares > 0, squares, 1))
    cosines = inner / (lengths[:, :, None] * np.sqrt(np.where(other > 0, other, 1)))
    weight = (owner != chosen[:, None]).astype(np.float64)  # [n, M]
    pairs = stacked.shape[1] * weight.sum(axis=1)
    if not pairs.all():
        raise VidclError(
            "Nearly all images show one object, so there is nothing to compare it with."
        )
    return (
        np.einsum("nkm,nm->n", cosines, weight) / pairs,
        np.einsum("nkm,nm->n", distances, weight) / pairs,
    )


def _different_things(
    source: FeatureSource,
    sets: TransformationSets,
    whitening: Whitening,
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Whitened images float64 [M, D] of the whole table, and the set [M] of each."""
    rows = np.arange(source.rows)
    if source.rows > OTHERS:
        rows = np.sort(generator.choice(source.rows, OTHERS, replace=False))
    found = []
    row = 0
    for batch in source.batches():
        low, high = np.searchsorted(rows, (row, row + len(batch)))
        found.append(batch[rows[low:high] - row])
        row += len(batch)
    return whitening.apply(np.concatenate(found)), sets.set_of_row[rows]
