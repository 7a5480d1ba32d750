"""Whitened cosine and distance against loops over pairs."""

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from tests.evaluation.invariance.problems import object_features
from vidcl.errors import VidclError
from vidcl.evaluation.feature_file import ArrayFeatures, ParquetFeatures
from vidcl.evaluation.invariance import set_rows, whitened
from vidcl.evaluation.invariance.whitened import whitened_invariance, whitened_values
from vidcl.evaluation.invariance.whitening import fit_whitening
from vidcl.evaluation.table import embedding_table, write_embeddings


@pytest.mark.parametrize(("rows", "units"), [(300, 12), (40, 60), (9000, 5)])
def test_shrinks_as_ledoit_and_wolf(rows, units):
    generator = np.random.default_rng(0)
    features = generator.standard_normal((rows, units)) @ generator.standard_normal((units, units))
    found = fit_whitening(ArrayFeatures(features + 3))
    reference = LedoitWolf().fit(features + 3)
    assert found.shrinkage == pytest.approx(reference.shrinkage_, rel=1e-6)
    assert found.mean == pytest.approx(reference.location_)
    assert found.root @ found.root.T == pytest.approx(reference.precision_, rel=1e-6, abs=1e-9)


def test_without_shrinkage_whitened_features_have_unit_covariance():
    features = np.random.default_rng(0).standard_normal((500, 8)) * np.arange(1, 9) + 5
    white = fit_whitening(ArrayFeatures(features), 0.0).apply(features)
    assert np.cov(white.T, bias=True) == pytest.approx(np.eye(8), abs=1e-9)
    with pytest.raises(VidclError, match="whiten with shrinkage"):
        fit_whitening(ArrayFeatures(np.repeat(features[:, :1], 8, axis=1)), 0.0)


def slow(features, sets):
    """Pairs one by one, with scipy-free Mahalanobis and the same shrunk covariance."""
    model = LedoitWolf().fit(features)
    precision, mean = model.precision_, model.location_
    within_cosine, within_distance, other_cosine, other_distance = [], [], [], []
    for name in np.unique(sets):
        own = np.flatnonzero(sets == name)
        rest = np.flatnonzero(sets != name)
        if len(own) < 2:
            continue
        cosines, distances = [], []
        for i in own:
            for j in own:
                if i != j:
                    cosines.append(cosine(features[i] - mean, features[j] - mean, precision))
                    distances.append(length(features[i] - features[j], precision))
        within_cosine.append(np.mean(cosines))
        within_distance.append(np.mean(distances))
        pairs = [(features[i], features[j]) for i in own for j in rest]
        other_cosine.append(np.mean([cosine(a - mean, b - mean, precision) for a, b in pairs]))
        other_distance.append(np.mean([length(a - b, precision) for a, b in pairs]))
    return within_cosine, within_distance, other_cosine, other_distance


def length(vector, precision):
    return np.sqrt(vector @ precision @ vector)


def cosine(a, b, precision):
    return a @ precision @ b / (length(a, precision) * length(b, precision))


def small_problem(seed=0):
    generator = np.random.default_rng(seed)
    sets = np.repeat(np.arange(9), generator.integers(2, 7, 9))
    sets = np.append(sets, 9)  # a single view, which is measured with others only
    generator.shuffle(sets)
    centres = generator.standard_normal((10, 6))
    return centres[sets] + 0.5 * generator.standard_normal((len(sets), 6)), sets


@pytest.mark.parametrize("seed", range(3))
def test_equals_the_slow_loop(seed):
    features, sets = small_problem(seed)
    values = whitened_values(features, sets)
    expected = slow(features, sets)
    assert values.names.tolist() == list(range(9))
    assert values.cosine == pytest.approx(expected[0], abs=1e-6)
    assert values.distance == pytest.approx(expected[1], abs=1e-5)
    assert values.cosine_different == pytest.approx(expected[2], abs=1e-6)
    assert values.distance_different == pytest.approx(expected[3], abs=1e-5)
    scores = whitened_invariance(features, sets, bootstrap=0)
    means = np.mean(expected, axis=1)
    assert scores["whitened_cosine"] == pytest.approx(means[0], abs=1e-6)
    assert scores["whitened_distance"] == pytest.approx(means[1], abs=1e-5)
    normalised = (means[0] - means[2]) / (1 - means[2])
    assert scores["whitened_cosine_normalised"] == pytest.approx(normalised, abs=1e-6)
    assert scores["whitened_distance_normalised"] == pytest.approx(means[1] / means[3], abs=1e-5)
    assert scores["whitened_objects"] == 9


