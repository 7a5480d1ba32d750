"""Few-shot episodes: who is in them, and both classifiers against loops and scikit-learn."""

import math

import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.evaluation.probes.episodes import prepare_episodes
from vidcl.evaluation.probes.few_shot import few_shot_probe, logistic, nearest_mean


def data(classes=4, instances=5, views=4, dim=8, apart=1.0, seed=0):
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(classes), instances * views)
    instance = np.repeat(np.arange(classes * instances), views)
    x = apart * rng.normal(size=(classes, dim))[label] + rng.normal(size=(len(label), dim))
    return x, label, instance


@pytest.mark.parametrize("shots", [1, 3])
def test_an_episode_shows_no_instance_on_both_sides(shots):
    rng = np.random.default_rng(1)
    _, label, instance = data()
    order = rng.permutation(len(label))
    label, instance = label[order], instance[order]
    source = prepare_episodes(label, instance, 3, shots, 5)
    seen = set()
    for _ in range(60):
        support, query = source.draw(3, shots, 5, rng)
        classes = label[support[:, 0]]
        assert len(set(classes)) == 3
        seen.add(tuple(sorted(classes)))
        assert (label[support] == classes[:, None]).all()
        assert (label[query] == classes[:, None]).all()
        for way in range(3):
            shown = instance[support[way]]
            assert len(set(shown)) == shots
            assert not set(shown) & set(instance[query[way]])
            assert len(set(query[way])) == 5
    assert len(seen) == 4  # all threes of four classes


def test_classes_that_do_not_suffice_are_left_out_and_named():
    label = np.array([0] * 6 + [1] * 6 + [2] * 6 + [3] * 2)
    instance = np.array([0, 0, 1, 1, 2, 2] + [3] * 6 + [4, 4, 4, 4, 5, 6] + [7, 8])
    source = prepare_episodes(label, instance, 2, 1, 2)
    assert source.names.tolist() == [0, 2]
    assert source.left_out == ["1", "3"]
    with pytest.raises(VidclError, match="Only 2 of 4 classes"):
        prepare_episodes(label, instance, 3, 1, 2)
    # three queries: taking the instance of four views for the support leaves two
    with pytest.raises(VidclError, match="Only 1 of 4"):
        prepare_episodes(label, instance, 2, 1, 3)


def episode(seed=0, episodes=6, ways=3, shots=4, queries=5, dim=7):
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=(episodes, ways, 1, dim))
    support = centre + rng.normal(size=(episodes, ways, shots, dim))
    query = centre + rng.normal(size=(episodes, ways, queries, dim))
    return [x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (support, query)]


def test_the_nearest_mean_is_that_of_a_loop():
    support, query = episode()
    told = nearest_mean(support, query)
    for place in np.ndindex(*query.shape[:3]):
        far = [math.dist(query[place], one.mean(0)) for one in support[place[0]]]
        assert told[place] == far.index(min(far))


@pytest.mark.parametrize("cost", [0.1, 1.0, 30.0])
def test_the_logistic_classifier_is_scikit_learns(cost):
    linear = pytest.importorskip("sklearn.linear_model")
    support, query = episode()
    told = logistic(support, query, cost)
    for number in range(len(support)):
        fit = linear.LogisticRegression(C=cost, fit_intercept=False, tol=1e-10, max_iter=5000)
        fit.fit(support[number].reshape(12, -1), np.repeat(np.arange(3), 4))
        assert np.array_equal(told[number].ravel(), fit.predict(query[number].reshape(15, -1)))


def test_the_probe_averages_episodes_and_tells_its_interval():
    x, label, instance = data()
    common = {"groups": instance, "ways": 3, "shots": 2, "queries": 4, "episodes": 50}
    mean, regression = few_shot_probe(x, label, **common, seed=3)
    rng = np.random.default_rng(3)
    source = prepare_episodes(label, instance, 3, 2, 4)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    accuracy = []
    for _ in range(50):
        support, query = source.draw(3, 2, 4, rng)
        told = nearest_mean(unit[support][None], unit[query][None])[0]
        accuracy.append((told == np.arange(3)[:, None]).mean())
    half = 1.96 * np.std(accuracy, ddof=1) / math.sqrt(50)
    assert mean["value"] == pytest.approx(np.mean(accuracy))
    assert mean["interval"] == pytest.approx([np.mean(accuracy) - half, np.mean(accuracy) + half])
    assert mean["chance"] == pytest.approx(1 / 3)
    assert [mean["probe"], regression["probe"]] == ["few-shot mean", "few-shot logistic"]
    assert regression["settings"]["cost"] == 1.0
    assert few_shot_probe(x, label, **common, seed=3)[0] == mean
    assert few_shot_probe(x, label, **common, seed=4)[0]["value"] != mean["value"]


def test_features_that_know_the_instance_alone_are_at_chance():
    rng = np.random.default_rng(0)
    _, label, instance = data(instances=8)
    x = rng.normal(size=(instance.max() + 1, 64))[instance]
    apart = few_shot_probe(x, label, groups=instance, ways=4, episodes=200, queries=4)
    assert apart[0]["value"] == pytest.approx(0.25, abs=0.05)
    rows = few_shot_probe(x, label, ways=4, shots=5, episodes=200, queries=4)
    assert rows[0]["value"] > 0.4


def test_blocks_of_episodes_change_nothing(monkeypatch):
    x, label, instance = data()
    whole = few_shot_probe(x, label, groups=instance, ways=3, episodes=20, queries=4)
    monkeypatch.setattr("vidcl.evaluation.probes.few_shot.BLOCK_VALUES", 3 * 5 * 8 * 7)
    assert few_shot_probe(x, label, groups=instance, ways=3, episodes=20, queries=4) == whole


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shots": 5}, "lower the shots"),
        ({"ways": 5}, "5 ways need 5"),
        ({"ways": 1}, "two ways"),
        ({"episodes": 1}, "two episodes"),
        ({"cost": 0.0}, "cost above 0"),
        ({"labels": np.zeros(3)}, "match"),
        ({"features": np.full((80, 8), np.nan)}, "not finite"),
    ],
)
def test_what_cannot_be_drawn_is_refused(change, words):
    x, label, instance = data()
    given = {"features": x, "labels": label, "groups": instance, "ways": 3, "queries": 2}
    with pytest.raises(VidclError, match=words):
        few_shot_probe(**(given | change))
