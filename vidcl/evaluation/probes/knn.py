"""k-nearest-neighbour class accuracy, with no view of the query's own instance among the votes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vidcl.evaluation.bootstrap import bootstrap_interval
from vidcl.evaluation.retrieval.cross_view import Views
from vidcl.evaluation.retrieval.search import Backend, nearest


def knn_accuracy(
    features: np.ndarray,
    classes: np.ndarray,
    instances: np.ndarray,
    *,
    k: int = 20,
    temperature: float = 0.07,
    backend: Backend = "auto",
    bootstrap: int = 1000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Leave-one-instance-out: each image is classified by its k nearest views of other instances.

    A neighbour votes for its class with weight exp(cosine / temperature), as in Wu et al. 2018; the
    first class in sorted order wins a tie.

    Returns:
        ``knn`` in 0..1, ``knn_interval`` over instances, ``knn_chance`` (share of the largest
        class), ``knn_n``.
    """
    classes, instances = np.asarray(classes), np.asarray(instances)
    members = Views(instances, None, False, 0.0).members()
    queries = np.arange(len(classes))
    found, scores = nearest(
        features,
        queries,
        k,
        lambda rows: [members[row] for row in rows],
        backend=backend,
        progress=progress,
    )
    names, index = np.unique(classes, return_inverse=True)
    # Relative to 1, the largest cosine, so that no weight overflows; a missing neighbour weighs 0.
    weights = np.exp((scores - 1.0) / temperature)
    votes = np.zeros((len(queries), len(names)))
    for place in range(k):
        votes[queries, index[found[:, place]]] += weights[:, place]
    correct = (votes.argmax(axis=1) == index).astype(np.float64)
    result: dict[str, Any] = {
        "knn": float(correct.mean()),
        "knn_chance": float(np.bincount(index).max() / len(index)),
        "knn_n": len(index),
    }
    if bootstrap:
        result["knn_interval"] = bootstrap_interval(
            correct, instances, samples=bootstrap, seed=seed
        )
    return result
