"""The benchmark script, as a user runs it."""

import csv
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vidcl.datasets.labelled import write_labelled_set
from vidcl.evaluation.table import read_embeddings

SCRIPT = Path(__file__).parents[2] / "pipelines" / "retrieval_benchmark.py"


def load_script():
    spec = importlib.util.spec_from_file_location("retrieval_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """Eight flat-coloured objects seen from eight sides: colour alone finds them."""
    path = tmp_path_factory.mktemp("sets") / "wild.parquet"
    generator = np.random.default_rng(0)
    instances = np.repeat(np.arange(8), 8)
    colours = generator.integers(0, 256, (8, 1, 1, 3))
    noise = generator.integers(-6, 7, (64, 24, 24, 3))
    images = np.clip(colours[instances] + noise, 0, 255).astype(np.uint8)
    labels = {
        "instance": [f"object{k}" for k in instances],
        "class": [f"class{k % 2}" for k in instances],
        "azimuth": np.tile(np.arange(8) * 45.0, 8),
    }
    write_labelled_set(path, "wild", images, labels)
    return path


def test_measures_and_writes_everything(labelled, tmp_path):
    out = tmp_path / "out"
    words = (
        *("--encoders", "net=random:resnet_tiny", "color-histogram", "raw-pixels"),
        *("--datasets", f"wild:{labelled}", "--size", 32, "--min-gap", 90, "--out", out),
    )
    command = [sys.executable, str(SCRIPT), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    results = json.loads((out / "results.json").read_text())
    rows = {system["name"]: system for system in results["systems"]}
    assert list(rows) == ["net", "color-histogram", "raw-pixels", "i.i.d. features"]
    wild = rows["color-histogram"]["sets"]["wild"]
    assert wild["recall@1"] > 0.9 and wild["min_gap"] == 90 and wild["n"] == 64
    assert results["settings"]["evaluation"]["min_gap"] == 90
    assert "color-histogram" in done.stdout and str(out / "report.html") in done.stdout
    with open(out / "results.csv") as file:
        values = {(r["system"], r["metric"]): float(r["value"]) for r in csv.DictReader(file)}
    assert values["color-histogram", "recall@1"] == wild["recall@1"]
    assert len(read_embeddings(out / "embeddings" / "wild" / "net.parquet")) == 64
    assert (out / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--encoders", "nowhere.pt", "--datasets", "w:SET"), "nowhere.pt"),
        (("--encoders", "random:resnet9", "--datasets", "w:SET"), "resnet9"),
        (("--encoders", "raw-pixels", "--datasets", "SET"), "NAME:PATH"),
        (("--encoders", "raw-pixels", "raw-pixels", "--datasets", "w:SET"), "Two rows"),
        (("--encoders", "raw-pixels", "--datasets", "w:none"), "There is no image set"),
        (
            ("--encoders", "raw-pixels", "--datasets", "w:SET", "--instance-column", "id"),
            "choose one of instance, class, azimuth",
        ),
    ],
)
def test_wrong_input_is_one_sentence(words, sentence, labelled, tmp_path, monkeypatch, capsys):
    named = [word.replace("SET", str(labelled)) for word in words]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *named, "--out", str(tmp_path / "out")])
    assert load_script().main() == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ") and sentence in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_help_shows_examples(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--help"])
    with pytest.raises(SystemExit) as end:
        load_script().main()
    assert end.value.code == 0
    assert "random:resnet18" in capsys.readouterr().out
