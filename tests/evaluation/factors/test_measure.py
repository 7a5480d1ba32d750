"""The measures against slow, obvious ones, and the curves made of them."""

import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.evaluation.factors.curves import MEASURES, factor_curves, subjects_of
from vidcl.evaluation.factors.measure import class_found, found_itself, kept, whitener
from vidcl.evaluation.probes.knn import knn_accuracy

COUNT, WIDTH = 40, 12
INSTANCES = np.repeat([f"thing{k}" for k in range(10)], 4)
CLASSES = np.repeat(["b", "a", "c", "a", "b"], 8)


def features(noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    of_class = generator.normal(size=(3, WIDTH))[np.unique(CLASSES, return_inverse=True)[1]]
    clean = 5 + of_class + generator.normal(size=(COUNT, WIDTH))
    changed = clean + noise * generator.normal(size=clean.shape)
    return clean.astype(np.float32), changed.astype(np.float32)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.sqrt(one @ one) / np.sqrt(other @ other))


@pytest.mark.parametrize("noise", [0.0, 0.5, 3.0])
def test_kept_is_the_definition(noise):
    clean, changed = (part.astype(np.float64) for part in features(noise))
    mean = sum(clean) / COUNT
    others = [
        cosine(clean[i] - mean, clean[j] - mean)
        for i in range(COUNT)
        for j in range(COUNT)
        if i != j
    ]
    b = sum(others) / len(others)
    own = [cosine(c - mean, t - mean) for c, t in zip(clean, changed, strict=True)]
    expected = [(s - b) / (1 - b) for s in own]
    assert np.allclose(kept(clean, changed), expected, rtol=0, atol=1e-12)


def test_kept_at_its_ends():
    clean, _ = features(0.0)
    assert np.allclose(kept(clean, clean), 1)
    # every image made into another one, all of them in turn: as far as another image, on average
    shifts = [kept(clean, np.roll(clean, by, axis=0)).mean() for by in range(1, COUNT)]
    assert np.mean(shifts) == pytest.approx(0, abs=1e-6)
    assert kept(clean, 2 * clean.mean(0) - clean).mean() < -0.9  # beyond any other image
    # features that are large and alike: only what differs counts
    assert np.allclose(kept(clean, clean + 0.0), kept(clean - 5, clean - 5))


def test_whitened_all_directions_count_alike():
    generator = np.random.default_rng(0)
    clean = generator.normal(size=(4000, 4)) * [10, 1, 1, 1]
    changed = clean * [1, -1, -1, -1]  # three of four directions turned round
    assert kept(clean, changed).mean() > 0.6
    whiten = whitener(clean)
    assert kept(whiten(clean), whiten(changed)).mean() == pytest.approx(-0.5, abs=0.1)


def test_features_that_tell_nothing_keep_nothing():
    same = np.full((COUNT, WIDTH), 0.3, np.float32)
    assert (kept(same, same) == 0).all()
    assert (kept(whitener(same)(same), whitener(same)(same)) == 0).all()
    assert found_itself(same, same).tolist() == [1.0] + [0.0] * (COUNT - 1)  # chance, 1 / N


@pytest.mark.parametrize("noise", [0.0, 1.0, 3.0])
def test_found_itself_is_an_argmax(noise):
    clean, changed = features(noise)
    expected = []
    for i, query in enumerate(changed.astype(np.float64)):
        scores = [cosine(query, row) for row in clean.astype(np.float64)]
        expected.append(float(max(range(COUNT), key=scores.__getitem__) == i))
    assert found_itself(clean, changed).tolist() == expected
    assert noise > 0 or sum(expected) == COUNT


