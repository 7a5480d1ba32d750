"""The script of invariance curves, as a user runs it."""

import csv
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vidcl.datasets.labelled import write_labelled_set
from vidcl.evaluation.factors import store

SCRIPT = Path(__file__).parents[2] / "pipelines" / "invariance_curves.py"


def load_script():
    spec = importlib.util.spec_from_file_location("invariance_curves", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """Thirty images of ten things of two classes: stripes of a thing's own colours."""
    path = tmp_path_factory.mktemp("sets") / "things.parquet"
    generator = np.random.default_rng(0)
    things = np.repeat(np.arange(10), 3)
    stripes = generator.integers(0, 256, (10, 4, 4, 3)).repeat(8, axis=1).repeat(8, axis=2)
    noise = generator.integers(-20, 21, (30, 32, 32, 3))
    images = np.clip(stripes[things] + noise, 0, 255).astype(np.uint8)
    labels = {"instance": [f"thing{k}" for k in things], "class": [f"c{k % 2}" for k in things]}
    write_labelled_set(path, "things", images, labels)
    return path


def started(monkeypatch, *words) -> int:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, words)])
    return load_script().main()


def words_of(labelled: Path, out: Path) -> tuple:
    return (
        *("--encoders", "net=random:resnet_tiny", "--size", 32, "--out", out),
        *("--datasets", f"things:{labelled}", "--images", 24, "--bootstrap", 50),
        *("--factors", "crop", "blur", "--severities", 5, 1),
    )


def test_measures_writes_and_goes_on(labelled, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    assert started(monkeypatch, *words_of(labelled, out)) == 0
    said = capsys.readouterr().out
    results = json.loads((out / "results.json").read_text())
    rows = {system["name"]: system for system in results["systems"]}
    # the random network asked for is the first network's twin, so no second one is added
    assert list(rows) == ["net", "color-histogram", "raw-pixels", "i.i.d. features"]
    assert {row["kind"] for row in rows.values()} == {"control"}
    for name, row in rows.items():
        things = row["sets"]["things"]
        assert things["images"] == 24
        for key in ("factor_curves", "factor_curves_recall", "factor_curves_knn"):
            assert list(things[key]) == ["crop", "blur"]
            assert [point[0] for point in things[key]["blur"]["points"]] == [0, 1, 5]
        kept = [point[1] for point in things["factor_curves"]["crop"]["points"]]
        assert kept[0] == pytest.approx(1) and kept[2] < 0.95 and name in said
    pixels, chance = rows["raw-pixels"]["sets"]["things"], rows["i.i.d. features"]["sets"]["things"]
    assert pixels["factor_curves_recall"]["blur"]["points"][1][1] == 1
    assert abs(chance["factor_curves"]["blur"]["auc"]) < 0.2
    assert results["settings"]["factors"]["severities"] == [1, 5]
    assert results["settings"]["strengths"]["crop"]["steps"][4] == [0.1]
    assert results["sets"]["things"]["content_hash"]
    with open(out / "results.csv") as file:
        values = {(r["system"], r["metric"]): float(r["value"]) for r in csv.DictReader(file)}
    assert values["raw-pixels", "auc crop"] == pixels["factor_curves"]["crop"]["auc"]
    for name in ("curves", "curves_recall", "curves_knn"):
        assert Image.open(out / f"{name}.png").width > 500

    def remade(*_):
        raise AssertionError("an image was transformed again")

    monkeypatch.setattr(store, "transformed_set", remade)
    assert started(monkeypatch, *words_of(labelled, out)) == 0
    again = json.loads((out / "results.json").read_text())
    assert again["systems"] == results["systems"]


def test_goes_on_after_ctrl_c(labelled, tmp_path, monkeypatch, capsys):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert started(monkeypatch, *words_of(labelled, whole)) == 0
    made, make = [], store.transformed_set

    def impatient(data, factor, severity, *rest, **named):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append((factor, severity))
        return make(data, factor, severity, *rest, **named)

    monkeypatch.setattr(store, "transformed_set", impatient)
    assert started(monkeypatch, *words_of(labelled, stopped)) == 130
    assert "goes on from here" in capsys.readouterr().err
    assert not (stopped / "results.json").exists()
    before = {path: path.stat().st_mtime_ns for path in (stopped / "features").iterdir()}
    assert len(before) == 3 * 3  # three conditions of three encoders
    monkeypatch.setattr(store, "transformed_set", make)
    assert started(monkeypatch, *words_of(labelled, stopped)) == 0
    assert all(path.stat().st_mtime_ns == then for path, then in before.items())
    one, other = (json.loads((out / "results.json").read_text()) for out in (whole, stopped))
    assert one["systems"] == other["systems"]


def test_sheet_alone_needs_no_encoder(labelled, tmp_path, monkeypatch):
    file = tmp_path / "sheet.png"
    assert started(monkeypatch, "--datasets", f"t:{labelled}", "--sheet", file) == 0
    assert Image.open(file).height > 8 * 128
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--encoders", "nowhere.pt", "--datasets", "w:SET", "--out", "OUT"), "nowhere.pt"),
        (("--encoders", "raw-pixels", "--datasets", "SET", "--out", "OUT"), "NAME:PATH"),
        (("--encoders", "raw-pixels", "--datasets", "w:SET"), "--out FOLDER"),
        (("--datasets", "w:SET"), "at least one encoder"),
        (
            ("--encoders", "a=raw-pixels", "a=color-histogram", "--datasets", "w:SET"),
            "Two rows are named 'a'",
        ),
        (("--encoders", "features:f.npy", "--datasets", "w:SET"), "cannot see changed images"),
        (("--encoders", "raw-pixels", "--datasets", "w:SET", "w:SET"), "Two data sets"),
        (("--datasets", "w:SET", "--sheet", "OUT.jpg"), "ends in .png"),
        (("--datasets", "w:SET", "--sheet", "OUT.png", "--sheet-image", "99"), "0 to 29"),
        (("--datasets", "w:SET", "--sheet", "OUT.png", "--factors", "fog"), "There is no factor"),
        (("--datasets", "w:SET", "--sheet", "OUT.png", "--severities", "9"), "from 1 to 5"),
        (("--datasets", "w:SET", "--sheet", "OUT.png", "--images", "1"), "images"),
        (
            ("--datasets", "w:SET", "--sheet", "OUT.png", "--instance-column", "id"),
            "choose one of instance, class with --instance-column",
        ),
    ],
)
def test_wrong_input_is_one_sentence(words, sentence, labelled, tmp_path, monkeypatch, capsys):
    out = str(tmp_path / "out")
    named = [word.replace("SET", str(labelled)).replace("OUT", out) for word in words]
    if "--encoders" in named and "--out" not in named and "--out FOLDER" not in sentence:
        named += ["--out", out]
    assert started(monkeypatch, *named) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ") and sentence in said and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_help_shows_examples(monkeypatch, capsys):
    with pytest.raises(SystemExit) as end:
        started(monkeypatch, "--help")
    assert end.value.code == 0
    told = capsys.readouterr().out
    assert "--factors rotation blur" in told and "--sheet sheet.png" in told
