"""k-NN while training."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from vidcl.datasets.labelled import write_labelled_set
from vidcl.errors import VidclError
from vidcl.evaluation.online import online_knn
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
    thinned = online_knn(tmp_path / "set", most=45)(now)
    assert thinned["knn"] == 1.0 and thinned["knn_chance"] == pytest.approx(1 / 3)


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


def test_a_set_without_labels_is_refused(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(VidclError, match="no label to look for"):
        online_knn(tmp_path)
    with pytest.raises(VidclError, match="no image set"):
        online_knn(tmp_path / "none")
