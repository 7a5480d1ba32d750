"""Retrieval and k-NN against obvious loops; the two search backends against each other."""

import math
import sys

import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.evaluation.bootstrap import bootstrap_interval
from vidcl.evaluation.probes.knn import knn_accuracy
from vidcl.evaluation.retrieval.cross_view import cross_view_retrieval
from vidcl.evaluation.retrieval.search import nearest


def slow_scores(features):
    unit = []
    for row in features.astype(float).tolist():
        norm = math.sqrt(sum(v * v for v in row)) or 1.0
        unit.append([v / norm for v in row])
    return [
        [round(sum(x * y for x, y in zip(a, b, strict=True)) * 2**30) for b in unit] for a in unit
    ]


def circular_gap(a, b):
    gap = abs(a - b) % 360
    return min(gap, 360 - gap)


def slow_retrieval(features, instances, angles, min_gap, edges):
    count, scores = len(features), slow_scores(features)
    recall1, recall5, average, bins = [], [], [], [[] for _ in edges[:-1]]
    for q in range(count):
        gallery, curve_rows = [], []
        for g in range(count):
            if g == q:
                continue
            if instances[g] == instances[q]:
                gap = circular_gap(angles[g], angles[q])
                curve_rows.append((g, gap))
                if gap < min_gap:
                    continue
            gallery.append(g)
        ranked = sorted(gallery, key=lambda g: (-scores[q][g], g))
        right = [instances[g] == instances[q] for g in ranked]
        if any(right):
            recall1.append(right[0])
            recall5.append(any(right[:5]))
            precisions = [
                sum(right[: rank + 1]) / (rank + 1) for rank in range(len(right)) if right[rank]
            ]
            average.append(sum(precisions) / len(precisions))
        others = [g for g in range(count) if instances[g] != instances[q]]
        for b in range(len(edges) - 1):
            top = edges[b + 1] if b < len(edges) - 2 else edges[b + 1] + 1e-9
            same = [g for g, gap in curve_rows if edges[b] <= gap < top]
            if same:
                first = min(others + same, key=lambda g: (-scores[q][g], g))
                bins[b].append(instances[first] == instances[q])
    curve = [
        [(edges[b] + edges[b + 1]) / 2, sum(hits) / len(hits), len(hits)]
        for b, hits in enumerate(bins)
        if hits
    ]
    mean = lambda values: sum(values) / len(values)  # noqa: E731
    return mean(recall1), mean(recall5), mean(average), curve, count - len(recall1)


def problem(seed, ties=False, count=70):
    generator = np.random.default_rng(seed)
    instances = np.array([f"i{k}" for k in generator.integers(0, 9, count)])
    instances[0] = "alone"
    angles = generator.choice(np.arange(0, 360, 22.5), count)
    features = generator.standard_normal((count, 12)).astype(np.float32)
    features += np.array([hash_free(name) for name in instances])[:, None] * 0.4
    if ties:
        features = np.sign(features[:, :3])
        features[5] = 0
    return features, instances, angles


def hash_free(name):
    return sum(ord(c) for c in name) % 7 - 3


@pytest.mark.parametrize("backend", ["faiss", "torch"])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("min_gap", [0.0, 45.0, 90.0])
def test_equals_the_slow_loop(backend, ties, min_gap):
    if backend == "faiss":
        pytest.importorskip("faiss")
    features, instances, angles = problem(3, ties)
    edges = (0.0, 22.5, 45.0, 90.0, 180.0)
    fast = cross_view_retrieval(
        features, instances, angles, min_gap, gap_edges=edges, backend=backend, bootstrap=0
    )
    recall1, recall5, average, curve, excluded = slow_retrieval(
        features, instances, angles, min_gap, edges
    )
    assert fast["recall@1"] == pytest.approx(recall1, abs=1e-9)
    assert fast["recall@5"] == pytest.approx(recall5, abs=1e-9)
    assert fast["map"] == pytest.approx(average, abs=1e-9)
    assert np.allclose(fast["gap_curve"], curve, atol=1e-9, rtol=0)
    assert fast["n_excluded"] == excluded >= 1
    assert fast["n"] + excluded == fast["gallery"] == len(features)


def test_angles_that_do_not_vary_mean_leave_one_out():
    features, instances, _ = problem(1)
    constant = np.array([hash_free(name) * 30.0 for name in instances])
    alone = cross_view_retrieval(features, instances, None, bootstrap=0)
    assert cross_view_retrieval(features, instances, constant, 45.0, bootstrap=0) == alone
    assert alone["min_gap"] == 0 and alone["gap_curve"] == []


