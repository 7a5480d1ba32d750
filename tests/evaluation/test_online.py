"""What is measured while training is what is measured afterwards; the set is read once."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from tests.training.making import make_store
from vidcl.commands import train as train_command
from vidcl.datasets.labelled import LabelledSet, open_labelled_set, write_labelled_set
from vidcl.errors import VidclError
from vidcl.evaluation import online
from vidcl.evaluation.config import EvaluationConfig
from vidcl.evaluation.embed import embed
from vidcl.evaluation.measure import measure
from vidcl.evaluation.online import OnlineEvaluation, online_callbacks, online_knn
from vidcl.evaluation.thinned import thinned
from vidcl.models.checkpoint import load_checkpoint, load_encoder
from vidcl.models.encoder import Architecture, Encoder, Preprocessing


def state() -> SimpleNamespace:
    """An encoder whose feature is the mean colour."""
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    encoder = Encoder(network, 3, Preprocessing(size=8), Architecture("resnet_tiny"))
    return SimpleNamespace(encoder=encoder.train(), device=torch.device("cpu"))


def colour_folder(path: Path, count: int = 30) -> Path:
    rng = np.random.default_rng(0)
    for number, colour in enumerate(((200, 30, 30), (30, 200, 30), (30, 30, 200))):
        (path / str(number)).mkdir(parents=True)
        for k in range(count):
            image = np.clip(colour + rng.normal(0, 20, (8, 8, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(image).save(path / str(number) / f"{k}.png")
    return path


def test_classes_that_differ_in_colour_are_known_by_it(tmp_path):
    now = state()
    found = online_knn(colour_folder(tmp_path / "set"))(now)
    assert found == {"knn": 1.0, "knn_chance": pytest.approx(1 / 3)}
    assert now.encoder.training  # as it was
    with pytest.warns(UserWarning, match="45 of the 90"):
        fewer = online_knn(tmp_path / "set", most=45)(now)
    assert fewer["knn"] == 1.0 and fewer["knn_chance"] == pytest.approx(1 / 3)


def test_own_views_do_not_vote_and_instances_are_searched(tmp_path):
    rng = np.random.default_rng(0)
    # four instances, five views each, of two classes that have nothing to do with colour
    colours = rng.integers(40, 216, (4, 3))
    images = [
        np.clip(colours[i] + rng.normal(0, 3, (8, 8, 3)), 0, 255).astype(np.uint8)
        for i in range(4)
        for _ in range(5)
    ]
    labels = {
        "instance": np.repeat(np.array(["a", "b", "c", "d"]), 5),
        "class": np.repeat(np.array(["x", "y", "x", "y"]), 5),
    }
    path = tmp_path / "set.parquet"
    write_labelled_set(path, "set", np.stack(images), labels)
    found = online_knn(path)(state())
    assert found["recall@1"] == 1.0
    assert found["knn"] < 1.0  # the views of the same instance would have told it


ROOT = Path(__file__).parents[2]
CONFIG = """
method: {K: 16}
model: {backbone: resnet_tiny, dim: 8}
views: {size: 16, blur: 0.0}
training: {steps: 4, batch_size: 8, log_every: 2, callback_every: 2, tensorboard: false,
  device: cpu, keep_best: ris@10}
"""


def views_of_things(path: Path, things: int = 12, views: int = 6) -> Path:
    """Noisy 24-pixel views of coloured things of three classes at known azimuths, as a set."""
    rng = np.random.default_rng(1)
    colours = np.repeat(rng.integers(0, 256, (things, 4, 4, 3)), views, axis=0)
    small = np.clip(colours + rng.normal(0, 30, colours.shape), 0, 255).astype(np.uint8)
    labels = {
        "instance": np.repeat([f"thing{i:02d}" for i in range(things)], views),
        "class": np.repeat([f"class{i % 3}" for i in range(things)], views),
        "azimuth": np.tile(np.linspace(0, 300, views), things),
    }
    write_labelled_set(path, "views", small.repeat(6, axis=1).repeat(6, axis=2), labels)
    return path


def afterwards(run: Path, path: Path) -> dict[str, float]:
    """Of a run's last checkpoint, by what embeds and evaluates."""
    table = embed(load_encoder(run), path)
    found = measure("views", table, EvaluationConfig(bootstrap=0))
    names = ["knn", "knn_chance", "recall@1", "recall@5", "recall@10", "map", "ris@10", "ris@25"]
    return {name: found[name] for name in [*names, "whitened_cosine"]}


