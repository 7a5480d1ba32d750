"""The study of LooC on tracks, on a store and sets made here: runs, resumes, refuses."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.training.making import make_store
from vidcl.datasets.labelled import write_labelled_set

sys.path.insert(0, str(Path(__file__).parents[2] / "pipelines"))
import study_looc_tracks as script


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    make_store(folder / "stores" / "tracks", regions=24)
    generator = np.random.default_rng(0)
    labels = {
        "instance": np.repeat([f"object-{n}" for n in range(6)], 8),
        "class": np.repeat(["a", "b"], 24),
        "azimuth": np.tile(np.arange(8) * 45.0, 6),
    }
    for name in ("viewpoint", "wild"):
        images = generator.integers(0, 256, (48, 32, 32, 3)).astype(np.uint8)
        path = folder / "world" / "sets-report" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_labelled_set(path, name, images, labels)
    return folder


def run(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["study_looc_tracks.py", *map(str, words)])
    return script.main()


def test_smoke_and_resume(world, tmp_path, monkeypatch, capsys):
    words = ["--world", world, "--out", tmp_path / "out", "--smoke", "--workers", 1]
    assert run(monkeypatch, *words) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    rows = results["rows"]
    assert set(rows) == {
        "moco, two moments",
        "looc++",
        "looc++: invariant",
        "looc++: time kept",
        script.RANDOM,
    }
    for row in rows.values():
        assert all(np.isfinite(row[column.metric]).all() for column in script.COLUMNS)
        assert 0 <= row["viewpoint/nearest"][0] <= 180 and 0 <= row["wild/recall@1"][0] <= 1
    page = (tmp_path / "out" / "page.md").read_text()
    assert "looc++, time kept minus invariant" in page and "one seed" in page
    assert (tmp_path / "out" / "plot.png").read_bytes().startswith(b"\x89PNG")
    # the same command again trains nothing
    weights = tmp_path / "out" / "runs" / "looc++" / "seed-0" / "checkpoints" / "last.pt"
    before = weights.stat().st_mtime_ns
    assert run(monkeypatch, *words) == 0
    assert weights.stat().st_mtime_ns == before
    assert run(monkeypatch, *words, "--device", "cuda:9") == 1
    assert "other settings" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--world", "nowhere"], "nowhere has no stores"),
        (["--world", "{world}", "--arms", "x"], "no arm 'x'"),
        (["--world", "{world}", "--objects", "tune"], "sets-tune"),
    ],
)
def test_wrong_input_is_a_sentence(words, text, world, tmp_path, monkeypatch, capsys):
    words = [word.format(world=world) for word in words]
    assert run(monkeypatch, *words, "--out", tmp_path / "out") == 1
    assert text in capsys.readouterr().err
