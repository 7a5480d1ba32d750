"""Intervals of RIS: against explicit resamples, and whether they cover."""

import numpy as np
import pytest

from tests.evaluation.invariance.problems import object_features
from vidcl.evaluation.feature_file import ArrayFeatures
from vidcl.evaluation.invariance.firing import MINIMUM_SET, count_firing
from vidcl.evaluation.invariance.intervals import resampled_scores
from vidcl.evaluation.invariance.ris import ris
from vidcl.evaluation.invariance.sets import group_sets
from vidcl.evaluation.invariance.top_units import top_units


def slow_resample(firing, best, top, drawn):
    """One resample: a list of drawn sets; loops over classes and units."""
    sets = firing.sets
    answers = []
    for k in top:
        total = weights = 0.0
        for place, label in enumerate(sets.present):
            own = [s for s in drawn if sets.class_of_set[s] == label]
            if not own:
                continue
            ratios = []
            for unit in best.units[place][:k]:
                rates = [firing.counts[unit, s] / sets.sizes[s] for s in own]
                if firing.rule.mode == "authors":
                    rates = [rate for rate in rates if rate > 0]
                if not rates and firing.counts[unit, sets.class_of_set == label].any():
                    continue
                local = sum(rates) / len(rates) if rates else 0.0
                ratios.append(local / firing.global_rate[unit])
            weight = len(own) / sum(sets.class_of_set == label)
            if ratios:
                count = sum(sets.class_of_set == label)
                stretch = (count / (count - 1)) ** 0.5 if count > 1 else 1.0
                score = best.scores[place][:k].mean()
                total += weight * (score + stretch * (sum(ratios) / len(ratios) - score))
                weights += weight
        absent = len(sets.class_names) - len(sets.present)
        answers.append(total / (weights + absent) * firing.rule.target_rate)
    return answers


@pytest.mark.parametrize("mode", ["authors", "paper"])
@pytest.mark.parametrize("layout", ["one set per class", "some", "mixed", "a class is skipped"])
def test_equals_explicit_resamples(mode, layout, monkeypatch):
    generator = np.random.default_rng(0)
    classes = {"one set per class": 8, "some": 3, "mixed": 6, "a class is skipped": 4}[layout]
    sizes = generator.integers(3, 7, 8)
    if layout == "a class is skipped":
        sizes[3] = sizes[7] = 2
    sets = np.repeat(np.arange(8), sizes)
    labels = np.minimum(sets, classes - 1) if layout == "mixed" else sets % classes
    features = generator.standard_normal((len(sets), 20))
    grouped = group_sets(sets, labels, MINIMUM_SET[mode])
    firing = count_firing(ArrayFeatures(features), grouped, mode)
    best = top_units(firing, 10)
    # small chunks, so that several are put together
    monkeypatch.setattr("vidcl.evaluation.invariance.intervals.DRAWS", 5 * len(grouped.names))
    found = resampled_scores(firing, best, (3, 10), samples=12, seed=4)
    draws = np.random.default_rng(4)
    count = len(grouped.names)
    for row in found:
        drawn = draws.integers(count, size=count)
        assert row == pytest.approx(slow_resample(firing, best, (3, 10), drawn), abs=1e-9)


def test_with_one_set_per_class_it_is_the_bootstrap_of_the_objects_scores():
    generator = np.random.default_rng(0)
    features, sets, classes = object_features(generator, sets=30, views=6, units=40, noise=1)
    found = ris(features, sets, classes, (5,), bootstrap=2000, seed=1)
    per_object = np.array(found["ris_per_class@5"])
    error = per_object.std() / np.sqrt(30)
    low, high = found["ris@5_interval"]
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.1)
    assert low < found["ris@5"] < high


def test_the_score_lies_within_where_many_small_classes_make_the_interval_narrow():
    generator = np.random.default_rng(0)
    features, sets, classes = object_features(
        generator, sets=1200, views=6, units=40, noise=1, classes=600
    )
    found = ris(features, sets, classes, bootstrap=200)
    for k in (10, 25):
        low, high = found[f"ris@{k}_interval"]
        assert low < found[f"ris@{k}"] < high and high - low < 2
        assert (low + high) / 2 == pytest.approx(found[f"ris@{k}"], abs=0.1)


def test_an_interval_ends_at_0_and_100():
    owner = np.repeat(np.arange(20), 5)
    features = np.where(owner % 10 == 0, 1.0, 0.0)[:, None] + 1e-6 * np.arange(100)[:, None]
    found = ris(features, owner, owner % 2, (1,), bootstrap=100)
    low, high = found["ris@1_interval"]
    assert 0 <= low <= found["ris@1"] <= high <= 100


def test_the_score_lies_within_and_seeds_agree():
    generator = np.random.default_rng(3)
    features, sets, classes = object_features(
        generator, sets=40, views=5, units=30, noise=1, classes=8
    )
    first = ris(features, sets, classes, bootstrap=300, seed=5)
    assert first == ris(features, sets, classes, bootstrap=300, seed=5)
    assert first != ris(features, sets, classes, bootstrap=300, seed=6)
    for k in (10, 25):
        low, high = first[f"ris@{k}_interval"]
        assert low <= first[f"ris@{k}"] <= high
    plain = ris(features, sets, classes)
    assert {name: first[name] for name in plain} == plain


@pytest.mark.parametrize(
    ("sets", "classes", "least", "widths"),
    [(40, None, 0.97, (2.0, 4.5)), (60, 6, 0.84, (0.75, 1.05))],
    ids=["object is class", "six classes"],
)
def test_covers_the_score_to_be_expected_of_other_objects(sets, classes, least, widths):
    """120 collections of new objects seen by one network: how often the interval of one holds the
    mean score of all, and how wide it is against the spread of the scores. Classes, where there
    are some, are the same ones every time. The figures are those of the module's docstring."""
    generator = np.random.default_rng(0)
    centres = generator.standard_normal((classes or 1, 32))
    found = []
    for _ in range(120):
        own = np.repeat(np.arange(sets), 6)
        objects = generator.standard_normal((sets, 32))
        # objects differ in how much their views vary
        noise = generator.uniform(0.3, 2.0, sets)[own, None]
        features = objects[own] + noise * generator.standard_normal((len(own), 32))
        labels = own
        if classes:
            labels = own % classes
            features += centres[labels]
        score = ris(features, own, labels, (10,), bootstrap=200)
        found.append([score["ris@10"], *score["ris@10_interval"]])
    scores, low, high = np.array(found).T
    covered = np.mean((low <= scores.mean()) & (scores.mean() <= high))
    assert covered >= least
    assert widths[0] < ((high - low) / 3.92).mean() / scores.std() < widths[1]
    # the score is where it is and not half an interval beside the resamples' middle
    assert abs(((low + high) / 2 - scores).mean()) < 0.25 * ((high - low) / 2).mean()
