"""``vidcl probe`` as a user meets it: tables in, a table of text and results.json out."""

import json

import numpy as np
import pytest
from PIL import Image

from vidcl.cli import main
from vidcl.evaluation.probes.results import probes_text
from vidcl.evaluation.results import read_results
from vidcl.evaluation.table import embedding_table, write_embeddings

QUICK = ["--linear-epochs", "3", "--episodes", "20", "--bootstrap", "50", "--ways", "3"]


def labelled(instances=8, views=5, classes=4, dim=16, seed=0, first=0):
    """Features that tell the class and, in two columns, the azimuth."""
    rng = np.random.default_rng(seed)
    instance = np.repeat(np.arange(instances * classes), views)
    label = instance % classes
    azimuth = rng.integers(0, 360, len(instance)).astype(float)
    centres = np.random.default_rng(99).normal(size=(classes, dim)) * 1.5
    x = centres[label] + rng.normal(size=(len(label), dim))
    x[:, -2:] = np.stack([np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))], axis=1) * 4
    labels = {
        "class": np.array([f"c{k}" for k in label]),
        "instance": np.array([f"i{k + first}" for k in instance]),
        "azimuth": azimuth,
        "constant": np.ones(len(label)),
    }
    return x, labels


def write(path, features, labels, name="toys"):
    write_embeddings(embedding_table(features, labels, {"set": name, "encoder": "made"}), path)
    return str(path)


@pytest.fixture
def tables(tmp_path):
    train = write(tmp_path / "train.parquet", *labelled())
    test = write(tmp_path / "test.parquet", *labelled(6, seed=1, first=1000), name="toys test")
    return train, test


def test_two_tables_give_every_probe_its_chance_and_its_settings(tables, tmp_path, capsys):
    out = tmp_path / "run" / "results.json"
    probes = ["knn", "linear", "logistic", "svm", "few-shot", "regression"]
    words = ["probe", *tables, "--probes", *probes, "--knn-k", "5", "20", "--name", "made"]
    assert main([*words, *QUICK, "--shots", "1", "3", "--queries", "5", "--out", str(out)]) == 0
    results = read_results(out)
    assert [system["name"] for system in results["systems"]] == ["made", "i.i.d. features"]
    assert [system["kind"] for system in results["systems"]] == ["trained", "control"]
    entries, chance = (one["sets"]["toys test"]["probes"] for one in results["systems"])
    assert [(one["probe"], one["metric"]) for one in entries] == [
        ("knn", "accuracy k=5"),
        ("knn", "accuracy k=20"),
        ("linear", "accuracy"),
        ("logistic", "accuracy"),
        ("svm", "mAP"),
        ("svm", "mAP 11-point"),
        ("few-shot mean", "accuracy 3-way 1-shot"),
        ("few-shot logistic", "accuracy 3-way 1-shot"),
        ("few-shot mean", "accuracy 3-way 3-shot"),
        ("few-shot logistic", "accuracy 3-way 3-shot"),
        ("regression", "R2 azimuth"),
    ]
    assert [one["metric"] for one in chance] == [one["metric"] for one in entries]
    for one, iid in zip(entries, chance, strict=True):
        assert set(one) == {"probe", "metric", "value", "interval", "chance", "settings"}
        low, high = one["interval"]
        assert low <= one["value"] <= high
        assert one["value"] > 0.6 > iid["value"] + 0.1
        assert one["settings"]["seed"] == 0
    assert entries[-1]["settings"]["as"] == "sine and cosine"
    assert results["settings"]["probe"]["knn_k"] == [5, 20]
    assert results["sets"]["toys test"]["images"] == 120
    assert results["settings"]["training_set"]["images"] == 160
    assert results["warnings"] == []
    said = capsys.readouterr().out
    line = next(line for line in said.splitlines() if line.startswith("linear"))
    assert f"{100 * entries[2]['value']:.1f}" in line
    assert f"{100 * chance[2]['value']:.1f}" in line
    assert f"results: {out}" in said
    assert "made on toys test: training and test tables as given" in said


def test_one_table_is_split_by_instance_and_the_same_again(tmp_path, capsys):
    table = write(tmp_path / "all.parquet", *labelled())
    outs = [tmp_path / "a.json", tmp_path / "b.json"]
    for out in outs:
        words = ["probe", table, "--knn-k", "5", "--no-chance", *QUICK, "--out", str(out)]
        assert main([*words, "--test-share", "0.25"]) == 0
    assert outs[0].read_bytes() == outs[1].read_bytes()
    results = json.loads(outs[0].read_text())
    assert len(results["systems"]) == 1
    knn, linear = results["systems"][0]["sets"]["toys"]["probes"]
    assert knn["settings"]["test_rows"] == 4 * 2 * 5  # of each class two of eight instances
    assert knn["settings"]["train_rows"] == 4 * 6 * 5
    assert linear["settings"]["validation_rows"] == 4 * 1 * 5
    assert results["settings"]["split"].startswith("by instance: 0.25 of every class")
    assert "i.i.d." not in capsys.readouterr().out


def test_voc_columns_and_a_split_column_make_the_voc_probe(tmp_path):
    x, labels = labelled()
    rng = np.random.default_rng(0)
    known = np.stack([labels["class"] == f"c{k}" for k in range(4)], axis=1)
    targets = np.where(known, 1, -1)
    targets[rng.random(targets.shape) < 0.1] = 0
    columns = {
        f"voc_{name}": targets[:, k] for k, name in enumerate(["bird", "boat", "bus", "cat"])
    }
    split = np.where(np.arange(len(x)) % 2, "test", "trainval")
    table = write(tmp_path / "voc.parquet", x, {"path": labels["class"], "split": split} | columns)
    out = tmp_path / "results.json"
    words = ["probe", table, "--probes", "svm", "--no-chance", "--bootstrap", "20"]
    assert main([*words, "--out", str(out)]) == 0
    area, eleven = read_results(out)["systems"][0]["sets"]["toys"]["probes"]
    assert area["settings"]["train_rows"] == area["settings"]["test_rows"] == 80
    assert list(area["settings"]["chosen_costs"]) == ["bird", "boat", "bus", "cat"]
    assert area["settings"]["difficult_rows"]["test"] == int((targets[1::2] == 0).sum())
    assert area["value"] > 0.7
    assert eleven["value"] > 0.7


