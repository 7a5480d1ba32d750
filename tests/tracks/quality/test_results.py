"""The results file, and the tables, curves and sheets made of it."""

import json

import cv2
import numpy as np
import pytest

from tests.tracks.quality.making import square_sequence
from vidcl.errors import VidclError
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.overlay import PALETTE
from vidcl.tracks.quality import sheet
from vidcl.tracks.quality.bootstrap import Estimate
from vidcl.tracks.quality.curves import plot_success
from vidcl.tracks.quality.results import (
    difference,
    estimate,
    load_results,
    provenance,
    save_results,
)
from vidcl.tracks.quality.settings import follow_config
from vidcl.tracks.quality.sheet import contact_sheet
from vidcl.tracks.quality.tables import cell, write_tables

SETTINGS = {"seed": 0, "sequences": ["a", "b"]}


def test_results_survive_the_file_and_nan_becomes_null(tmp_path):
    path = tmp_path / "results.json"
    results = load_results(path, SETTINGS)
    results["x"] = {"nan": float("nan"), "array": np.array([1.0, np.inf]), "pair": (1, np.int64(2))}
    save_results(path, results)
    found = load_results(path, SETTINGS)
    assert found["x"] == {"nan": None, "array": [1.0, None], "pair": [1, 2]}


def test_results_of_other_settings_or_another_form_are_refused(tmp_path):
    path = tmp_path / "results.json"
    save_results(path, load_results(path, SETTINGS))
    with pytest.raises(VidclError, match="another seed"):
        load_results(path, {**SETTINGS, "seed": 1})
    path.write_text("{")
    with pytest.raises(VidclError, match="not JSON"):
        load_results(path, SETTINGS)
    path.write_text(json.dumps({"format": 99}))
    with pytest.raises(VidclError, match="another format"):
        load_results(path, SETTINGS)


def test_where_the_figures_come_from():
    made = provenance()
    assert made["cpu"]
    assert made["opencv"] == cv2.__version__
    assert made["commit"] is None or len(made["commit"].rstrip("+")) == 40


def test_estimates_take_the_named_sequences():
    sums = {"a": {"m": (1.0, 2.0)}, "b": {"m": (6.0, 8.0)}, "c": {"m": (0.0, 100.0)}}
    assert estimate(sums, ["a", "b", "absent"], "m", 0).value == pytest.approx(0.7)
    assert np.isnan(estimate(sums, ["a"], "other", 0).value)
    other = {"a": {"m": (0.25, 1.0)}, "b": {"m": (0.25, 1.0)}}
    gap = difference(sums, other, ["a", "b", "c"], "m", 0)
    assert gap.value == pytest.approx(((0.5 - 0.25) + (0.75 - 0.25)) / 2)
    assert (gap.low, gap.high) == (pytest.approx(0.25), pytest.approx(0.5))


def test_cells():
    assert cell(Estimate(0.6294, 0.51, 0.741), "auc") == "0.629 [0.51, 0.74]"
    assert cell(Estimate(12.34, 1.04, 20.0), "kept_length") == "12.3 [1.0, 20.0]"
    assert cell(Estimate(0.5, 0.5, 0.5), "auc") == "0.500"
    assert cell(Estimate(float("nan"), 0, 0), "auc") == "-"


def entry(auc):
    success = {"auc": (auc, 1.0), "above": (auc, 1.0), "iou": (auc, 1.0), "precision": (0.0, 0.0)}
    time = {"milliseconds": 2.0, "rate": 8000.0, "speedup": 40.0, "frames": 9}
    return {
        "first": {"a": success, "b": success},
        "ends": {"a": {"end": 2}, "b": {"end": 1, "lost": 4}},
        "time": {"16": time, "1": time},
    }


def test_tables_have_a_row_per_tracker_and_a_section_per_group():
    results = {"trackers": {"flow": entry(0.75), "csrt": entry(0.5)}, "chains": {}}
    text = write_tables(results, {"tuning": ["a"], "all": ["a", "b"]}, seed=0)
    assert text.count("## Tuning: a\n") == text.count("## All: a, b\n") == 1
    assert text.count("| `flow` | 0.750 | 0.750 | 0.750 | - | 0.250 |") == 2
    assert text.count("| `csrt` | 0.500 | 0.500 | 0.500 | - | - |") == 2
    assert "| `flow` | 2.0 | 8,000 | 40.0 | 9 | 2.0 | 8,000 | 40.0 | 9 |" in text
    assert "| | end | lost |" in text
    assert "| `flow` | 3 | 4 |" in text
    assert "Judged" not in text  # nothing was measured
    for line in text.splitlines():
        if line.startswith("|---"):
            columns = line.count("---")
        elif line.startswith("| `"):
            assert line.count("|") == columns + 1


def test_tables_of_results_read_back_are_the_same(tmp_path):
    results = {"format": 1, "settings": {}, "trackers": {"flow": entry(0.75)}}
    save_results(tmp_path / "r.json", results)
    groups = {"all": ["a", "b"]}
    again = load_results(tmp_path / "r.json", {})
    assert write_tables(again, groups, 0) == write_tables(results, groups, 0)


def test_curves_are_drawn_for_every_group(tmp_path):
    rng = np.random.default_rng(0)
    curves = {
        f"tracker {k}": {"a": np.sort(rng.random(21))[::-1], "b": [None] * 21} for k in range(9)
    }
    path = tmp_path / "deep" / "success.png"
    plot_success(curves, {"one": ["a"], "both": ["a", "b"], "none": ["c"]}, path)
    picture = cv2.imread(str(path))
    assert picture.shape[1] > 2.5 * picture.shape[0]
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20


def test_a_sheet_shows_truth_track_and_end():
    sequence = square_sequence(40, speed=(4.0, 0.0))
    config = FollowConfig(proposer="given", tracker="flow_cf", working_side=120)
    picture = contact_sheet(sequence, config, tiles=8, columns=4, width=320)
    assert picture.shape == (2 * 240, 4 * 320, 3)
    tiles = picture.reshape(2, 240, 4, 320, 3).swapaxes(1, 2).reshape(8, 240, 320, 3)
    orange = [bool((tile == PALETTE[0]).all(axis=2).any()) for tile in tiles]
    assert orange[0]
    assert not orange[-1]  # it has ended
    assert orange == sorted(orange, reverse=True)
    np.testing.assert_array_equal(
        picture, contact_sheet(sequence, config, tiles=8, columns=4, width=320)
    )


def test_tiles_are_spread_and_never_more_than_frames():
    assert sheet._spread(3, 7, 12) == {3, 4, 5, 6, 7}
    assert sheet._spread(0, 100, 5) == {0, 25, 50, 75, 100}


def test_a_clip_seen_once_has_no_sheet():
    with pytest.raises(VidclError, match="no object that is seen twice"):
        contact_sheet(square_sequence(1), FollowConfig(proposer="given"))


def test_settings_from_the_command_line():
    found = follow_config(["min_confidence=0.3", "keep_rate=null"], max_regions=16)
    assert (found.min_confidence, found.keep_rate, found.max_regions) == (0.3, None, 16)
    for wrong, says in (
        ("min_confidence", "KEY=VALUE"),
        ("min_confidense=1", "did you mean 'min_confidence'"),
        ("min_confidence=[", "not a value"),
        ("min_confidence=x", "min_confidence"),
    ):
        with pytest.raises(VidclError, match=says):
            follow_config([wrong])