def test_the_gap_runs_around_the_circle():
    features = np.eye(4)[[0, 0, 1, 1]]
    instances, angles = np.array(list("aabb")), np.array([350.0, 10.0, 0.0, 180.0])
    result = cross_view_retrieval(features, instances, angles, 45.0, bootstrap=0)
    assert result["n"] == 2 and result["recall@1"] == 1


def test_backends_agree_on_ranks_with_duplicates_and_near_duplicates():
    faiss = pytest.importorskip("faiss")
    assert faiss.IndexFlatIP
    generator = np.random.default_rng(0)
    base = generator.standard_normal((40, 64)) * 0.01 + 1  # cosines all near one
    features = np.concatenate([base, base, base + 1e-7]).astype(np.float32)
    queries = np.arange(0, 120, 3)
    none = lambda rows: [np.array([row]) for row in rows]  # noqa: E731
    from_faiss = nearest(features, queries, 7, none, backend="faiss")
    from_torch = nearest(features, queries, 7, none, backend="torch")
    assert np.array_equal(from_faiss[0], from_torch[0])
    assert np.array_equal(from_faiss[1], from_torch[1])
    scores = np.array(slow_scores(features))
    for query, found in zip(queries, from_faiss[0], strict=True):
        ranked = sorted(set(range(120)) - {query}, key=lambda g, q=query: (-scores[q][g], g))
        assert found.tolist() == ranked[:7]


def test_search_fills_up_where_the_gallery_is_short():
    features = np.eye(3)
    found, scores = nearest(features, np.array([0]), 5, lambda rows: [np.array([0])])
    assert found.tolist() == [[1, 2, -1, -1, -1]]
    assert np.isneginf(scores[0, 2:]).all()


def test_without_faiss_auto_uses_torch_and_faiss_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    features, instances, angles = problem(2)
    result = cross_view_retrieval(features, instances, angles, bootstrap=0)
    assert result["n"] > 0
    with pytest.raises(VidclError, match="pip install"):
        cross_view_retrieval(features, instances, angles, backend="faiss")


def test_no_right_answer_anywhere_is_an_error():
    with pytest.raises(VidclError, match="lower the minimum gap"):
        cross_view_retrieval(np.eye(3), np.arange(3))
    with pytest.raises(VidclError, match="2 angles for 3 images"):
        cross_view_retrieval(np.eye(3), np.zeros(3), np.zeros(2))


def test_intervals_hold_the_mean_and_are_seeded():
    features, instances, angles = problem(4)
    first = cross_view_retrieval(features, instances, angles, seed=1, bootstrap=200)
    again = cross_view_retrieval(features, instances, angles, seed=1, bootstrap=200)
    assert first == again
    low, high = first["recall@1_interval"]
    assert low <= first["recall@1"] <= high


def test_bootstrap_resamples_whole_objects():
    """With all values equal inside an object, views add no certainty."""
    values = np.array([0.0, 1.0, 0.0, 1.0])
    few = bootstrap_interval(values, np.arange(4), samples=400)
    many = bootstrap_interval(values.repeat(50), np.arange(4).repeat(50), samples=400)
    assert few == many


def test_knn_equals_the_slow_loop():
    features, instances, _ = problem(5)
    classes = np.array([f"c{hash_free(name)}" for name in instances])
    fast = knn_accuracy(features, classes, instances, k=4, temperature=0.2, bootstrap=0)
    scores = slow_scores(features)
    correct = 0
    for q in range(len(features)):
        allowed = [g for g in range(len(features)) if instances[g] != instances[q]]
        allowed.sort(key=lambda g, q=q: (-scores[q][g], g))
        votes = {}
        for g in allowed[:4]:
            votes[classes[g]] = votes.get(classes[g], 0) + math.exp(scores[q][g] / 2**30 / 0.2)
        correct += max(sorted(votes), key=votes.get) == classes[q]
    assert fast["knn"] == pytest.approx(correct / len(features), abs=1e-12)


def test_knn_never_asks_a_view_of_the_same_instance():
    """Each instance is its own cluster, nearest to an instance of the other class."""
    features = np.array([[1, 0], [1, 0.01], [0.9, 0.1], [0.9, 0.11]])
    found = knn_accuracy(features, np.array(list("xxyy")), np.array([0, 0, 1, 1]), k=1)
    assert found["knn"] == 0
