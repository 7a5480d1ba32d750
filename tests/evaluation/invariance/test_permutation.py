"""The paired tests: exact against enumeration, uniform under the null, small where A is better."""

from itertools import product

import numpy as np
import pytest

from tests.evaluation.invariance.problems import object_features
from vidcl.errors import VidclError
from vidcl.evaluation.invariance.compare import compare_all, compare_pair, ris_pairs
from vidcl.evaluation.invariance.measure import measure_invariance
from vidcl.evaluation.invariance.permutation import holm, sign_flip_test
from vidcl.evaluation.invariance.ris import ris


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_tries_every_sign_where_units_are_few(count):
    values = np.random.default_rng(count).standard_normal(count)
    signs = [abs(np.dot(signs, values)) for signs in product((-1, 1), repeat=count)]
    expected = np.mean([value >= abs(values.sum()) - 1e-12 for value in signs])
    found = sign_flip_test(values, permutations=2**count)
    assert found.exact and found.permutations == 2**count
    assert found.p == pytest.approx(expected)
    assert found.difference == pytest.approx(values.mean())


def test_drawn_signs_agree_with_all_signs():
    values = np.random.default_rng(1).standard_normal(12) + 0.4
    exact = sign_flip_test(values, permutations=2**12)
    drawn = sign_flip_test(values, permutations=2**12 - 1, seed=3)
    assert exact.exact and not drawn.exact
    assert drawn.p == pytest.approx(exact.p, abs=0.03)
    assert drawn == sign_flip_test(values, permutations=2**12 - 1, seed=3)


def test_equal_sums_count_as_equal_and_no_difference_gives_1():
    assert sign_flip_test(np.full(10, 0.1), permutations=1024).p == pytest.approx(2 / 1024)
    assert sign_flip_test(np.zeros(40)).p == 1
    assert sign_flip_test(np.full(200, 0.1), permutations=99).p == pytest.approx(1 / 100)


def test_many_units_go_through_in_parts(monkeypatch):
    values = np.random.default_rng(0).standard_normal(50)
    monkeypatch.setattr("vidcl.evaluation.invariance.permutation.BITS", 50 * 7)
    found = sign_flip_test(values, permutations=1000)
    normal = abs(values.sum()) / np.sqrt((values**2).sum())
    # the normal approximation of the sum of signs
    assert found.p == pytest.approx(2 * (1 - _normal_below(normal)), abs=0.05)


def _normal_below(value):
    draws = np.random.default_rng(0).standard_normal(200_000)
    return (draws < value).mean()


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_refuses_nothing():
    with pytest.raises(VidclError, match="paired differences"):
        sign_flip_test(np.zeros(0))
    with pytest.raises(VidclError, match="1 permutation or more"):
        sign_flip_test(np.zeros(3), permutations=0)


def two_networks(generator, noises, classes):
    """Two networks see the same objects: B's space is A's, turned, and views are noise of their
    own. With equal noise neither is more invariant."""
    sets, views, units = 24, 8, 48
    owner = np.repeat(np.arange(sets), views)
    centres = generator.standard_normal((sets, units))
    if classes:
        centres += generator.standard_normal((classes, units))[np.arange(sets) % classes]
    turn = np.linalg.qr(generator.standard_normal((units, units)))[0]
    both = []
    for noise, points in zip(noises, (centres, centres @ turn), strict=True):
        features = points[owner] + noise * generator.standard_normal((len(owner), units))
        labels = owner % classes if classes else owner
        both.append(measure_invariance(features, owner, labels, (10,), bootstrap=0).pairs)
    return both


def p_values(repetitions, noise_b, *, classes, first=0):
    """p of RIS@10 and of the whitened cosine, A with noise 1, over collections of new objects."""
    found = []
    for seed in range(first, first + repetitions):
        a, b = two_networks(np.random.default_rng(seed), (1.0, noise_b), classes)
        names = ("ris@10", "whitened_cosine")
        found.append([compare_pair(a[n], b[n], permutations=499, seed=seed)["p"] for n in names])
    return np.array(found)


def distance_to_uniform(p):
    """Kolmogorov-Smirnov, above and below the diagonal."""
    ordered, steps = np.sort(p), np.arange(1, len(p) + 1) / len(p)
    return (steps - ordered).max(), (ordered - steps + 1 / len(p)).max()


#: 1 % level of the distance for 150 values.
FAR = 1.63 / np.sqrt(150)


@pytest.mark.parametrize("classes", [None, 8], ids=["object is class", "eight classes"])
def test_p_is_uniform_where_neither_is_better(classes):
    p = p_values(150, 1.0, classes=classes)
    assert max(distance_to_uniform(p[:, 1])) < FAR
    above, below = distance_to_uniform(p[:, 0])
    # never too small; where the object is the class, objects share a fixed amount of firing, so
    # that their mean moves less than the test allows for, and p is too large
    assert above < FAR
    assert below < (FAR if classes else 2.5 * FAR)


@pytest.mark.parametrize("classes", [None, 8], ids=["object is class", "eight classes"])
def test_p_is_small_where_a_is_more_invariant(classes):
    p = p_values(10, 1.6, classes=classes)
    assert (np.median(p, axis=0) <= 0.01).all()


def test_what_is_exchanged_is_the_class_where_it_has_several_sets():
    features, sets, classes = object_features(
        np.random.default_rng(0), sets=12, views=4, units=30, noise=1, classes=4
    )
    result = ris(features, sets, classes, (10,))
    assert ris_pairs(result, 10).unit == "class" and len(ris_pairs(result, 10).names) == 4
    alone = ris(features, sets, sets, (10,))
    assert ris_pairs(alone, 10).unit == "object" and len(ris_pairs(alone, 10).names) == 12
    with pytest.raises(VidclError, match="same objects"):
        compare_pair(ris_pairs(result, 10), ris_pairs(alone, 10))


def test_all_pairs_with_holm_and_only_on_the_same_objects():
    systems = {}
    for name, noise, seed in (("a", 0.5, 0), ("b", 2.0, 1), ("c", 2.0, 2)):
        features, sets, _ = object_features(
            np.random.default_rng(seed), sets=30, views=10, units=64, noise=noise
        )
        systems[name] = ris_pairs(ris(features, sets, sets, (5,)), 5)
    features, sets, _ = object_features(
        np.random.default_rng(9), sets=20, views=10, units=64, noise=1
    )
    systems["other"] = ris_pairs(ris(features, sets, sets, (5,)), 5)
    rows = compare_all("wild", "ris@5", systems, permutations=500)
    assert [(row["a"], row["b"]) for row in rows] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [row["p_holm"] for row in rows] == holm([row["p"] for row in rows])
    assert rows[0]["difference"] > 0 and rows[0]["p_holm"] < 0.01 < rows[2]["p_holm"]
    assert rows[0]["unit"] == "object" and rows[0]["n"] == 30 and rows[0]["set"] == "wild"
    assert rows[0]["metric"] == "ris@5" and rows[0]["permutations"] == 500
