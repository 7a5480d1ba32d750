"""What is printed and written of results: gaps, curves and probes among them."""

import csv
import io

from vidcl.evaluation.results import gap_text, metric_names, table_text
from vidcl.evaluation.results_table import results_csv


def results():
    values = {
        "recall@1": 0.5,
        "recall@1_interval": [0.4, 0.6],
        "recall@10": 0.9,
        "map@r": 0.3,
        "r_precision": 0.35,
        "whitened_cosine": 0.25,
        "ris@10": 40.0,
        "n": 7,
        "gaps": [
            {"min_gap": 0.0, "recall@1": 0.75, "recall@1_interval": [0.7, 0.8], "n": 9},
            {"min_gap": 45.0, "recall@1": 0.5, "n": 7},
        ],
        "factor_curves": {
            "blur": {"measure": "cosine", "points": [[0, 1.0, 1.0, 1.0], [1, 0.8, 0.7, 0.9]]}
        },
        "factor_curves_knn": {"blur": {"measure": "k-NN", "points": [[1, 0.6, 0.5, 0.7]]}},
        "probes": [
            {"probe": "linear", "metric": "accuracy", "value": 0.66, "interval": [0.6, 0.7]}
        ],
    }
    other = {"recall@1": 0.1, "recall@1_std": 0.02}
    return {
        "systems": [
            {"name": "raw", "kind": "control", "sets": {"eth": other}},
            {"name": "ours", "kind": "trained", "sets": {"eth": values}},
        ]
    }


def test_the_short_table_leaves_details_to_the_full_one():
    assert metric_names(results()) == ["recall@1", "ris@10"]
    assert metric_names(results(), everything=True) == [
        *("recall@1", "recall@10", "map@r", "r_precision", "ris@10", "whitened_cosine")
    ]


def test_intervals_stand_behind_values_and_controls_below():
    lines = table_text(
        results(), "eth", metric_names(results(), everything=True), intervals=True
    ).splitlines()
    assert lines[2].startswith("ours") and "50.0 [40.0, 60.0]" in lines[2] and "0.25" in lines[2]
    assert lines[3].startswith("raw") and "10.0 ± 2.0" in lines[3]


def test_gaps_are_columns_of_their_own():
    lines = gap_text(results(), "eth").splitlines()
    assert "gap >= 0" in lines[0] and "gap >= 45" in lines[0]
    assert lines[2].split("  ")[0] == "ours" and "75.0 [70.0, 80.0]" in lines[2]
    assert len(lines) == 3  # the other system was not asked
    assert gap_text({"systems": results()["systems"][:1]}, "eth") is None


def test_csv_holds_every_number_with_its_bounds():
    rows = list(csv.DictReader(io.StringIO(results_csv(results()))))
    by_name = {row["metric"]: row for row in rows if row["system"] == "ours"}
    assert (by_name["recall@1"]["low"], by_name["recall@1"]["high"]) == ("0.4", "0.6")
    assert by_name["recall@1 gap>=0"]["value"] == "0.75"
    assert by_name["recall@1 gap>=45"]["low"] == ""
    assert by_name["curve blur 1"]["high"] == "0.9"
    assert by_name["curve knn blur 1"]["value"] == "0.6"
    assert by_name["probe linear accuracy"]["low"] == "0.6"
    raw = next(row for row in rows if row["system"] == "raw")
    assert (raw["value"], raw["std"]) == ("0.1", "0.02")