def test_their_average_with_self_pairs_follows():
    """In their code the k x k cosines of an object include each view with itself."""
    generator = np.random.default_rng(0)
    features, sets, _ = object_features(generator, sets=30, views=5, units=4, noise=0.5)
    values = whitened_values(features, sets, shrinkage=0.0)
    white = (features - features.mean(0)) @ np.linalg.cholesky(
        np.linalg.inv(np.cov(features.T, bias=True))
    )
    unit = white / np.linalg.norm(white, axis=1, keepdims=True)
    theirs = np.array([(unit[sets == k] @ unit[sets == k].T).mean() for k in range(30)])
    assert (1 + 4 * values.cosine) / 5 == pytest.approx(theirs, abs=1e-6)


def test_small_gatherings_and_shuffled_rows_give_the_same(monkeypatch, tmp_path):
    generator = np.random.default_rng(0)
    features, sets, _ = object_features(generator, sets=25, views=4, units=6, noise=1)
    features = features.astype(np.float32)
    plain = whitened_values(features, sets)
    order = generator.permutation(len(sets))
    path = tmp_path / "shuffled.parquet"
    table = embedding_table(features[order], {"instance": sets[order]}, {})
    write_embeddings(table, path)
    monkeypatch.setattr(set_rows, "GATHERED_BYTES", 10 * 4 * 6)
    monkeypatch.setattr(set_rows, "STACKED_BYTES", 1)
    source = ParquetFeatures(path)
    small = whitened_values(source, source.labels("instance"))
    assert small.names.tolist() == plain.names.tolist()
    assert small.cosine == pytest.approx(plain.cosine, abs=1e-6)
    assert small.distance == pytest.approx(plain.distance, abs=1e-5)
    assert small.cosine_different == pytest.approx(plain.cosine_different, abs=1e-6)


def test_views_that_are_alike_and_views_that_are_not():
    generator = np.random.default_rng(0)
    owner = np.repeat(np.arange(50), 4)
    alike = generator.standard_normal((50, 8))[owner]
    perfect = whitened_invariance(alike, owner)
    assert perfect["whitened_cosine"] == pytest.approx(1, abs=1e-6)
    assert perfect["whitened_distance_normalised"] == pytest.approx(0, abs=1e-5)
    nothing = whitened_invariance(generator.standard_normal((2000, 8)), np.arange(2000) // 4)
    for name, level in (("cosine", 0), ("distance", 1)):
        value = nothing[f"whitened_{name}_normalised"]
        low, high = nothing[f"whitened_{name}_normalised_interval"]
        assert abs(value - level) < 4 * (high - low) / 3.92
        assert 0 < high - low < 0.1


def test_many_views_are_sampled(monkeypatch):
    generator = np.random.default_rng(0)
    features, sets, _ = object_features(generator, sets=12, views=60, units=5, noise=1)
    whole = whitened_values(features, sets)
    monkeypatch.setattr(whitened, "MOST_VIEWS", 20)
    some = whitened_values(features, sets, seed=1)
    assert np.abs(some.cosine - whole.cosine).max() < 0.2
    assert (some.cosine != whole.cosine).all()
    assert (some.cosine == whitened_values(features, sets, seed=1).cosine).all()


def test_the_interval_covers_the_value_of_other_objects():
    generator = np.random.default_rng(0)
    found = []
    for _ in range(150):
        features, sets, _ = object_features(generator, sets=40, views=4, units=6, noise=0.7)
        score = whitened_invariance(features, sets, bootstrap=200)
        found.append([score["whitened_cosine"], *score["whitened_cosine_interval"]])
    scores, low, high = np.array(found).T
    assert 0.90 <= np.mean((low <= scores.mean()) & (scores.mean() <= high)) <= 0.995


def test_refuses_what_cannot_be_compared():
    generator = np.random.default_rng(0)
    with pytest.raises(VidclError, match="show one object"):
        whitened_invariance(generator.standard_normal((20, 4)), np.zeros(20))
    with pytest.raises(VidclError, match="All features are alike"):
        whitened_invariance(np.full((20, 4), 7.0), np.arange(20) // 4)
    with pytest.raises(VidclError, match="No set has 2 images"):
        whitened_invariance(generator.standard_normal((20, 4)), np.arange(20))
    with pytest.raises(VidclError, match="NaN or infinite"):
        whitened_invariance(np.full((20, 4), np.nan), np.arange(20) // 4)