def logged(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("processes", [1, 2])
def test_the_numbers_are_those_of_the_saved_encoder(tmp_path, processes):
    store = make_store(tmp_path / "store").path
    path = views_of_things(tmp_path / "views.parquet")
    (tmp_path / "config.yaml").write_text(CONFIG)
    run = tmp_path / "run"
    words = [str(tmp_path / "config.yaml"), "--data", str(store), "--out", str(run)]
    words += ["--online", f"parquet:{path}"]
    if processes == 1:
        assert train_command.run(words) == 0
    else:
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command += ["--nproc-per-node", "2", str(ROOT / "pipelines" / "pretrain.py"), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr
    lines = logged(run)
    assert [line["step"] for line in lines] == [2, 4]  # once per step, by one process
    expected = afterwards(run, path)
    assert {name: lines[-1][name] for name in expected} == pytest.approx(expected, abs=1e-6)
    assert 0 < lines[0]["ris_chance@10"] == lines[1]["ris_chance@10"]
    best = max(lines, key=lambda line: line["ris@10"])
    assert load_checkpoint(run / "checkpoints" / "best.pt")["step"] == best["step"]


def test_images_are_read_once_and_chance_is_drawn_once(tmp_path, monkeypatch):
    data = open_labelled_set(views_of_things(tmp_path / "views.parquet"))
    reads, draws = [], []
    counted = replace(data, read=lambda index: reads.append(index) or data.read(index))
    real = online.chance_row
    monkeypatch.setattr(
        online, "chance_row", lambda *values, **more: draws.append(1) or real(*values, **more)
    )
    callback = OnlineEvaluation(counted, config=EvaluationConfig(ris_top=(2, 10)))
    assert reads == []
    first, second = callback(state()), callback(state())
    assert first == second and sorted(reads) == list(range(len(data))) and len(draws) == 1
    # the encoder has three features: the top 10 of them are none
    assert set(callback.names) - set(first) == {"ris@10", "ris_chance@10"}
    assert first["ris_chance@2"] < first["ris@2"] and first["whitened_cosine"] > 0.5


def test_one_metric_alone(tmp_path):
    data = open_labelled_set(views_of_things(tmp_path / "views.parquet"))
    config = EvaluationConfig(ris_top=(2,), recall_at=(1, 3))
    for metric, names in (
        ("knn", {"knn", "knn_chance"}),
        ("retrieval", {"recall@1", "recall@3", "map"}),
        ("invariance", {"ris@2", "ris_chance@2", "whitened_cosine"}),
    ):
        callback = OnlineEvaluation(data, (metric,), config=config)
        assert set(callback(state())) == names == set(callback.names)


def test_features_that_are_all_alike_are_not_whitened(tmp_path):
    data = open_labelled_set(views_of_things(tmp_path / "views.parquet"))
    now = state()
    now.encoder.backbone.append(nn.Linear(3, 3))
    nn.init.zeros_(now.encoder.backbone[-1].weight)
    callback = OnlineEvaluation(data, ("invariance",), config=EvaluationConfig(ris_top=(2,)))
    assert set(callback(now)) == {"ris@2", "ris_chance@2"}


def test_sets_of_views_are_those_of_the_column(tmp_path):
    """RIS of the column ``set`` where there is one, as ``vidcl evaluate`` takes it."""
    data = open_labelled_set(views_of_things(tmp_path / "views.parquet"))
    halves = np.char.add(data.labels["instance"], np.tile(["-a", "-a", "-a", "-b", "-b", "-b"], 12))
    parted = replace(data, labels=data.labels | {"set": halves})
    config = EvaluationConfig(ris_top=(2,))
    whole, half = (OnlineEvaluation(d, ("invariance",), config=config) for d in (data, parted))
    encoder = state().encoder
    now, later = whole(state()), half(state())
    expected = measure("x", embed(encoder, parted), config.model_copy(update={"bootstrap": 0}))
    assert later["ris@2"] == pytest.approx(expected["ris@2"]) != now["ris@2"]
    assert later["ris_chance@2"] > now["ris_chance@2"]  # smaller sets fire together more often


def some_set(instances) -> LabelledSet:
    return LabelledSet(
        "some", {"instance": np.asarray(instances)}, lambda index: b"", len(instances)
    )


def test_a_large_set_is_thinned_evenly(tmp_path):
    few = some_set(np.repeat(np.arange(4), 100))  # views enough of each thing: rows go
    rows = thinned(few, 40, "instance")
    assert len(rows) == 40 and np.bincount(few.labels["instance"][rows]).min() >= 9
    many = some_set(np.repeat(np.arange(100), 4))  # else things go, with all their views
    rows = thinned(many, 41, "instance")
    kept = np.unique(many.labels["instance"][rows])
    assert len(rows) == 40 == 4 * len(kept) and {0, 99} <= set(kept)
    uneven = some_set(np.repeat(np.arange(10), [1, 1, 50, 1, 1, 1, 1, 1, 1, 3]))
    rows = thinned(uneven, 20, "instance")
    sizes = np.bincount(uneven.labels["instance"][rows], minlength=10)
    assert 2 <= len(rows) <= 20 and set(sizes) <= {0, 1, 3}
    assert list(thinned(many, 400, "instance")) == list(range(400))
    alone = LabelledSet("alone", {"class": np.arange(10) % 2}, lambda index: b"", 10)
    assert list(thinned(alone, 3, "instance")) == [0, 4, 9]
    for most in (0, 5):
        with pytest.raises(VidclError, match="no room"):
            thinned(many, most, "instance")


def test_memory_is_bounded_and_said(tmp_path):
    data = open_labelled_set(views_of_things(tmp_path / "views.parquet"))
    # the encoder sees 8 x 8 pixels: 768 bytes as float32
    callback = OnlineEvaluation(data, ("retrieval",), memory=40 * 768)
    with pytest.warns(UserWarning, match="36 of the 72 images"):
        callback(state())
    assert callback._images.nbytes <= 40 * 768


@pytest.mark.parametrize(
    ("labels", "allowed"),
    [
        ({"class": ["a", "b", "a", "b"]}, ["knn"]),
        ({"class": ["a"] * 4, "instance": [1, 1, 2, 2]}, ["retrieval"]),
        ({"instance": [1, 1, 1, 2]}, ["retrieval", "invariance"]),
        ({"class": ["a", "b", "a", "b"], "instance": [1, 2, 3, 4]}, ["knn"]),
    ],
)
def test_what_labels_allow(labels, allowed):
    arrays = {name: np.asarray(values) for name, values in labels.items()}
    data = LabelledSet("some", arrays, lambda index: b"", 4)
    assert list(OnlineEvaluation(data).metrics) == allowed
    for metric in {"knn", "retrieval", "invariance"} - set(allowed):
        with pytest.raises(VidclError, match=f"'{metric}'"):
            OnlineEvaluation(data, (metric,))


def test_options_that_contradict_each_other_are_refused(tmp_path):
    path = views_of_things(tmp_path / "views.parquet")
    assert online_callbacks(None, None, (), "i_nce") == []
    with pytest.raises(VidclError, match="not both"):
        online_callbacks(path, str(path), (), None)
    with pytest.raises(VidclError, match="--online SET"):
        online_callbacks(None, None, ("knn",), None)
    with pytest.raises(VidclError, match="keep-best ris@10"):
        online_callbacks(None, str(path), ("knn",), "ris@10")
    with pytest.raises(VidclError, match="keep-best knn"):
        online_callbacks(None, None, (), "knn")
    assert online_callbacks(None, str(path), ("invariance",), "ris@10")[0].metrics == (
        "invariance",
    )


def test_a_set_without_labels_is_refused(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(VidclError, match="no label to look for"):
        online_knn(tmp_path)
    with pytest.raises(VidclError, match="no image set"):
        online_knn(tmp_path / "none")
