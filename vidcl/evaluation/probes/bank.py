"""k-NN of test rows among training rows (Wu et al. 2018, as in DINO): bank and queries apart."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from vidcl.errors import VidclError
from vidcl.evaluation.probes.entry import (
    check_pair,
    class_numbers,
    interval_over,
    largest_share,
    probe_entry,
)
from vidcl.evaluation.retrieval.rows import StackedRows
from vidcl.evaluation.retrieval.search import Backend, nearest


def bank_neighbours(
    bank: np.ndarray, queries: np.ndarray, k: int, *, backend: Backend = "auto"
) -> tuple[np.ndarray, np.ndarray]:
    """The k rows of the bank most similar to each query, best first, by ``retrieval.search``.

    Args:
        bank: float [N, D].
        queries: float [M, D].

    Returns:
        Rows int64 [M, k] and scores float64 [M, k]; -1 and -inf where the bank has fewer.
    """
    rows = np.arange(len(bank) + len(queries))
    return nearest(
        StackedRows(bank, queries),
        rows[len(bank) :],
        k,
        lambda some: [rows[:0]] * len(some),
        among=rows[: len(bank)],
        backend=backend,
    )


def knn_votes(
    found: np.ndarray, scores: np.ndarray, labels: np.ndarray, classes: int, temperature: float
) -> np.ndarray:
    """The class int [M] with the most votes, a neighbour voting with exp(cosine / temperature).

    Args:
        found, scores: [M, k] of ``bank_neighbours``.
        labels: int [N], class numbers of the bank's rows. The lower class wins a tie.
    """
    # Relative to 1, the largest cosine, so that no weight overflows; a missing one weighs 0.
    weights = np.exp((scores - 1.0) / temperature)
    votes = np.zeros((len(found), classes))
    queries = np.arange(len(found))
    for place in range(found.shape[1]):
        votes[queries, labels[found[:, place]]] += weights[:, place]
    return votes.argmax(axis=1)


def knn_probe(
    train_features: np.ndarray,
    train_labels: np.ndarray,
    test_features: np.ndarray,
    test_labels: np.ndarray,
    *,
    k: Sequence[int] = (10, 20, 100, 200),
    temperature: float = 0.07,
    test_groups: np.ndarray | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Class accuracy of the test rows by the votes of their k nearest training rows.

    Wu et al. 2018 weight votes by exp(cosine / temperature) with k = 200 and 0.07; DINO reports
    k = 10, 20, 100 and 200.

    Args:
        train_features, test_features: float [N, D] and [M, D].
        train_labels, test_labels: [N] and [M].
        k: those above N are left out, and the settings say so.
        test_groups: [M], instances that the bootstrap resamples; each row is one by default.
        bootstrap: resamples; 0 for no interval.

    Returns:
        One entry ``accuracy k=K`` for each k.

    Raises:
        VidclError: shapes, values that are not finite, a single class, a test class that training
            lacks, or no k that the training rows suffice for.
    """
    train_features, test_features = np.asarray(train_features), np.asarray(test_features)
    check_pair(train_features, test_features)
    names, train, test = class_numbers(
        train_labels, test_labels, (len(train_features), len(test_features))
    )
    if not k or min(k) < 1 or temperature <= 0:
        raise VidclError("k-NN needs at least one neighbour and a temperature above 0.")
    used = sorted({count for count in k if count <= len(train_features)})
    if not used:
        raise VidclError(
            f"There are {len(train_features)} training rows, fewer than the {min(k)} neighbours "
            f"asked for: lower k."
        )
    found, scores = bank_neighbours(train_features, test_features, used[-1])
    groups = np.arange(len(test)) if test_groups is None else np.asarray(test_groups)
    settings = {
        "temperature": temperature,
        "metric": "cosine",
        "weighting": "exp(cosine / temperature)",
        "ties": "scores rounded to 2^-30, then the lower row; the first class in order",
        "k_left_out": sorted(set(k) - set(used)),
        "train_rows": len(train),
        "test_rows": len(test),
        "classes": len(names),
        "bootstrap": bootstrap,
        "seed": seed,
    }
    entries = []
    for count in used:
        said = knn_votes(found[:, :count], scores[:, :count], train, len(names), temperature)
        hits = said == test
        entries.append(
            probe_entry(
                "knn",
                f"accuracy k={count}",
                hits.mean(),
                interval=interval_over(hits, groups, bootstrap, seed),
                chance=largest_share(test),
                settings={"k": count} | settings,
            )
        )
    return entries
