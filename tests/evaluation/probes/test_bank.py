"""k-NN among training rows against a loop, and its independence of who searches."""

import math

import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.evaluation.probes.bank import bank_neighbours, knn_probe
from vidcl.evaluation.probes.knn import knn_accuracy


def data(seed=0, bank=70, queries=31, dim=5):
    """Features with exact duplicates and a zero row, so that ties occur."""
    rng = np.random.default_rng(seed)
    train, test = rng.normal(size=(bank, dim)), rng.normal(size=(queries, dim))
    train[10:20] = train[0]
    train[25] = 0
    test[3] = 2 * train[0]
    test[4] = 0
    return train, test, rng.integers(3, size=bank), rng.integers(3, size=queries)


def slow_accuracy(train, test, labels, truth, k, temperature):
    """One query, one neighbour at a time; also the rows found."""
    right, rows = 0, []
    for query, answer in zip(test, truth, strict=True):
        scored = []
        for row, one in enumerate(train):
            norm = math.sqrt(query @ query) * math.sqrt(one @ one)
            cosine = float(query @ one) / norm if norm else 0.0
            scored.append((-round(cosine * 2**30), row))
        near = sorted(scored)[:k]
        rows.append([row for _, row in near])
        votes = {}
        for score, row in near:
            weight = math.exp((-score / 2**30) / temperature)
            votes[labels[row]] = votes.get(labels[row], 0) + weight
        most = max(votes.values())
        right += min(label for label in votes if votes[label] == most) == answer
    return right / len(test), rows


@pytest.mark.parametrize("temperature", [0.07, 1.0])
def test_every_k_is_that_of_a_plain_loop(temperature):
    train, test, labels, truth = data()
    entries = knn_probe(train, labels, test, truth, k=(1, 7, 20, 500), temperature=temperature)
    assert [entry["settings"]["k"] for entry in entries] == [1, 7, 20]
    assert entries[0]["settings"]["k_left_out"] == [500]
    for entry in entries:
        k = entry["settings"]["k"]
        expected, rows = slow_accuracy(train, test, labels, truth, k, temperature)
        assert entry["value"] == pytest.approx(expected)
        assert bank_neighbours(train, test, k)[0].tolist() == rows
        low, high = entry["interval"]
        assert low <= entry["value"] <= high
        assert entry["metric"] == f"accuracy k={k}"
        assert entry["chance"] == pytest.approx(np.bincount(truth).max() / len(truth))


@pytest.mark.parametrize("k", [1, 8, 70, 80])
def test_who_searches_moves_no_neighbour(k):
    train, test, labels, truth = data(1)
    by_faiss = bank_neighbours(train, test, k, backend="faiss")
    by_torch = bank_neighbours(train, test, k, backend="torch")
    assert all(np.array_equal(a, b) for a, b in zip(by_faiss, by_torch, strict=True))
    found, scores = by_faiss
    assert found.shape == scores.shape == (len(test), k)
    assert found[:, :70].tolist() == slow_accuracy(train, test, labels, truth, k, 1.0)[1]
    assert (found[:, 70:] == -1).all() and np.isneginf(scores[:, 70:]).all()


def test_it_agrees_with_the_leave_one_out_measure_where_both_apply():
    train, _, labels, _ = data(2)
    # Every row is a query against all others: once by excluding it, once as a bank without it.
    hits = [
        knn_probe(
            np.delete(train, row, 0),
            np.delete(labels, row),
            train[row : row + 1],
            labels[row : row + 1],
            k=(5,),
            bootstrap=0,
        )[0]["value"]
        for row in range(len(train))
    ]
    whole = knn_accuracy(train, labels, np.arange(len(train)), k=5, bootstrap=0)
    assert whole["knn"] == pytest.approx(np.mean(hits))


def test_the_interval_resamples_instances():
    train, test, labels, truth = data(3)
    rows = knn_probe(train, labels, test, truth, k=(5,))[0]
    things = knn_probe(train, labels, test, truth, k=(5,), test_groups=np.arange(31) // 16)[0]
    assert rows["value"] == things["value"]
    assert rows["interval"] != things["interval"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"k": (100,)}, "lower k"),
        ({"k": ()}, "at least one neighbour"),
        ({"temperature": 0.0}, "temperature"),
        ({"train_labels": np.zeros(70, int)}, "two classes"),
        ({"test_labels": np.full(31, 9)}, "no training row"),
        ({"test_labels": np.full(31, "a")}, "one type"),
        ({"test_labels": np.zeros(30, int)}, "one label per row"),
        ({"test_features": np.full((31, 5), np.nan)}, "not finite"),
        ({"test_features": np.zeros((31, 6))}, "one encoder"),
    ],
)
def test_what_cannot_be_measured_is_refused(change, words):
    train, test, labels, truth = data()
    given = {
        "train_features": train,
        "train_labels": labels,
        "test_features": test,
        "test_labels": truth,
    }
    with pytest.raises(VidclError, match=words):
        knn_probe(**(given | change))
