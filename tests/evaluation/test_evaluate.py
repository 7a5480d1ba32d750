"""The results structure, means over seeds, tracks and galleries."""

import base64
import csv
import io
import json

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from vidcl.errors import VidclError
from vidcl.evaluation.config import EvaluationConfig
from vidcl.evaluation.evaluate import System, evaluate
from vidcl.evaluation.galleries import (
    build_gallery,
    pack_gallery,
    spread_order,
    spread_within,
    write_galleries,
)
from vidcl.evaluation.gallery_picture import RIGHT, WRONG, gallery_picture
from vidcl.evaluation.measure import measure
from vidcl.evaluation.results import (
    metric_names,
    read_results,
    table_text,
    write_results,
)
from vidcl.evaluation.results_table import results_csv
from vidcl.evaluation.table import embedding_table
from vidcl.evaluation.tracks import half_track_retrieval, sample_steps, track_set

FAST = EvaluationConfig(bootstrap=50)


def table(seed, dim=32, signal=1.0):
    generator = np.random.default_rng(seed)
    instances = np.repeat(np.arange(12), 8)
    codes = np.random.default_rng(99).standard_normal((12, dim))
    features = signal * codes[instances] + generator.standard_normal((96, dim))
    labels = {
        "instance": np.array([f"object{k}" for k in instances]),
        "class": np.array([f"class{k % 4}" for k in instances]),
        "azimuth": np.tile(np.arange(8) * 45.0, 12),
    }
    return embedding_table(features, labels, {"encoder": "x", "content_hash": "abc"})


def plain(seed):
    return table(seed).drop_columns(["azimuth"])


@pytest.fixture(scope="module")
def results():
    return evaluate(
        [
            System("track", [{"wild": table(1), "light": plain(2)}], run="runs/track"),
            System("seeds", [{"wild": table(k)} for k in (3, 4, 5)]),
            System("iid", [{"wild": table(6, signal=0.0)}], kind="control"),
        ],
        FAST,
        title="Test",
        settings={"seed": 3},
        timings={"embed": 1.5},
    )


def test_structure(results):
    track, seeds, iid = results["systems"]
    assert (track["name"], track["kind"], track["run"]) == ("track", "trained", "runs/track")
    assert iid["kind"] == "control"
    wild = track["sets"]["wild"]
    for name in ("recall@1", "recall@5", "map", "ris@10", "ris@25", "knn"):
        assert isinstance(wild[name], float)
    assert wild["recall@1_interval"][0] <= wild["recall@1"] <= wild["recall@1_interval"][1]
    assert wild["min_gap"] == 45 and wild["n"] == 96 and wild["sets"] == 12
    assert [point[0] for point in wild["gap_curve"]] == [56.25, 101.25, 146.25, 168.75]
    assert track["sets"]["light"]["gap_curve"] == [] and track["sets"]["light"]["min_gap"] == 0
    assert results["settings"]["evaluation"]["knn_k"] == 20 and results["settings"]["seed"] == 3
    assert results["sets"]["wild"]["content_hash"] == "abc"
    assert wild["recall@1"] > iid["sets"]["wild"]["recall@1"]
    assert metric_names(results) == ["recall@1", "recall@5", "map", "ris@10", "ris@25", "knn"]
    assert seeds["runs"] == 3


def test_mean_and_deviation_over_seeds(results):
    seeds = results["systems"][1]["sets"]["wild"]
    single = [
        evaluate([System("one", [{"wild": table(k)}])], FAST)["systems"][0]["sets"]["wild"]
        for k in (3, 4, 5)
    ]
    for name in ("recall@1", "map", "ris@25", "knn"):
        values = [run[name] for run in single]
        assert seeds[name] == pytest.approx(np.mean(values))
        assert seeds[f"{name}_std"] == pytest.approx(np.std(values, ddof=1))
    curve = np.mean([np.array(run["gap_curve"]) for run in single], axis=0)
    np.testing.assert_allclose(seeds["gap_curve"], curve)
    assert len(seeds["gap_curve_std"]) == len(curve)
    assert "recall@1_interval" not in seeds and "min_gap_std" not in seeds
    assert seeds["n"] == 96


