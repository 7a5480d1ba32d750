"""``vidcl invariance`` on small tables."""

import json

import numpy as np
import pytest

from tests.evaluation.invariance.problems import object_features
from vidcl.commands import invariance
from vidcl.errors import VidclError
from vidcl.evaluation.invariance.chance import chance_row
from vidcl.evaluation.invariance.ris import ris
from vidcl.evaluation.invariance.whitened import whitened_invariance
from vidcl.evaluation.table import embedding_table, write_embeddings


def write(path, *, noise, units=32, seed=0, factor=False, content="abc", set_column=False):
    features, owner, classes = object_features(
        np.random.default_rng(seed), sets=24, views=6, units=units, noise=noise, classes=8
    )
    labels = {"class": np.array([f"c{k}" for k in classes])}
    labels["instance"] = np.array([f"o{k:02d}" for k in owner])
    if factor:
        labels["factor"] = np.where(np.arange(len(owner)) % 6 < 3, "view", "light")
    if set_column:
        labels["set"] = np.array([f"{k // 3}" for k in range(len(owner))])
    table = embedding_table(features, labels, {"set": "wild", "content_hash": content})
    write_embeddings(table, path)
    return features.astype(np.float32), labels


def run(capsys, tmp_path, *words):
    out = tmp_path / "out" / "results.json"
    assert invariance.run([*map(str, words), "--out", str(out)]) == 0
    return json.loads(out.read_text()), capsys.readouterr().out


def test_numbers_are_those_of_the_functions(tmp_path, capsys):
    features, labels = write(tmp_path / "a.parquet", noise=1, factor=True)
    results, text = run(capsys, tmp_path, f"ours={tmp_path / 'a.parquet'}", "--bootstrap", 100)
    values = results["systems"][0]["sets"]["wild"]
    expected = ris(
        features, labels["instance"], labels["class"], factors=labels["factor"], bootstrap=100
    )
    expected |= whitened_invariance(features, labels["instance"], bootstrap=100)
    assert {name: values[name] for name in expected} == json.loads(json.dumps(expected))
    chance = results["systems"][1]
    assert chance["name"] == "i.i.d. features" and chance["kind"] == "control"
    assert chance["sets"]["wild"] == chance_row(labels["instance"], labels["class"], 32)
    assert results["comparisons"] == [] and results["warnings"] == []
    assert results["sets"]["wild"]["images"] == 144
    assert results["settings"]["invariance"]["mode"] == "authors"
    row = next(line for line in text.splitlines() if line.startswith("ours"))
    low, high = values["ris@10_interval"]
    assert f"{values['ris@10']:.1f} [{low:.1f}, {high:.1f}]" in row
    assert "±" in next(line for line in text.splitlines() if line.startswith("i.i.d."))


def test_compares_all_pairs_and_warns(tmp_path, capsys):
    for name, facts in {
        "a": {"noise": 0.5},
        "b": {"noise": 2.0, "seed": 1},
        "c": {"noise": 2.0, "seed": 2, "units": 20, "content": "xyz"},
    }.items():
        write(tmp_path / f"{name}.parquet", **facts)
    files = [tmp_path / f"{name}.parquet" for name in "abc"]
    results, text = run(capsys, tmp_path, *files, "--top", 5, 25, "--permutations", 2000)
    rows = {(row["metric"], row["a"], row["b"]): row for row in results["comparisons"]}
    assert {row[1:] for row in rows} == {("a", "b")} and len(rows) == 3  # c has another width
    better = rows["whitened_cosine", "a", "b"]
    assert better["difference"] > 0 and better["p_holm"] < 0.01
    assert better["unit"] == "object" and better["n"] == 24
    assert rows["ris@5", "a", "b"]["unit"] == "class" and rows["ris@5", "a", "b"]["n"] == 8
    assert rows["ris@5", "a", "b"]["permutations"] == 2**8
    names = [system["name"] for system in results["systems"]]
    assert names == ["a", "b", "c", "i.i.d. features, 20 units", "i.i.d. features, 32 units"]
    told = " ".join(results["warnings"])
    assert "feature width" in told and "(32: a, b; 20: c)" in told
    assert "different images" in told and "(abc: a, b; xyz: c)" in told
    assert all(f"warning: {sentence}" in text for sentence in results["warnings"])
    assert "a - b" in text and "8 classes" in text and "24 objects" in text
    _, text = run(capsys, tmp_path, *files, "--top", 5, "--permutations", 0)
    assert "a - b" not in text


def test_the_set_column_and_paper_mode(tmp_path, capsys):
    features, labels = write(tmp_path / "a.parquet", noise=1, set_column=True)
    words = (tmp_path / "a.parquet", "--mode", "paper", "--bootstrap", 0)
    results, _ = run(capsys, tmp_path, *words)
    values = results["systems"][0]["sets"]["wild"]
    assert values["sets"] == 48 and values["ris_mode"] == "paper"
    expected = ris(features, labels["set"], labels["class"], mode="paper")
    assert values["ris_paper@10"] == pytest.approx(expected["ris_paper@10"])
    assert "ris@10_interval" not in values
    results, _ = run(capsys, tmp_path, *words, "--set-column", "instance", "--class-column", "set")
    assert results["systems"][0]["sets"]["wild"]["classes"] == 48


def test_a_measure_that_cannot_be_taken_is_said(tmp_path, capsys):
    """A collapsed encoder has RIS and no whitened cosine."""
    labels = {"instance": np.repeat(["a", "b", "c"], 5)}
    table = embedding_table(np.ones((15, 30)), labels, {})
    write_embeddings(table, tmp_path / "dead.parquet")
    results, text = run(capsys, tmp_path, tmp_path / "dead.parquet")
    assert results["systems"][0]["sets"]["dead"]["ris@10"] == 0
    assert "whitened_cosine" not in results["systems"][0]["sets"]["dead"]
    assert "No whitened measures: All features are alike" in text


def test_sets_of_several_classes_and_of_one_image_are_told(tmp_path, capsys):
    features = np.random.default_rng(0).standard_normal((13, 30))  # and few images to whiten by
    labels = {"set": np.repeat(["a", "b", "c"], [6, 6, 1])}
    labels["class"] = np.array(["x"] * 3 + ["y"] * 10)
    write_embeddings(embedding_table(features, labels, {}), tmp_path / "t.parquet")
    results, _ = run(capsys, tmp_path, tmp_path / "t.parquet", "--mode", "paper")
    told = " ".join(results["warnings"])
    assert "t on t: 1 sets hold images of several classes" in told
    assert "Some sets hold one image" in told
    assert "Whitening by fewer than 4 images per unit is noisy" in told


def test_refuses_what_it_cannot_read(tmp_path):
    write(tmp_path / "a.parquet", noise=1)
    file = str(tmp_path / "a.parquet")
    with pytest.raises(VidclError, match="Name the tables"):
        invariance.run([])
    with pytest.raises(VidclError, match="'a' has the set 'wild' twice"):
        invariance.run([file, file])
    with pytest.raises(VidclError, match="no label column 'video'"):
        invariance.run([file, "--set-column", "video"])
    with pytest.raises(VidclError, match="no larger"):
        invariance.run([file, "--top", "33"])
    with pytest.raises(VidclError, match="1 or more"):
        invariance.run([file, "--top", "0"])
