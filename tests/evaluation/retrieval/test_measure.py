"""All measures under all protocols against obvious loops; nonsense is refused."""

import math

import numpy as np
import pytest

from tests.evaluation.retrieval.slow import problem, slow_metrics, slow_scores, slow_sphere_gap
from vidcl.errors import VidclError
from vidcl.evaluation.retrieval.gaps import sphere_gap
from vidcl.evaluation.retrieval.measure import retrieval_metrics
from vidcl.evaluation.retrieval.protocol import retrieval_protocol
from vidcl.evaluation.retrieval.rows import StackedRows

K = (1, 5, 10)
METRICS = (*(f"recall@{count}" for count in K), "map", "map@r", "r_precision")


def circle(angles):
    def gap(a, b):
        away = abs(angles[a] - angles[b]) % 360
        return min(away, 360 - away)

    return gap


PROTOCOLS = {
    "alone": lambda n, azimuth, polar: ({}, lambda a, b: math.inf),
    "circle": lambda n, azimuth, polar: (
        {"positions": azimuth, "min_gap": 60.0},
        circle(azimuth),
    ),
    "line": lambda n, azimuth, polar: (
        {"positions": azimuth, "min_gap": 90.0, "circular": False},
        lambda a, b: abs(azimuth[a] - azimuth[b]),
    ),
    "sphere": lambda n, azimuth, polar: (
        {"positions": azimuth, "polar": polar, "min_gap": 49.5},
        lambda a, b: slow_sphere_gap(azimuth[a], polar[a], azimuth[b], polar[b]),
    ),
}


@pytest.mark.parametrize("rule", PROTOCOLS)
@pytest.mark.parametrize("kind", ["plain", "ties", "copies", "collapsed"])
@pytest.mark.parametrize("parts", ["all", "split", "distractors", "both"])
def test_every_measure_under_every_protocol_equals_the_slow_loop(rule, kind, parts):
    features, instances, azimuth, polar = problem(3, kind)
    count = len(instances)
    chosen, gap = PROTOCOLS[rule](count, azimuth, polar)
    part = np.arange(count) % 3
    asks = answers = np.ones(count, dtype=bool)
    away = np.zeros(count, dtype=bool)
    if parts in ("split", "both"):
        chosen["split"] = np.where(part == 0, "query", "gallery")
        asks, answers = part == 0, part != 0
    if parts in ("distractors", "both"):
        away = np.arange(count) % 5 == 2
        chosen["distractors"] = away
    protocol = retrieval_protocol(instances, **chosen)
    slow = slow_metrics(
        slow_scores(features), instances, asks, answers, away, gap, chosen.get("min_gap", 0.0), K
    )
    fast = retrieval_metrics(features, protocol, K, bootstrap=0)
    brief = retrieval_metrics(features, protocol, K, whole=False, bootstrap=0)
    for name, value in slow.items():
        assert fast[name] == pytest.approx(value, abs=1e-9), name
        if name != "map":
            assert brief[name] == fast[name]
    assert "map" not in brief
    assert fast["gallery"] == int((answers | away).sum())
    assert fast["protocol"].endswith(".") and fast["gap_curve"] == []


@pytest.mark.parametrize("kind", ["plain", "ties"])
def test_further_gaps_equal_a_search_at_each(kind):
    features, instances, azimuth, polar = problem(5, kind)
    every = retrieval_metrics(
        features,
        retrieval_protocol(instances, azimuth, polar=polar, min_gap=45.0),
        K,
        gaps=(0, 45, 90, 500),
        bootstrap=40,
    )
    for entry in every["gaps"][:3]:
        alone = retrieval_metrics(
            features,
            retrieval_protocol(instances, azimuth, polar=polar, min_gap=entry["min_gap"]),
            K,
            bootstrap=40,
        )
        assert entry == {name: alone[name] for name in entry}
        assert {*METRICS, *(f"{name}_interval" for name in METRICS)} < set(entry)
    assert every["gaps"][3] == {"min_gap": 500, "n": 0, "n_excluded": len(instances)}