@pytest.mark.parametrize("noise", [0.0, 2.0])
def test_class_found_is_a_vote(noise):
    clean, changed = features(noise)
    expected = []
    for i, query in enumerate(changed.astype(np.float64)):
        scores = sorted(
            (-cosine(query, clean[j].astype(np.float64)), j)
            for j in range(COUNT)
            if INSTANCES[j] != INSTANCES[i]
        )
        votes = dict.fromkeys(sorted(set(CLASSES)), 0.0)
        for score, j in scores[:7]:
            votes[CLASSES[j]] += np.exp((-score - 1) / 0.1)
        expected.append(float(max(votes, key=votes.__getitem__) == CLASSES[i]))
    found = class_found(clean, changed, CLASSES, INSTANCES, k=7, temperature=0.1)
    assert found.tolist() == expected
    assert 0.1 < found.mean() < 1


def test_untouched_images_give_the_probes_accuracy():
    clean, _ = features(0.0)
    probe = knn_accuracy(clean, CLASSES, INSTANCES, bootstrap=0)
    assert class_found(clean, clean, CLASSES, INSTANCES).mean() == probe["knn"]


def test_curves_hold_points_areas_and_chance():
    clean, _ = features(0.0)
    at = {1: features(0.3)[1], 4: features(2.0)[1]}
    labels = {"instance": INSTANCES, "class": CLASSES}
    subjects = subjects_of(labels, COUNT)
    curves = factor_curves(clean, lambda f, s: at[s], ["blur"], [1, 4], subjects, bootstrap=200)
    assert list(curves) == list(MEASURES)
    for key, by_hand in {
        "factor_curves": [kept(clean, values) for values in at.values()],
        "factor_curves_whitened": [
            kept(whitener(clean)(clean), whitener(clean)(values)) for values in at.values()
        ],
        "factor_curves_recall": [found_itself(clean, values) for values in at.values()],
        "factor_curves_knn": [
            class_found(clean, values, CLASSES, INSTANCES) for values in at.values()
        ],
    }.items():
        curve = curves[key]["blur"]
        assert [point[0] for point in curve["points"]] == [0, 1, 4]
        assert [point[1] for point in curve["points"][1:]] == [v.mean() for v in by_hand]
        assert all(low <= value <= high for _, value, low, high in curve["points"])
        assert curve["auc"] == pytest.approx(np.mean(by_hand))
        assert curve["auc_interval"][0] <= curve["auc"] <= curve["auc_interval"][1]
    assert curves["factor_curves"]["blur"]["points"][0] == pytest.approx([0, 1, 1, 1])
    chances = [curves[key]["blur"]["chance"] for key in MEASURES]
    assert chances == [0, 0, 1 / 40, 16 / 40]


def test_independent_features_score_chance():
    generator = np.random.default_rng(0)
    clean, changed = generator.normal(size=(2, 400, 64))
    classes = np.repeat(np.arange(4), 100)
    curves = factor_curves(
        clean,
        lambda f, s: changed,
        ["crop"],
        [1],
        subjects_of({"class": classes}, 400),
        bootstrap=0,
    )
    for key in MEASURES:
        _, value, low, high = curves[key]["crop"]["points"][1]
        assert value == pytest.approx(curves[key]["crop"]["chance"], abs=0.06)
        assert low is None and high is None and curves[key]["crop"]["auc_interval"] is None


@pytest.mark.parametrize("labels", [{}, {"class": np.full(COUNT, "")}])
def test_no_classes_no_class_accuracy(labels):
    clean, changed = features(1.0)
    subjects = subjects_of(labels, COUNT)
    assert np.array_equal(subjects.instances, np.arange(COUNT))
    curves = factor_curves(clean, lambda f, s: changed, ["crop"], [2], subjects, bootstrap=0)
    assert list(curves) == ["factor_curves", "factor_curves_whitened", "factor_curves_recall"]


def test_wrong_shapes_are_told():
    clean, changed = features(1.0)
    for measure in (kept, found_itself):
        with pytest.raises(VidclError, match="same two or more images"):
            measure(clean, changed[:-1])
        with pytest.raises(VidclError, match="same two or more images"):
            measure(clean[:1], changed[:1])
    with pytest.raises(VidclError, match="at least two images"):
        subjects_of({}, 1)
    with pytest.raises(VidclError, match="at least one factor"):
        factor_curves(clean, lambda f, s: changed, [], [1], subjects_of({}, COUNT))
