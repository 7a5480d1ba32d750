"""What features keep of an image when it is changed: per image, so that means can be resampled."""

from collections.abc import Callable

import numpy as np

from vidcl.errors import VidclError
from vidcl.evaluation.feature_file import as_source
from vidcl.evaluation.invariance.whitening import fit_whitening
from vidcl.evaluation.retrieval.search import quantised, unit_rows

BLOCK = 1024
#: A feature this close to the mean, relative to the mean's length, is taken to be the mean:
#: single-precision features do not tell the two apart.
INDISTINCT = 1e-6


def kept(clean: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """Share of the way from "another image" (0) to "the same feature" (1), float64 [N].

    With c_i and t_i the features of image i clean and changed, both less the mean of all clean
    features, s_i = cos(c_i, t_i) and b the mean of cos(c_i, c_j) over all i != j, it is
    (s_i - b) / (1 - b). Its mean is 1 where nothing moves, 0 where a changed image is as far from
    its clean self as another clean image is, and below 0 beyond that. b is about -1 / (N - 1), as
    the mean is taken off; without that, features that share a large part would all look invariant.

    Features that differ in few directions keep their similarity easily, as a change then has to
    move them along one of these. Give whitened features (``whitener``) to count all alike.

    Features that are all the same give 0, though nothing moves: they tell no image from another.

    Args:
        clean, changed: float [N, D], row i of both from image i.

    Raises:
        VidclError: the shapes differ, or there are fewer than two images.
    """
    _check(clean, changed)
    mean = np.asarray(clean, dtype=np.float64).mean(axis=0)
    here, there = (unit_rows(_from_mean(part, mean)) for part in (clean, changed))
    count = len(here)
    total = here.sum(axis=0)
    others = (total @ total - (here * here).sum()) / (count * (count - 1))
    return np.asarray(((here * there).sum(axis=1) - others) / (1 - others))


def found_itself(clean: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """Whether the clean image nearest to each changed one by cosine is its own, float64 [N] 0 or 1.

    Scores are on the grid of ``retrieval.search``; a tie goes to the lower row. Chance is 1 / N.

    Args:
        clean, changed: float [N, D].

    Raises:
        VidclError: the shapes differ, or there are fewer than two images.
    """
    _check(clean, changed)
    gallery, queries = unit_rows(clean), unit_rows(changed)
    found = np.empty(len(queries), dtype=np.int64)
    for first in range(0, len(queries), BLOCK):
        part = slice(first, first + BLOCK)
        found[part] = quantised(queries[part] @ gallery.T).argmax(axis=1)
    return (found == np.arange(len(queries))).astype(np.float64)


def class_found(
    clean: np.ndarray,
    changed: np.ndarray,
    classes: np.ndarray,
    instances: np.ndarray,
    *,
    k: int = 20,
    temperature: float = 0.07,
) -> np.ndarray:
    """Whether k clean neighbours of other instances vote for a changed image's class, [N] 0 or 1.

    A neighbour votes with weight exp(cosine / temperature), as in Wu et al. 2018; the first class
    in sorted order wins a tie. An image's own clean version has no vote, nor has another view of
    its instance, so that unchanged images give ``probes.knn``'s accuracy.

    Args:
        clean, changed: float [N, D].
        classes, instances: [N].

    Raises:
        VidclError: the shapes differ, or there are fewer than two images.
    """
    _check(clean, changed)
    names, of_class = np.unique(classes, return_inverse=True)
    _, of_instance = np.unique(instances, return_inverse=True)
    gallery, queries = unit_rows(clean), unit_rows(changed)
    correct = np.empty(len(queries))
    for first in range(0, len(queries), BLOCK):
        part = slice(first, first + BLOCK)
        scores = quantised(queries[part] @ gallery.T)
        scores[of_instance[part, None] == of_instance] = -np.inf
        nearest = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        weights = np.exp((np.take_along_axis(scores, nearest, axis=1) - 1) / temperature)
        rows = np.arange(len(scores))[:, None].repeat(nearest.shape[1], axis=1)
        votes = np.zeros((len(scores), len(names)))
        np.add.at(votes, (rows, of_class[nearest]), weights)
        correct[part] = votes.argmax(axis=1) == of_class[part]
    return correct


def _check(clean: np.ndarray, changed: np.ndarray) -> None:
    if clean.ndim != 2 or clean.shape != changed.shape or len(clean) < 2:
        raise VidclError(
            f"Give features [N, D] of the same two or more images, clean and changed, not "
            f"{list(clean.shape)} and {list(changed.shape)}."
        )


def whitener(clean: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """``invariance.whitening`` by the clean features: float [M, D] to float64 [M, D].

    The covariance is shrunk as by Ledoit and Wolf, since there may be fewer images than units.
    Features that are all the same become zeros.
    """
    mean = np.asarray(clean, dtype=np.float64).mean(axis=0)
    if not _from_mean(clean, mean).any():
        return np.zeros_like
    return fit_whitening(as_source(clean)).apply


def _from_mean(features: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Offsets float64 [N, D] from the mean; zero where a feature is not to be told from it."""
    offsets = np.asarray(features, dtype=np.float64) - mean
    lengths = np.linalg.norm(offsets, axis=1)
    offsets[lengths <= INDISTINCT * np.linalg.norm(mean)] = 0.0
    return np.asarray(offsets)
