"""``benchmarks/tracking.py`` on made-up sequences."""

import json

import pytest

from benchmarks import tracking
from tests.tracks.quality.making import write_sequence, write_world

FAST = ["--trackers", "flow", "static", "--timing-seconds", "0.01"]


@pytest.fixture()
def data(tmp_path):
    for seed, name in enumerate(("goat", "other")):  # one of the tuning group, one of the others
        write_sequence(tmp_path / "data" / name, count=14, seed=seed)
    return tmp_path / "data"


def test_a_run_writes_tables_curves_and_sheets_and_the_next_adds(data, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = [str(data), "--out", str(out), "--chains", "random+static"]
    assert tracking.main([*arguments, *FAST, "--overlays", str(tmp_path / "looks")]) == 0
    results = json.loads((out / "results.json").read_text())
    assert set(results["trackers"]) == {"flow", "static"}
    assert set(results["trackers"]["flow"]["first"]) == {"goat", "other"}
    assert results["trackers"]["static"]["first"]["goat"]["auc"][0] < 1
    assert set(results["trackers"]["flow"]["time"]) == {"1", "16"}
    assert results["made"]["cpu"]
    table = (out / "table.md").read_text()
    for title in ("## Tuning: goat", "## Reporting: other", "## All: goat, other", "## Time"):
        assert title in table
    assert capsys.readouterr().out.strip() in table
    assert (out / "success.png").stat().st_size > 1000
    assert {path.name for path in (tmp_path / "looks").iterdir()} == {"goat.jpg", "other.jpg"}

    more = ["--measures", "free", "--trackers", "flow_cf"]
    assert tracking.main([*arguments, *more]) == 0
    added = json.loads((out / "results.json").read_text())
    assert set(added["trackers"]) == {"flow", "static", "flow_cf"}
    assert added["trackers"]["flow"] == results["trackers"]["flow"]
    assert added["chains"] == results["chains"]
    assert "`flow_cf`" in (out / "table.md").read_text()


def test_the_smoke_run_takes_two_short_sequences(data, tmp_path, capsys):
    write_world(data / "world", clips=1)
    out = tmp_path / "out"
    assert tracking.main([str(data), "--out", str(out), "--smoke", *FAST]) == 0
    results = json.loads((out / "results.json").read_text())
    assert results["settings"]["sequences"] == ["clip-00000", "goat"]
    assert results["settings"]["frames"] == 16
    assert "error" not in capsys.readouterr().err


def test_two_runs_agree(data, tmp_path):
    found = []
    for name in ("one", "two"):
        out = tmp_path / name
        arguments = [str(data), "--out", str(out), "--measures", "kept", "chain", *FAST]
        assert tracking.main([*arguments, "--chains", "random+flow"]) == 0
        results = json.loads((out / "results.json").read_text())
        found.append((results["trackers"], results["chains"], (out / "table.md").read_text()))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["--sequences", "absent"], "has no sequence absent"),
        (["--overlays", str(tracking.PROJECT / "docs")], "inside the project"),
        (["--chains", "motion"], "PROPOSER+TRACKER"),
        (["--chains", "motion+absent"], "PROPOSER+TRACKER"),
        (["--follow", "patience"], "KEY=VALUE"),
    ],
)
def test_mistakes_are_answered_with_a_sentence(data, tmp_path, capsys, change, says):
    assert tracking.main([str(data), "--out", str(tmp_path / "out"), *FAST, *change]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert says in error
    assert not (tmp_path / "out").exists()


def test_a_folder_without_sequences_is_refused(tmp_path, capsys):
    assert tracking.main([str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "no annotated sequence" in capsys.readouterr().err


def test_results_of_other_settings_are_not_mixed(data, tmp_path, capsys):
    arguments = [str(data), "--out", str(tmp_path / "out"), "--measures", "kept", *FAST]
    assert tracking.main(arguments) == 0
    assert tracking.main([*arguments, "--follow", "patience=5"]) == 1
    assert "another follow" in capsys.readouterr().err
