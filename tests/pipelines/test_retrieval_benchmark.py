"""The benchmark script, as a user runs it."""

import csv
import importlib.util
import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vidcl.datasets.labelled import open_labelled_set, write_labelled_set
from vidcl.evaluation.embed import embed
from vidcl.evaluation.retrieval.cross_view import cross_view_retrieval
from vidcl.evaluation.retrieval.search import quantised
from vidcl.evaluation.table import read_embeddings, table_features
from vidcl.models.checkpoint import Trained
from vidcl.models.encoder import Architecture, Preprocessing, build_encoder
from vidcl.models.export import export

SCRIPT = Path(__file__).parents[2] / "pipelines" / "retrieval_benchmark.py"
QUICK = ("--bootstrap", "50", "--permutations", "50")


@pytest.fixture
def script(monkeypatch):
    """The script as a module; it finds its helpers as when it is run."""
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    spec = importlib.util.spec_from_file_location("retrieval_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(script, monkeypatch, capsys):
    """Runs the script: (status, what it printed, what it complained of)."""
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)  # put back afterwards

    def call(*words):
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, words), *QUICK])
        status = script.main()
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


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
        "split": np.tile(["query", "gallery", "gallery", "query"], 16),
    }
    write_labelled_set(path, "wild", images, labels)
    return path


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A file of weights."""
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    encoder = build_encoder(Architecture("resnet_tiny"), Preprocessing(32))
    export(Trained(encoder, None, ()), path, "safetensors")
    return path


def results_of(out):
    results = json.loads((out / "results.json").read_text())
    return results, {system["name"]: system for system in results["systems"]}


def test_measures_and_writes_everything(labelled, tiny, tmp_path):
    out = tmp_path / "out"
    words = (
        *("--encoders", f"../n et={tiny}", "color-histogram", "raw-pixels"),
        *("--datasets", f"wild:{labelled}", "--min-gaps", 90, 0, "--out", out),
    )
    command = [sys.executable, str(SCRIPT), *map(str, words), *QUICK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    results, rows = results_of(out)
    chance = [f"i.i.d. features, {width} units" for width in (128, 512, 768)]
    names = ["../n et", "color-histogram", "raw-pixels", "random resnet_tiny"]
    assert list(rows) == [*names, *chance]
    assert [row["kind"] for row in rows.values()] == ["trained"] + ["control"] * 6
    assert [row.get("chance", False) for row in rows.values()] == [False] * 4 + [True] * 3
    wild = rows["color-histogram"]["sets"]["wild"]
    assert wild["recall@1"] > 0.9 and wild["min_gap"] == 90 and wild["n"] == 64
    assert [entry["min_gap"] for entry in wild["gaps"]] == [90, 0]
    assert wild["gaps"][0]["recall@1"] == wild["recall@1"]
    for metric in ("recall@1", "recall@5", "recall@10", "map", "map@r", "r_precision"):
        low, high = wild[f"{metric}_interval"]
        assert low <= wild[metric] <= high
    assert results["settings"]["evaluation"]["min_gap"] == 90
    assert results["settings"]["evaluation"]["min_gaps"] == [90, 0]
    assert "color-histogram" in done.stdout and str(out / "report.html") in done.stdout
    assert "wild: R@1" in done.stdout and "gap >= 0" in done.stdout and "[" in done.stdout
    with open(out / "results.csv") as file:
        lines = {(line["system"], line["metric"]): line for line in csv.DictReader(file)}
    assert float(lines["color-histogram", "recall@1"]["value"]) == wild["recall@1"]
    assert float(lines["color-histogram", "recall@1"]["low"]) == wild["recall@1_interval"][0]
    files = json.loads((out / "embeddings.json").read_text())["wild"]
    table = read_embeddings(files["../n et"])
    assert Path(files["../n et"]).parent == out / "embeddings" / "wild"
    expected = cross_view_retrieval(
        table_features(table), table["instance"].to_numpy(), table["azimuth"].to_numpy(), 90.0
    )
    assert rows["../n et"]["sets"]["wild"]["map"] == expected["map"]
    assert (out / "report.html").stat().st_size > 10_000
    gallery = json.loads((out / "galleries.json").read_text())["galleries"][0]
    assert [system["name"] for system in gallery["systems"]] == names
    assert gallery["asked"] == 64


def test_what_was_embedded_is_not_embedded_again(run, labelled, tiny, tmp_path, monkeypatch):
    words = ("--encoders", tiny, "--datasets", f"wild:{labelled}", "--cache", tmp_path / "cache")
    status, first, _ = run(*words, "--out", tmp_path / "a")
    assert status == 0
    import vidcl.evaluation.encoders.network as network

    def never(*_, **__):
        raise AssertionError("embedded again")

    monkeypatch.setattr(network, "feature_batches", never)
    status, second, _ = run(*words, "--out", tmp_path / "b")
    assert status == 0
    assert first.split("results:")[0] == second.split("results:")[0]
    assert "(2 tables" in second


def test_ctrl_c_keeps_what_was_done(run, labelled, tiny, tmp_path, monkeypatch):
    import vidcl.evaluation.encoders.open as opening

    words = ("--encoders", tiny, "raw-pixels", "--datasets", f"wild:{labelled}")
    words += ("--out", tmp_path / "out")

    def stopped(source, start):
        raise KeyboardInterrupt
        yield

    with monkeypatch.context() as patch:
        patch.setattr(opening, "raw_pixels_rows", stopped)
        status, _, complaint = run(*words)
    assert status == 130 and "goes on from here" in complaint
    assert len(list((tmp_path / "out").rglob("tiny*.parquet"))) == 1
    assert not (tmp_path / "out" / "results.json").exists()
    status, _, _ = run(*words)
    assert status == 0


def test_a_split_and_distractors_against_a_slow_reference(run, labelled, tmp_path):
    """Every query against the gallery and the crowd, one by one."""
    crowd = tmp_path / "crowd"
    crowd.mkdir()
    data = open_labelled_set(labelled)
    for k in range(0, 64, 5):
        (crowd / f"{k}.png").write_bytes(data.read(k))  # as hard as can be: of the set itself
    status, out, _ = run(
        *("--encoders", "h=color-histogram", "--datasets", f"wild:{labelled}"),
        *("--split-column", "split", "--min-gap", 0, "--distractors", f"crowd:{crowd}"),
        *("--out", tmp_path / "out"),
    )
    assert status == 0 and "13 distractors are in every gallery" in out
    results, rows = results_of(tmp_path / "out")
    found = rows["h"]["sets"]["wild"]
    from vidcl.evaluation.controls import color_histogram_table

    own = table_features(color_histogram_table(data)).astype(np.float64)
    others = table_features(color_histogram_table(crowd)).astype(np.float64)
    everything = np.concatenate([own, others])
    everything /= np.linalg.norm(everything, axis=1, keepdims=True)
    names = [*data.labels["instance"], *[""] * 13]
    gallery = [k for k in range(64) if data.labels["split"][k] == "gallery"] + list(range(64, 77))
    precision, first = [], []
    for query in np.flatnonzero(data.labels["split"] == "query"):
        scores = quantised(everything[gallery] @ everything[query])
        order = sorted(range(len(gallery)), key=lambda g: (-scores[g], gallery[g]))
        right = np.array([names[gallery[g]] == names[query] for g in order])
        ranks = np.flatnonzero(right) + 1
        precision.append(np.mean(np.arange(1, len(ranks) + 1) / ranks))
        first.append(right[0])
    assert found["n"] == 32 and found["gallery"] == 45
    assert found["map"] == pytest.approx(np.mean(precision), abs=1e-9)
    assert found["recall@1"] == pytest.approx(np.mean(first), abs=1e-12)
    assert set(results["sets"]) == {"wild"}
    packed = json.loads((tmp_path / "out" / "galleries.json").read_text())["galleries"][0]
    asked = {packed["rows"][query] for query in packed["queries"]}
    assert asked <= set(np.flatnonzero(data.labels["split"] == "query").tolist())
    assert "distractor (crowd)" in packed["labels"]
    hits = {packed["rows"][hit] for line in packed["systems"][0]["found"] for hit in line}
    assert hits <= set(gallery)


def test_a_quick_look(run, labelled, tmp_path):
    words = ("--encoders", "raw-pixels", "--datasets", f"wild:{labelled}", "--min-gap", 0)
    for out in ("a", "b"):
        status, _, _ = run(*words, "--limit", 30, "--out", tmp_path / out)
        assert status == 0
    first, second = (results_of(tmp_path / out)[0] for out in ("a", "b"))
    assert first["sets"] == second["sets"] and first["systems"] == second["systems"]
    assert first["sets"]["wild"]["images"] == 30 and first["settings"]["limit"] == 30


def test_hostile_file_names_and_labels(run, tmp_path):
    folder = tmp_path / "photos"
    for k, name in enumerate(("<script>x", "a'b\"c", "ü &amp;")):
        (folder / name).mkdir(parents=True)
        for view in range(2):
            Image.new("RGB", (8, 8), (80 * k, view, 0)).save(folder / name / f"{view} <b>.png")
    status, out, _ = run(
        *("--encoders", "<i>=color-histogram", "--instance-column", "class"),
        *("--datasets", f"photos:{folder}", "--out", tmp_path / "out"),
    )
    assert status == 0 and "<i>" in out
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script>x" not in page and "<i>" not in page
    (file,) = (tmp_path / "out" / "embeddings" / "photos").iterdir()
    assert file.name.startswith("_i_-")


def test_a_feature_file_is_measured_like_its_encoder(run, labelled, tiny, tmp_path):
    from vidcl.models.checkpoint import load_encoder

    features = table_features(embed(load_encoder(tiny), labelled))
    np.save(tmp_path / "f.npy", features)
    with pytest.warns(UserWarning, match="in the set's order"):
        status, _, _ = run(
            *("--encoders", f"net={tiny}", f"file=features:{tmp_path / 'f.npy'}"),
            *("--datasets", f"wild:{labelled}", "--out", tmp_path / "out"),
        )
    assert status == 0
    _, rows = results_of(tmp_path / "out")
    assert rows["net"]["sets"] == rows["file"]["sets"]
    assert rows["file"]["kind"] == "trained"
    assert list(rows)[2:] == ["random resnet_tiny", "i.i.d. features"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--encoders", "nowhere.pt", "--datasets", "w:SET"), "nowhere.pt"),
        (("--encoders", "random:resnet9", "--datasets", "w:SET"), "resnet9"),
        (("--encoders", "raw-pixels", "--datasets", "SET"), "NAME:PATH"),
        (("--encoders", "raw-pixels", "raw-pixels", "--datasets", "w:SET"), "Two rows"),
        (("--encoders", "raw-pixels", "--datasets", "w:none"), "There is no image set"),
        (("--encoders", "raw-pixels", "--datasets", "w:SET", "w:SET"), "Two sets are named 'w'"),
        (
            ("--encoders", "raw-pixels", "--datasets", "w:SET", "--instance-column", "id"),
            "choose one of instance, class, azimuth, split",
        ),
        (
            ("--encoders", "raw-pixels", "--datasets", "w:SET", "--split-column", "part"),
            "no label column 'part'",
        ),
        (("--encoders", "raw-pixels", "--datasets", "w:SET", "--min-gaps", "200"), "0 to 180"),
        (("--encoders", "raw-pixels", "--datasets", "w:SET", "--limit", "1"), "2 or more"),
        (("--encoders", "raw-pixels", "--datasets", "tracks:SET"), "another name"),
        (("--encoders", "raw-pixels", "--datasets", "w:SET", "--device", "x"), "no device 'x'"),
        (
            ("--encoders", "features:none.npy", "--datasets", "w:SET"),
            "There is no file of features at none.npy",
        ),
        (
            ("--encoders", "raw-pixels", "--datasets", "w:SET", "--distractors", "d:none"),
            "There is no image set",
        ),
    ],
)
def test_wrong_input_is_one_sentence(words, sentence, labelled, tmp_path, run):
    named = [word.replace("SET", str(labelled)) for word in words]
    status, _, said = run(*named, "--out", tmp_path / "out")
    assert status == 1
    assert said.startswith("error: ") and sentence in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_features_of_another_set_are_told_before_anything_is_embedded(run, labelled, tmp_path):
    np.save(tmp_path / "f.npy", np.zeros((5, 3)))
    status, _, said = run(
        *("--encoders", "raw-pixels", f"features:{tmp_path / 'f.npy'}"),
        *("--datasets", f"w:{labelled}", "--out", tmp_path / "out"),
    )
    assert status == 1 and "5 features for 64 images" in said
    assert not (tmp_path / "out").exists()


def test_help_shows_examples(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--help"])
    with pytest.raises(SystemExit) as end:
        script.main()
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert "random:resnet18" in said and "--split-column" in said and "ray job submit" in said
