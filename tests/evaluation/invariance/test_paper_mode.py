"""Paper mode against its formulas, one number at a time."""

import numpy as np
import pytest

from tests.evaluation.invariance.problems import object_features
from vidcl.errors import VidclError
from vidcl.evaluation.invariance.ris import ris


def formulas(features, sets, classes, top):
    count = len(features)
    labels = sorted(set(classes))
    firing = count // len(labels)
    names = sorted(set(sets))
    rows_of = {name: [i for i in range(count) if sets[i] == name] for name in names}
    local = {label: [] for label in labels}
    for unit in range(len(features[0])):
        best = None
        for sign in (1, -1):
            values = [sign * float(row[unit]) for row in features]
            descending = sorted(values, reverse=True)
            threshold = descending[firing] if firing < count else -np.inf
            rates = {
                name: sum(values[i] > threshold for i in rows) / len(rows)
                for name, rows in rows_of.items()
            }
            per_label = []
            for label in labels:
                own = [rates[name] for name in names if classes[rows_of[name][0]] == label]
                per_label.append(sum(own) / len(own))
            if best is None or max(per_label) > max(best):
                best = per_label
        for label, rate in zip(labels, best, strict=True):
            local[label].append(rate * len(labels))
    return [float(np.mean([sum(sorted(local[label])[-k:]) / k for label in labels])) for k in top]


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_formulas(seed):
    generator = np.random.default_rng(seed)
    classes = int(generator.integers(1, 8))
    rows = []
    for k in range(classes * 3):
        rows += [(f"s{k:02d}", f"c{k % classes}")] * int(generator.integers(1, 6))
    generator.shuffle(rows)
    sets, labels = (np.array(column) for column in zip(*rows, strict=True))
    features = generator.standard_normal((len(rows), 26))
    features[:, 0] = 3
    features[:, 1] = np.round(features[:, 1])
    found = ris(features, sets, labels, (1, 10, 26), mode="paper")
    expected = formulas(features, sets.tolist(), labels.tolist(), (1, 10, 26))
    assert [found[f"ris_paper@{k}"] for k in (1, 10, 26)] == pytest.approx(expected, abs=1e-9)
    per_cent = [100 * value / classes for value in expected]
    assert [found[f"ris@{k}"] for k in (1, 10, 26)] == pytest.approx(per_cent, abs=1e-9)
    assert found["sets_skipped"] == 0 and found["ris_mode"] == "paper"


def test_reaches_its_maximum_and_no_more():
    classes = np.repeat(np.arange(5), 12)
    sets = np.repeat(np.arange(20), 3)
    features = np.eye(5)[classes].repeat(4, axis=1) + 1e-6 * np.arange(60)[:, None]
    found = ris(features, sets, classes, (4,), mode="paper")
    assert found["ris_paper@4"] == pytest.approx(5)
    assert found["ris@4"] == pytest.approx(100)
    assert found["target_rate"] == pytest.approx(20)


def test_the_sign_is_one_for_all_images():
    """A unit that is high on one class and low on another serves one of them only; by the authors'
    rules it serves both."""
    classes = np.repeat(np.arange(4), 10)
    sets = np.repeat(np.arange(8), 5)
    unit = np.where(classes == 0, 5.0, np.where(classes == 1, -5.0, 0.0)) + 1e-3 * np.arange(40)
    features = unit[:, None]
    paper = ris(features, sets, classes, (1,), mode="paper")["ris_per_class@1"]
    authors = ris(features, sets, classes, (1,), mode="authors")["ris_per_class@1"]
    assert sorted(value > 50 for value in paper) == [False, False, False, True]
    assert sum(value > 20 for value in authors) == 2


def test_one_class_is_the_maximum():
    features = np.random.default_rng(0).standard_normal((12, 5))
    found = ris(features, np.repeat(np.arange(4), 3), np.zeros(12), (3,), mode="paper")
    assert found["ris_paper@3"] == 1 and found["ris@3"] == 100


@pytest.mark.parametrize("mode", ["authors", "paper"])
def test_a_factor_is_measured_as_a_collection_of_its_own(mode):
    generator = np.random.default_rng(0)
    features, sets, classes = object_features(
        generator, sets=12, views=10, units=30, noise=1, classes=3
    )
    factors = np.where(np.arange(120) % 10 < 6, "view", "light")
    found = ris(features, sets, classes, (5, 10), mode=mode, factors=factors)
    for name in ("view", "light"):
        rows = factors == name
        alone = ris(features[rows], sets[rows], classes[rows], (5, 10), mode=mode)
        for k in (5, 10):
            assert found[f"ris_per_factor@{k}"][name] == alone[f"ris@{k}"]


def test_a_factor_without_a_large_enough_set_has_no_score():
    generator = np.random.default_rng(0)
    features, sets, classes = object_features(generator, sets=6, views=6, units=12, noise=1)
    factors = np.where(np.arange(36) % 6 < 4, "view", "light")
    found = ris(features, sets, classes, (5,), factors=factors)["ris_per_factor@5"]
    assert found["light"] is None and found["view"] > 0
    with pytest.raises(VidclError, match="35 factors for 36 images"):
        ris(features, sets, classes, (5,), factors=factors[1:])
