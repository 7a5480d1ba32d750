"""RIS against an obvious loop over sets, units and classes, and against known chance levels."""

import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.evaluation.invariance.ris import ris


def slow_ris(features, set_ids, class_ids, top):
    """One number at a time, straight from the published rules."""
    count, dim = len(features), len(features[0])
    classes = sorted(set(class_ids))
    percent = min((1.0 - 1.0 / len(classes)) * 100, 95)
    place = int((count * percent) // 100)
    score = {name: [] for name in classes}
    for unit in range(dim):
        column = [float(row[unit]) for row in features]
        above = sorted(column)[place]
        below = sorted(column, reverse=True)[place]
        global_rate = sum(value >= above for value in column) / count
        for name in classes:
            rates = []
            for set_id in sorted(set(set_ids)):
                rows = [i for i in range(count) if set_ids[i] == set_id]
                if class_ids[rows[0]] != name or len(rows) < 3:
                    continue
                positive = sum(column[i] > above for i in rows)
                negative = sum(column[i] < below for i in rows)
                if max(positive, negative) > 0:
                    rates.append(max(positive, negative) / len(rows))
            local_rate = sum(rates) / len(rates) if rates else 0.0
            score[name].append(local_rate / global_rate)
    result = []
    for k in top:
        means = [sum(sorted(score[name], reverse=True)[:k]) / k for name in classes]
        result.append(sum(means) / len(means) * (100 - percent))
    return result


def random_problem(seed):
    generator = np.random.default_rng(seed)
    classes = int(generator.integers(1, 30))
    sets_per_class = int(generator.integers(1, 5))
    rows = []
    for k in range(classes * sets_per_class):
        rows += [(f"set{k}", f"class{k % classes}")] * int(generator.integers(1, 9))
    generator.shuffle(rows)
    features = generator.standard_normal((len(rows), 30)).astype(np.float32)
    features[:, 0] = 1.5  # a constant unit
    features[:, 1] = np.round(features[:, 1])  # many ties
    features[:, 2] = np.maximum(features[:, 2], 0)
    return features, np.array([r[0] for r in rows]), np.array([r[1] for r in rows])


@pytest.mark.parametrize("seed", range(6))
def test_equals_the_slow_loop(seed):
    features, sets, classes = random_problem(seed)
    fast = ris(features, sets, classes)
    slow = slow_ris(features, sets.tolist(), classes.tolist(), (10, 25))
    assert fast["ris@10"] == pytest.approx(slow[0], abs=1e-6)
    assert fast["ris@25"] == pytest.approx(slow[1], abs=1e-6)


def test_equals_the_slow_loop_across_unit_blocks_and_for_any_k():
    generator = np.random.default_rng(9)
    features = generator.standard_normal((90, 130))
    sets = np.repeat(np.arange(18), 5)
    classes = sets // 3
    fast = ris(features, sets, classes, top=(1, 130))
    slow = slow_ris(features, sets.tolist(), classes.tolist(), (1, 130))
    assert [fast["ris@1"], fast["ris@130"]] == pytest.approx(slow, abs=1e-6)


# Chance levels of i.i.d. Gaussian features with 2048 units and 1000 classes of one set each, from
# the table in the research notes; fewer units and classes reproduce them within a point.
@pytest.mark.parametrize(
    ("images", "top10", "top25"), [(72, 14.5, 13.4), (24, 22.8, 21.2), (12, 32.2, 28.1)]
)
def test_chance_of_iid_features(images, top10, top25):
    classes = 60
    generator = np.random.default_rng(0)
    features = generator.standard_normal((images * classes, 2048), dtype=np.float32)
    sets = np.repeat(np.arange(classes), images)
    score = ris(features, sets, sets)
    assert score["ris@10"] == pytest.approx(top10, abs=0.7)
    assert score["ris@25"] == pytest.approx(top25, abs=0.7)


def test_a_perfectly_invariant_code_reaches_the_ceiling():
    """One unit pair per class, constant within a set: the best units fire on every view."""
    classes = np.repeat(np.arange(4), 40)
    sets = np.repeat(np.arange(16), 10)
    features = np.eye(4)[classes].repeat(10, axis=1) + 1e-6 * np.arange(160)[:, None]
    assert ris(features, sets, classes, top=(10,))["ris@10"] > 24


def test_reports_what_moves_the_score():
    features = np.random.default_rng(0).standard_normal((9, 12))
    score = ris(features, np.array(list("aaaabbbcc")), np.zeros(9), top=(3,))
    assert score["sets"] == 2 and score["sets_skipped"] == 1
    assert score["set_size"] == [3, 3.5, 4]
    assert score["classes"] == 1 and score["units"] == 12 and score["images"] == 9
    assert len(score["ris_per_class@3"]) == 1


def test_refuses_what_it_cannot_measure():
    features = np.zeros((4, 30))
    with pytest.raises(VidclError, match="No set has 3 images"):
        ris(features, np.arange(4), np.zeros(4))
    with pytest.raises(VidclError, match="smaller top"):
        ris(features[:, :5], np.zeros(4), np.zeros(4))
    with pytest.raises(VidclError, match="NaN or infinite"):
        ris(features * np.nan, np.zeros(4), np.zeros(4))
    with pytest.raises(VidclError, match="N set and class names"):
        ris(features, np.zeros(3), np.zeros(4))
