"""What the page prints: numbers, intervals, bars with chance, p-values, thinned galleries."""

import json

import numpy as np
import pytest

from tests.report.folders import gallery, results, write_folder
from vidcl.report import explorer as explorer_room
from vidcl.report.bars import invariance_bars
from vidcl.report.curves import factor_groups
from vidcl.report.details import gap_tables, p_text, probe_tables
from vidcl.report.explorer import explorer, json_block, thinned
from vidcl.report.metrics import (
    detail_metrics,
    headline_metrics,
    interval_text,
    number_of,
    value_text,
)
from vidcl.report.runs import find_runs, online_fields, training_charts
from vidcl.report.tables import set_table


def test_fractions_are_printed_in_per_cent_and_others_as_they_are():
    assert value_text("recall@1", 0.1234) == "12.3"
    assert value_text("ris@10", 45.678) == "45.7"
    assert value_text("mAP", 0.5) == value_text("accuracy k=20", 0.5) == "50.0"
    assert value_text("whitened_cosine", -0.1234) == "−0.123"
    assert value_text("R2 azimuth", -1e-9) == "0.000"  # no minus before zero
    assert value_text("map", None) is None
    assert number_of("−0.123") == -0.123
    assert interval_text("recall@1", [0.123, 0.456]) == "12–46"
    assert interval_text("whitened_cosine", [-0.1, 0.2]) == "−0.10 to 0.20"
    assert interval_text("map", [None, 0.2]) is None


def test_metrics_stand_in_reading_order():
    measured = results()
    assert headline_metrics(measured) == ["recall@1", "recall@5", "map", "ris@10", "ris@25", "knn"]
    assert detail_metrics(measured) == [
        *("recall@10", "map@r", "r_precision", "whitened_cosine", "whitened_distance")
    ]


def test_the_smallest_distance_is_the_best():
    measured = results()
    table = set_table(measured, "wild", ["whitened_distance"], None)
    rows = table["trained"] + table["controls"]
    texts = [number_of(row["cells"][0]["text"]) for row in rows]
    best = [row["cells"][0]["best"] for row in rows]
    assert best == [text == min(texts) for text in texts]


def test_bars_lie_on_one_axis_with_their_whiskers_and_chance():
    measured = results()
    for metric in ("ris@10", "whitened_cosine"):
        values = [
            bound
            for system in measured["systems"]
            for name in ("wild", "viewpoint")
            for bound in (
                system["sets"][name][metric],
                *(
                    ()
                    if system["name"] == "i.i.d. features"
                    else system["sets"][name][f"{metric}_interval"]
                ),
            )
        ]
        low, high = min(0.0, *values), max(values)

        def share(value, low=low, high=high):
            return pytest.approx(100 * (value - low) / (high - low))

        panels = invariance_bars(measured, "moco", metric)
        assert [panel["name"] for panel in panels] == ["wild", "viewpoint"]
        for panel in panels:
            chance = measured["systems"][3]["sets"][panel["name"]][metric]
            assert [bar["name"] for bar in panel["bars"]] == ["moco", "region_track", "raw pixels"]
            for bar, system in zip(panel["bars"], measured["systems"], strict=False):
                stored = system["sets"][panel["name"]]
                ends = sorted((0.0, stored[metric]))
                assert bar["from"] == share(ends[0])
                assert bar["from"] + bar["width"] == share(ends[1])
                bounds = stored[f"{metric}_interval"]
                assert bar["whisker"]["from"] == share(bounds[0])
                assert bar["whisker"]["from"] + bar["whisker"]["width"] == share(bounds[1])
                assert bar["chance_at"] == share(chance)


def test_chance_is_that_of_the_own_width():
    measured = results(
        names=("moco", "wide", "i.i.d. features, 8 units", "i.i.d. features, 9 units")
    )
    for system, units in zip(measured["systems"], (8, 9, 8, 9), strict=True):
        system["kind"] = "control" if system["name"].startswith("i.i.d.") else "trained"
        for values in system["sets"].values():
            values["units"] = units
    (panel, _) = invariance_bars(measured, None, "ris@10")
    wanted = [measured["systems"][k]["sets"]["wild"]["ris@10"] for k in (2, 3)]
    assert [(bar["name"], bar["chance"]) for bar in panel["bars"]] == [
        ("moco", wanted[0]),
        ("wide", wanted[1]),
    ]


