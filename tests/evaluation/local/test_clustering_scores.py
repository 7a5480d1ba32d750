"""Agreement of partitions, against pairs counted one by one and entropies summed by hand."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.evaluation.local.clustering_scores import (
    adjusted_rand_index,
    contingency,
    normalised_mutual_information,
)


def slow_ari(truth, found):
    """Over all pairs of items: together in both, less what is expected of random ones."""
    together = in_truth = in_found = pairs = 0
    for i, j in itertools.combinations(range(len(truth)), 2):
        same_truth, same_found = truth[i] == truth[j], found[i] == found[j]
        pairs += 1
        in_truth += same_truth
        in_found += same_found
        together += same_truth and same_found
    expected = in_truth * in_found / pairs
    return (together - expected) / ((in_truth + in_found) / 2 - expected)


def slow_nmi(truth, found):
    n = len(truth)
    classes, clusters = Counter(truth), Counter(found)
    shared = sum(
        count / n * math.log(n * count / (classes[a] * clusters[b]))
        for (a, b), count in Counter(zip(truth, found, strict=True)).items()
    )
    entropies = [
        -sum(c / n * math.log(c / n) for c in counts.values()) for counts in (classes, clusters)
    ]
    return 2 * shared / sum(entropies)


@pytest.mark.parametrize("seed", range(6))
def test_equals_the_slow_way(seed):
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 4, 60)
    found = np.where(generator.random(60) < 0.5, truth, generator.integers(0, 3 + seed, 60))
    listed = truth.tolist(), found.tolist()
    assert adjusted_rand_index(truth, found) == pytest.approx(slow_ari(*listed), abs=1e-12)
    nmi = normalised_mutual_information(truth, found)
    assert nmi == pytest.approx(slow_nmi(*listed), abs=1e-12)


def test_names_play_no_part_and_one_is_the_same_partition():
    truth = np.array([0, 0, 1, 2, 2, 2])
    renamed = np.array(["c", "c", "a", "b", "b", "b"])
    assert adjusted_rand_index(truth, renamed) == pytest.approx(1.0)
    assert normalised_mutual_information(truth, renamed) == pytest.approx(1.0)
    assert contingency(truth, renamed).tolist() == [[0, 0, 2], [1, 0, 0], [0, 3, 0]]


def test_published_values():
    # The example of scikit-learn's documentation of both scores.
    truth, found = [0, 0, 1, 1], [0, 0, 1, 2]
    assert adjusted_rand_index(truth, found) == pytest.approx(0.5714, abs=1e-4)
    assert normalised_mutual_information(truth, found) == pytest.approx(0.8)
    assert adjusted_rand_index([0, 0, 1, 1], [0, 1, 0, 1]) == pytest.approx(-0.5)


def test_independent_partitions_give_nothing():
    generator = np.random.default_rng(0)
    truth, found = generator.integers(0, 5, (2, 20_000))
    assert abs(adjusted_rand_index(truth, found)) < 2e-3
    assert normalised_mutual_information(truth, found) < 2e-3


def test_one_part():
    one, two = np.zeros(6), np.arange(6) % 2
    assert adjusted_rand_index(one, one) == normalised_mutual_information(one, one) == 1.0
    assert adjusted_rand_index(one, two) == normalised_mutual_information(one, two) == 0.0
    assert adjusted_rand_index([0], [3]) == normalised_mutual_information([0], [3]) == 1.0


@pytest.mark.parametrize("found", [[0, 1], []])
def test_other_lengths_are_refused(found):
    with pytest.raises(VidclError, match="as many classes as clusters"):
        adjusted_rand_index([0] * (3 if found else 0), found)
