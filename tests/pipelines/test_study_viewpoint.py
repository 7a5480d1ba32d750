"""The study runs from end to end on a tiny world, and goes on where it stopped."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vidcl.report.study import claims, interval

SCRIPT = Path(__file__).parents[2] / "pipelines" / "study_viewpoint.py"


def test_smoke(tmp_path):
    command = [sys.executable, str(SCRIPT), "--smoke", "--out", str(tmp_path), "--workers", "2"]
    first = subprocess.run(command, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stderr[-2000:]
    results = json.loads((tmp_path / "results.json").read_text())
    names = [system["name"] for system in results["systems"]]
    assert {"moco", "region_exact", "random network", "i.i.d. features"} <= set(names)
    assert all(set(system["sets"]) == {"wild", "viewpoint"} for system in results["systems"])
    assert "region_exact / region_gap0" in (tmp_path / "claims.txt").read_text()
    assert "region_only - region_gap0, wild, recall@1: " in (tmp_path / "claims.txt").read_text()
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert "| moco |" in (tmp_path / "table.md").read_text()
    assert (tmp_path / "report.html").is_file()


def test_help_names_every_setting():
    run = subprocess.run(
        [sys.executable, str(SCRIPT), "--help"], capture_output=True, text=True, check=True
    )
    assert "--seeds" in run.stdout and "--objects" in run.stdout


def test_interval_is_students():
    # Mean 2, sample deviation 1, three values: 4.303 / sqrt(3).
    mean, half = interval([1.0, 2.0, 3.0])
    assert mean == pytest.approx(2.0)
    assert half == pytest.approx(2.4843, abs=1e-3)
    assert np.isnan(interval([1.0])[1])


def test_claims_follow_their_definitions():
    lines = claims(
        {"region_gap0": [0.1, 0.1], "region_only": [0.2, 0.2], "region_exact": [0.3, 0.3]}, 0.25
    )
    assert "region_exact / region_gap0: 3.00" in lines[0]
    assert "points: 5.00" in lines[1]
    assert "%: 50.00" in lines[2]