def test_gaps_factors_and_probes_take_part_only_where_they_were_measured():
    measured = results()
    values = measured["systems"][1]["sets"]["wild"]
    values["gaps"], values["probes"] = values["gaps"][:1], values["probes"][:1]
    values["factor_curves"] = {"blur": values["factor_curves"]["blur"]}
    values["factor_curves_recall"] = {"blur": values["factor_curves"]["blur"]}
    for part in (gap_tables(measured, None)[0]["tables"][0], probe_tables(measured, None)[0]):
        row = next(row for row in part["table"]["trained"] if row["name"] == "region_track")
        assert row["cells"][0]["text"] is not None and row["cells"][1]["text"] is None
    groups = factor_groups(measured, None)
    assert [(g["set"], g["first"], len(g["charts"])) for g in groups] == [
        ("wild", True, 2),
        ("wild", False, 1),
        ("viewpoint", True, 2),
    ]
    names = [line["name"] for line in groups[0]["charts"][1]["chart"]["lines"]]
    assert "region_track" not in names and "moco" in names
    assert groups[0]["charts"][0]["chart"]["reference"][1] == "chance"
    assert groups[0]["charts"][1]["chart"]["reference"] is None


def test_p_values_that_permutations_cannot_go_below_are_bounds():
    assert p_text(0.0234, 9999) == "0.023"
    assert p_text(0.0001, 9999) == "≤ 0.0001"
    assert p_text(None, 9999) is None


def test_what_callbacks_wrote_has_curves_with_their_chance(tmp_path):
    lines = [
        {"step": k, "loss": 5.0 - k, "knn": 0.1 * k, "knn_chance": 0.25, "ris@10": 20.0 + k}
        | {"ris_chance@10": 18.0, "recall@1": 0.2, "whitened_cosine": 0.1, "map_n": 3, "other": 1}
        for k in range(4)
    ]
    (run,) = find_runs(write_folder(tmp_path, runs=[("", "a: 1\n", lines)]))
    assert online_fields([run]) == ["knn", "ris@10", "recall@1", "whitened_cosine"]
    charts = {part["name"]: part["chart"] for part in training_charts([run], None)}
    assert list(charts) == ["Loss", "k-NN", "RIS 10", "R@1", "Whitened cosine"]
    for name, level, top in (("k-NN", 25.0, 30.0), ("RIS 10", 18.0, 23.0)):
        chart = charts[name]
        (place, text), path = chart["reference"], chart["lines"][0]["path"]
        ticks = {float(text): y for y, text in chart["y_ticks"]}
        (y0, p0), (y1, p1) = min(ticks.items()), max(ticks.items())
        assert text == "chance"
        assert place == pytest.approx(np.interp(level, [y0, y1], [p0, p1]), abs=0.1)
        last = float(path.split(",")[-1])
        assert last == pytest.approx(np.interp(top, [y0, y1], [p0, p1]), abs=0.1)


def test_a_page_of_large_sets_loses_queries_evenly_and_no_neighbour(monkeypatch):
    labels = [f"object-{k // 4}" for k in range(200)]
    sets = [gallery(name, ["one", "two"], labels=labels, neighbours=3) for name in "ab"]
    monkeypatch.setattr(explorer_room, "PICTURES", 120)
    built = explorer(sets, None)
    for block, whole in zip(built.blocks, sets, strict=True):
        data = json.loads(str(block))
        assert data["asked"] == 200 and len(data["images"]) <= 60
        asked = [data["rows"][query] for query in data["queries"]]
        assert len(asked) >= 5
        for stored, full in zip(data["systems"], whole["systems"], strict=True):
            for q, row in enumerate(asked):
                hits = stored["found"][q]
                assert [data["rows"][hit] for hit in hits] == full["found"][row]
                for hit in hits:
                    assert data["images"][hit] == whole["images"][data["rows"][hit]]
                    assert data["labels"][data["label"][hit]] == labels[data["rows"][hit]]
    heavy = sum(len(image) for image in sets[0]["images"])
    lighter = thinned(sets[0], 1000, heavy // 2)
    assert sum(len(image) for image in lighter["images"]) <= heavy // 2
    assert thinned(sets[0], 1000, 10**9) is sets[0]


def test_a_data_block_cannot_end_its_element():
    data = {"</script><!--": ["&amp;", "\u2028", "\u202e", "é", "'\""]}
    text = json_block(data)
    assert json.loads(text) == data
    assert text.isascii() and not set("<>&") & set(text)