def test_file_round_trip_table_and_csv(results, tmp_path):
    write_results(results | {"odd": float("nan")}, tmp_path / "results.json")
    again = read_results(tmp_path / "results.json")
    assert again["systems"] == json.loads(json.dumps(results["systems"])) and again["odd"] is None
    lines = table_text(results, "wild").splitlines()
    assert lines[0].split() == ["wild", "R@1", "R@5", "mAP", "RIS", "10", "RIS", "25", "k-NN"]
    assert len({len(line) for line in lines}) == 1 and "±" in lines[3]
    rows = list(csv.DictReader(io.StringIO(results_csv(results))))
    row = next(r for r in rows if (r["set"], r["system"], r["metric"]) == ("wild", "iid", "map"))
    assert float(row["value"]) == results["systems"][2]["sets"]["wild"]["map"]
    own = results["systems"][0]["sets"]["wild"]
    row = next(r for r in rows if (r["system"], r["metric"]) == ("track", "recall@1"))
    assert [float(row["low"]), float(row["high"])] == own["recall@1_interval"]
    with pytest.raises(VidclError, match="Cannot read"):
        read_results(tmp_path / "none.json")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(VidclError, match="not a results file"):
        read_results(tmp_path / "list.json")


def test_systems_of_one_width_are_tested_against_each_other():
    near, far, wide = table(0, signal=2.0), table(1, signal=0.1), table(2, dim=48)
    systems = [
        System("near", [{"wild": near}]),
        System("far", [{"wild": far}]),
        System("wide", [{"wild": wide}]),
        System("seeds", [{"wild": table(3)}, {"wild": table(4)}]),
        System("control a", [{"wild": table(5)}], "control"),
        System("control b", [{"wild": table(6)}], "control"),
    ]
    results = evaluate(systems, FAST)
    rows = [row for row in results["comparisons"] if row["metric"] == "whitened_cosine"]
    pairs = {(row["a"], row["b"]) for row in rows}
    # neither systems of another width, nor of several seeds, nor two controls
    assert pairs == {("near", "far")} | {
        (system, control) for system in ("near", "far") for control in ("control a", "control b")
    }
    first = next(row for row in rows if (row["a"], row["b"]) == ("near", "far"))
    assert first["difference"] > 0 and first["p"] < 0.01 and first["n"] == 12
    assert first["p"] <= first["p_holm"] <= 5 * first["p"]
    assert any("feature width" in sentence for sentence in results["warnings"])
    alone = evaluate(systems, FAST.model_copy(update={"permutations": 0}))
    assert alone["comparisons"] == []


def test_narrow_features_leave_out_wide_tops_and_names_are_unique():
    narrow = evaluate([System("n", [{"wild": table(0, dim=16)}])], FAST)["systems"][0]["sets"]
    assert "ris@10" in narrow["wild"] and "ris@25" not in narrow["wild"]
    with pytest.raises(VidclError, match="name of its own"):
        evaluate([System("n", []), System("n", [])])
    with pytest.raises(VidclError, match="no label column 'instance'"):
        evaluate([System("n", [{"wild": table(0).drop_columns(["instance"])}])])


def test_half_track_retrieval_against_a_loop():
    generator = np.random.default_rng(0)
    tracks = np.repeat([f"t{k}" for k in range(6)], 5)
    positions = np.tile([0, 0.25, 0.5, 0.75, 1.0], 6)
    features = generator.standard_normal((30, 8)) + np.repeat(
        generator.standard_normal((6, 8)), 5, 0
    )
    fast = half_track_retrieval(features, tracks, positions, np.repeat(["v", "w"], 15), bootstrap=0)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    hits, precision = [], []
    for q in range(30):
        gallery = [
            g
            for g in range(30)
            if tracks[g] != tracks[q] or abs(positions[g] - positions[q]) >= 0.5
        ]
        gallery.sort(key=lambda g, q=q: -(unit[q] @ unit[g]))
        right = np.array([tracks[g] == tracks[q] for g in gallery])
        hits.append(right[0])
        ranks = np.flatnonzero(right) + 1
        precision.append((np.arange(1, len(ranks) + 1) / ranks).mean())
    assert fast["recall@1"] == pytest.approx(np.mean(hits))
    assert fast["map"] == pytest.approx(np.mean(precision))
    assert (fast["tracks"], fast["videos"], fast["min_gap"]) == (6, 2, 0.5)