def test_sphere_gap():
    generator = np.random.default_rng(1)
    azimuth, polar = generator.uniform(-400, 400, (2, 50)), generator.uniform(0, 180, (2, 50))
    gaps = sphere_gap(azimuth[0], polar[0], azimuth[1], polar[1])
    for i, gap in enumerate(gaps):
        slow = slow_sphere_gap(azimuth[0, i], polar[0, i], azimuth[1, i], polar[1, i])
        assert gap == pytest.approx(slow, abs=1e-6)
    assert sphere_gap(0.0, 90.0, 45.0, 90.0) == 45  # on the equator azimuths differ by the gap
    assert sphere_gap(10.0, 0.0, 200.0, 0.0) == 0  # at the top they do not matter
    assert sphere_gap(0.0, 60.0, 180.0, 60.0) == 120


def test_azimuths_alone_that_differ_only_in_height_are_views():
    """One azimuth, two heights: without polar angles there is no gap, with them there is."""
    features, instances = np.eye(4)[[0, 0, 1, 1]], np.array(list("aabb"))
    azimuth, polar = np.zeros(4), np.array([30.0, 90.0, 30.0, 90.0])
    assert retrieval_protocol(instances, azimuth, min_gap=45).views.min_gap == 0
    protocol = retrieval_protocol(instances, azimuth, polar=polar, min_gap=45)
    assert retrieval_metrics(features, protocol)["n"] == 4
    assert "viewing directions" in protocol.sentence and "45" in protocol.sentence


def test_names_of_a_split():
    names = np.array(["test", "train", "train", "val", "test"])
    protocol = retrieval_protocol(np.zeros(5), split=names)
    assert protocol.queries.tolist() == [0, 4] and protocol.gallery.tolist() == [1, 2]
    assert "2 images of the part 'test'" in protocol.sentence


def test_nonsense_is_refused_in_a_sentence():
    features, instances, azimuth, polar = problem(1)
    count = len(instances)
    everyone = np.ones(count, dtype=bool)
    with pytest.raises(VidclError, match="no query"):
        retrieval_protocol(instances, split=np.full(count, "train"))
    with pytest.raises(VidclError, match="no gallery row"):
        retrieval_protocol(instances, split=np.full(count, "test"))
    with pytest.raises(VidclError, match="no query"):
        retrieval_protocol(instances, split=(~everyone, everyone))
    with pytest.raises(VidclError, match="no query"):
        retrieval_protocol(instances, distractors=everyone)
    with pytest.raises(VidclError, match="true or false for each"):
        retrieval_protocol(instances, distractors=everyone[:-1])
    with pytest.raises(VidclError, match="0 to 180"):
        retrieval_protocol(instances, azimuth, polar=polar + 100)
    with pytest.raises(VidclError, match="3 of the angles are not finite"):
        retrieval_protocol(instances, np.where(np.arange(count) < 3, np.nan, azimuth))
    protocol = retrieval_protocol(instances)
    with pytest.raises(VidclError, match="and 64"):
        retrieval_metrics(features[:-1], protocol)
    with pytest.raises(VidclError, match="at least 1"):
        retrieval_metrics(features, protocol, (0, 1))
    with pytest.raises(VidclError, match=r"not \[64\]"):
        retrieval_metrics(features[:, 0], protocol)
    with pytest.raises(VidclError, match="one width"):
        StackedRows(features, features[:, 1:])
    for bad in (np.nan, np.inf):
        broken = features.copy()
        broken[11, 3] = bad
        for whole in (True, False):
            with pytest.raises(VidclError, match="row 11 is not finite"):
                retrieval_metrics(broken, protocol, whole=whole)
        asking_others = retrieval_protocol(instances, split=(np.arange(count) > 40, everyone))
        with pytest.raises(VidclError, match="row 11 is not finite"):
            retrieval_metrics(broken, asking_others, whole=False)


def test_k_beyond_the_gallery():
    features, instances, _, _ = problem(2, count=20)
    result = retrieval_metrics(features, retrieval_protocol(instances), (1, 50), bootstrap=0)
    assert result["recall@50"] == 1
