"""Arms run once, are kept, and are shown."""

import json
import os

import pytest

from vidcl.arms import run_arms
from vidcl.config import Config
from vidcl.errors import VidclError
from vidcl.report.arms import Column, arms_plot, arms_table


class Settings(Config):
    factor: float = 2.0


def measure(arm, seed, settings, folder, progress=None):
    folder.parent.mkdir(exist_ok=True)
    with open(folder.parent / "calls", "a") as file:
        file.write("x")
    if arm == "broken" and "ALLOW_BROKEN" not in os.environ:
        raise VidclError("this arm cannot run")
    return {"value": settings.factor * seed} | ({"extra": 1.0} if arm == "b" else {})


def test_arms_are_run_once_and_collected(tmp_path, monkeypatch):
    seeds = (1, 3)
    with pytest.raises(VidclError, match="cannot run"):
        run_arms(tmp_path, measure, ("a", "broken"), seeds, Settings(), workers=1)
    monkeypatch.setenv("ALLOW_BROKEN", "1")
    got = run_arms(tmp_path, measure, ("a", "broken", "b"), seeds, Settings(), workers=2)
    assert got["a"] == {"value": [2.0, 6.0]} and got["b"]["extra"] == [1.0, 1.0]
    assert (tmp_path / "runs" / "a" / "calls").read_text() == "xx"
    assert json.loads((tmp_path / "runs" / "b" / "seed-3.json").read_text())["value"] == 6.0
    with pytest.raises(VidclError, match="other settings"):
        run_arms(tmp_path, measure, ("a",), seeds, Settings(factor=1.0), workers=1)


def test_tables_and_plots_show_mean_and_spread():
    measured = {"a": {"value": [0.1, 0.3]}, "b": {"value": [0.5], "extra": [7.0]}}
    columns = [Column("value", "V, %", 100.0), Column("extra", "E", digits=2, chance=3.0)]
    assert arms_table(measured, columns).splitlines()[2:] == [
        "| a | 20.0 ± 14.1 | - |",
        "| b | 50.0 | 7.00 |",
    ]
    assert "| R \\| GB | 50.0 |" in arms_table({"R | GB": measured["b"]}, columns)
    assert arms_plot(measured, columns).startswith(b"\x89PNG")