def test_track_set_samples_evenly_and_feeds_evaluate():
    times = [np.arange(20) / 4, np.array([3.0]), np.array([0.0, 0.1, 5.0]), np.arange(4.0)]
    data = track_set(
        list("abcd"),
        list("vvww"),
        times,
        lambda track, step: bytes([track, step]),
        crops_per_track=4,
    )
    assert data.labels["instance"].tolist() == list("aaaa") + list("ccc") + list("dddd")
    assert data.labels["position"][:4] == pytest.approx([0, 6 / 19, 13 / 19, 1])
    assert data.read(1) == bytes([0, 6]) and data.read(4) == bytes([2, 0])
    features = np.random.default_rng(0).standard_normal((len(data), 5))
    embedded = embedding_table(features, data.labels, {})
    found = evaluate([System("n", [{"tracks": embedded}])], FAST)["systems"][0]["sets"]["tracks"]
    assert found["tracks"] == 3 and "knn" not in found and "ris@10" not in found
    with pytest.raises(VidclError, match="at least two held-out tracks"):
        track_set(["a"], ["v"], [np.arange(3.0)], lambda track, step: b"")


def test_sample_steps_keeps_both_ends():
    assert sample_steps(np.array([0.0, 1.0]), 8).tolist() == [0, 1]
    steps = sample_steps(np.arange(100) / 25, 5)
    assert steps[[0, -1]].tolist() == [0, 99] and len(steps) == 5
    assert np.abs(np.diff(steps) - 24.75).max() < 1