def test_instances_on_both_sides_are_told(tmp_path, capsys):
    train = write(tmp_path / "train.parquet", *labelled())
    test = write(tmp_path / "test.parquet", *labelled(seed=1))
    assert main(["probe", train, test, "--probes", "knn", "--knn-k", "3", "--no-chance"]) == 0
    assert "note: 32 instances have views in both tables" in capsys.readouterr().out


def test_rotation_embeds_turned_images(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for number in range(24):
        image = rng.integers(0, 100, size=(12, 12, 3)).astype(np.uint8)
        image[:3] += 150
        folder = tmp_path / "photos" / ("a" if number % 2 else "b")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{number}.png")
    out = tmp_path / "results.json"
    words = ["probe", "--encoder", "raw-pixels", "--images", str(tmp_path / "photos")]
    words += ["--probes", "rotation", "knn", "--knn-k", "3", "--bootstrap", "50"]
    assert main([*words, "--out", str(out)]) == 0
    pixels, chance = read_results(out)["systems"]
    assert pixels["name"] == "raw-pixels"
    assert pixels["kind"] == "control"
    rotation, knn = pixels["sets"]["photos"]["probes"]
    assert rotation["value"] == 1.0
    assert rotation["chance"] == 0.25
    assert rotation["settings"]["test_images"] == 7
    assert knn["settings"]["test_rows"] == 8
    assert chance["sets"]["photos"]["probes"][0]["value"] < 0.6
    assert "raw-pixels on photos" in capsys.readouterr().out


def spoil(labels, **changes):
    return labels | {name.rstrip("_"): value for name, value in changes.items()}


@pytest.mark.parametrize(
    ("changes", "words", "text"),
    [
        ({"class_": np.full(120, "c9")}, ["knn"], "no training row (c9)"),
        ({"class_": np.full(120, "c9")}, ["linear"], "no training row (c9)"),
        ({"class_": np.full(120, "c9")}, ["logistic"], "no training row (c9)"),
        ({"class_": np.full(120, "c9")}, ["svm"], "give both the same"),
        (
            {"azimuth": np.full(120, np.nan)},
            ["regression", "--regression-columns", "azimuth"],
            "120",
        ),
        ({}, ["regression", "--regression-columns", "height"], "no label column 'height'"),
        ({}, ["regression", "--regression-columns", "constant"], "do not vary"),
        ({}, ["regression", "--regression-columns", "class"], "no numbers"),
        ({}, ["few-shot", "--shots", "6"], "lower the shots"),
        ({}, ["few-shot"], "lower the shots, the queries or the ways"),
        ({}, ["knn", "--knn-k", "500"], "lower k"),
        ({}, ["knn", "--class-column", "kind"], "no label column 'kind'"),
        ({}, ["rotation"], "give --encoder and --images"),
        ({}, ["knn", "--encoder", "raw-pixels"], "together"),
        ({}, ["knn", "knn"], "each of them once"),
    ],
)
def test_wrong_input_gets_one_sentence(changes, words, text, tables, tmp_path, capsys):
    x, labels = labelled(6, seed=1)
    test = write(tmp_path / "other.parquet", x, spoil(labels, **changes))
    assert main(["probe", tables[0], test, "--no-chance", "--probes", *words]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("vidcl: ")]
    assert len(errors) == 1
    assert text in errors[0]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "Name the tables to probe"),
        (["a", "b", "c"], "a training and a test table"),
        (["nowhere.parquet"], "nowhere.parquet"),
        (["--encoder", "features:x.npy", "--images", "y", "--probes", "rotation"], "turned images"),
        (["--encoder", "raw-pixels", "--images", "nowhere", "--probes", "rotation"], "nowhere"),
    ],
)
def test_wrong_words_get_one_sentence(words, text, capsys):
    assert main(["probe", *words]) == 1
    assert text in capsys.readouterr().err


def test_a_single_class_is_refused(tmp_path, capsys):
    x, labels = labelled()
    table = write(tmp_path / "one.parquet", x, labels | {"class": np.full(len(x), "c")})
    assert main(["probe", table, "--probes", "knn"]) == 1
    assert "at least two classes" in capsys.readouterr().err


def test_help_shows_examples_and_settings(capsys):
    with pytest.raises(SystemExit):
        main(["probe", "--help"])
    said = capsys.readouterr().out
    assert "vidcl probe train.parquet test.parquet --out results.json" in said
    assert "--linear-rates" in said


def test_the_text_shows_shares_in_per_cent_and_r2_as_it_is():
    common = {"chance": 0.0, "settings": {}}
    entries = [
        {
            "probe": "knn",
            "metric": "accuracy k=5",
            "value": 0.5,
            "interval": [0.25, 0.75],
            **common,
        },
        {"probe": "regression", "metric": "R2 x", "value": -1e-5, "interval": None, **common},
    ]
    lines = probes_text("probe", entries, entries[::-1]).splitlines()
    assert lines[2].split() == [
        "knn",
        "accuracy",
        "k=5",
        "50.0",
        "25.0",
        "..",
        "75.0",
        "0.0",
        "0.0",
    ]
    assert lines[3].split() == ["regression", "R2", "x", "0.000", "-", "0.000", "0.500"]