def test_gallery_asks_all_systems_the_same_and_marks_right_answers(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (96, 100, 60, 3), dtype=np.uint8)
    tables = {"good": table(1, signal=3.0), "bad": table(2, signal=0.0)}
    gallery = build_gallery("wild", tables, images, min_gap=90)
    assert (gallery["set"], gallery["content_hash"], gallery["asked"]) == ("wild", "abc", 96)
    assert gallery["rows"] == gallery["queries"] == list(range(96))
    names = [gallery["labels"][k] for k in gallery["label"]]
    assert names == tables["good"]["instance"].to_pylist()
    right = {}
    for system in gallery["systems"]:
        features = np.array(tables[system["name"]]["feature"].to_pylist())
        unit = features / np.linalg.norm(features, axis=1, keepdims=True)
        right[system["name"]] = 0
        for query in range(96):
            apart = np.abs(np.arange(96) % 8 - query % 8)
            near = (np.arange(96) // 8 == query // 8) & (np.minimum(apart, 8 - apart) < 2)
            scores = np.where(near, -np.inf, unit @ unit[query])
            found = np.argsort(-scores, kind="stable")[:10]
            assert system["found"][query] == found.tolist()
            np.testing.assert_allclose(system["scores"][query], 1000 * scores[found], atol=0.51)
            right[system["name"]] += names[found[0]] == names[query]
    assert right["good"] > 80 > 20 > right["bad"]
    picture = Image.open(io.BytesIO(base64.b64decode(gallery["images"][0])))
    assert picture.size == (58, 96) and picture.format == "WEBP"
    stored = json.loads(write_galleries([gallery], tmp_path).read_text())
    assert stored == {"version": 2, "galleries": [gallery]}
    with pytest.raises(VidclError, match="96 rows for 5 images"):
        build_gallery("wild", tables, images[:5])


def test_drawn_queries_show_different_instances_and_make_a_picture():
    images = np.full((96, 8, 8, 3), 200, dtype=np.uint8)
    gallery = build_gallery("wild", {"good": table(1)}, images, queries=4, neighbours=5, seed=3)
    asked = gallery["queries"]
    assert len({gallery["label"][query] for query in asked}) == len(asked) == 4
    other = build_gallery("wild", {"good": table(1)}, images, queries=4, neighbours=5, seed=4)
    assert [gallery["rows"][q] for q in asked] != [other["rows"][q] for q in other["queries"]]
    picture = np.asarray(Image.open(io.BytesIO(gallery_picture(gallery))))
    assert picture.shape == (6 + 4 * 86, 12 + 6 * 86, 3)
    for row, (query, found) in enumerate(zip(asked, gallery["systems"][0]["found"], strict=True)):
        for column, hit in enumerate(found):
            frame = picture[6 + row * 86, 6 + (column + 1) * 86 + 6]
            right = gallery["label"][hit] == gallery["label"][query]
            assert tuple(frame) == (RIGHT if right else WRONG)


def test_gaps_of_a_gallery_are_angles_on_the_sphere_where_views_have_polar_angles():
    """Seen from above, an object's views look one way however they are turned."""
    images = np.random.default_rng(0).integers(0, 256, (96, 4, 4, 3), dtype=np.uint8)
    flat = table(1, signal=3.0)
    above = flat.append_column("polar", pa.array([0.0, 0.0, 0.0, 0.0, 90.0, 90.0, 90.0, 90.0] * 12))
    gallery = build_gallery("wild", {"good": above}, images, min_gap=80)
    allowed = {row: set() for row in range(96)}
    for query in range(96):
        for row in range(96):
            top = [k % 8 < 4 for k in (query, row)]
            turned = 45 * min((row - query) % 8, (query - row) % 8)
            gap = (0 if top[0] else turned) if top[0] == top[1] else 90
            if query // 8 != row // 8 or (gap >= 80 and row != query):
                allowed[query].add(row)
    found = gallery["systems"][0]["found"]
    asked = [gallery["rows"][query] for query in gallery["queries"]]
    assert len(asked) == 96
    for query, hits in zip(asked, found, strict=True):
        assert {gallery["rows"][hit] for hit in hits} <= allowed[query]
    without = build_gallery("wild", {"good": flat}, images, min_gap=80)
    assert without["systems"][0]["found"] != found


def test_a_large_gallery_is_thinned_evenly_and_keeps_the_pictures_of_neighbours():
    images = np.random.default_rng(0).integers(0, 256, (96, 4, 4, 3), dtype=np.uint8)
    tables = {"good": table(1, signal=3.0), "bad": table(2, signal=0.0)}
    whole = build_gallery("wild", tables, images)
    small = build_gallery("wild", tables, images, most=60)
    assert small["asked"] == 96 and len(small["images"]) <= 60
    asked = [small["rows"][query] for query in small["queries"]]
    assert 2 <= len(asked) < 60 and asked == sorted(asked)
    for system, full in zip(small["systems"], whole["systems"], strict=True):
        for row, found, scores in zip(asked, system["found"], system["scores"], strict=True):
            assert [small["rows"][hit] for hit in found] == full["found"][row]
            assert scores == full["scores"][row]
    for k, row in enumerate(small["rows"]):
        assert small["images"][k] == whole["images"][row]
        label = small["labels"][small["label"][k]]
        assert label == whole["labels"][whole["label"][row]]
    with pytest.raises(VidclError, match="answers 1 queries of w, not the 2 asked"):
        labels, one = np.array(["a"] * 96), np.zeros((1, 3), dtype=int)
        pack_gallery("w", images, labels, np.arange(2), {"s": (one, one)}, protocol="")


def test_every_beginning_of_the_spread_order_is_even():
    for count in (1, 2, 7, 64, 1000):
        order = spread_order(count)
        assert sorted(order.tolist()) == list(range(count))
        for kept in (4, 16, 100):
            if kept < count:
                gaps = np.diff(np.sort(order[:kept]), prepend=0, append=count)
                assert gaps.max() <= 2 * (count / kept) + 2
    assert spread_within([{0, 1, 2}, {2, 3}, {3, 4}, {5}], 4).tolist() == [0]
    assert spread_within([{0, 1}, {1, 2}, {0, 2}, {5}], 3).tolist() == [0, 1, 2]
    weights = [10, 1, 1, 1, 1, 1]
    kept = spread_within([{0}, {1}, {2}, {3}], 9, weights=weights, each=2, heaviest=15)
    assert kept.tolist() == [0, 2]  # 12 + 3; one alone is kept even where it is too heavy
    assert spread_within([{0}, {1}], 9, weights=weights, heaviest=3).tolist() == [0]


def test_knn_where_the_class_is_what_is_retrieved_leaves_out_the_image_alone():
    # Two tight clusters, one per class: every image finds its class, and itself has no vote.
    features = np.repeat(np.array([[1.0, 0.0], [0.0, 1.0]]), 4, axis=0)
    features += 0.01 * np.random.default_rng(0).standard_normal(features.shape)
    labels = {"class": np.repeat(["a", "b"], 4)}
    table = embedding_table(features, labels, {})
    config = EvaluationConfig(instance_column="class", bootstrap=0, knn_k=3)
    assert measure("folder", table, config)["knn"] == 1.0
