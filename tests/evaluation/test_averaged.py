"""Features averaged over views against a plain loop, and through the command line."""

import numpy as np
import pytest
import torch

from vidcl.cli import main
from vidcl.config import parse_config
from vidcl.datasets.labelled import write_labelled_set
from vidcl.errors import VidclError
from vidcl.evaluation.averaged import AveragedViews, training_views
from vidcl.evaluation.embed import embed, read_embeddings
from vidcl.models.checkpoint import load_encoder
from vidcl.training.config import TrainConfig
from vidcl.training.loop import train
from vidcl.views.recipe import ViewConfig


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of LooC on random images, and the set it was trained on."""
    folder = tmp_path_factory.mktemp("run")
    images = np.random.default_rng(0).integers(0, 256, (40, 20, 20, 3)).astype(np.uint8)
    write_labelled_set(folder / "set.parquet", "set", images, {"class": list("ab") * 20})
    values = {
        "method": {"name": "looc", "factors": ["color", "rotation"], "plus_plus": True, "m": 0.9},
        "model": {"backbone": "resnet_tiny", "dim": 16},
        "views": {"size": 16, "turn": 0.75, "brightness": 0.3},
        "training": {"steps": 3, "batch_size": 8, "tensorboard": False, "log_every": 1},
    }
    config = parse_config(values, TrainConfig)
    train(config, folder / "set.parquet", folder / "run", say=lambda line: None)
    return folder / "run", folder / "set.parquet", images, config


def features(table):
    return np.stack(table["feature"].to_numpy())


def test_the_average_is_over_views_drawn_as_in_training(run):
    path, _, images, config = run
    encoder = load_encoder(path)
    views = training_views(path, encoder.preprocessing)
    assert views == config.views
    averaged = AveragedViews(encoder, views, 5, seed=3)
    got = features(embed(averaged, images[:4], batch_size=3, device="cpu"))
    again = features(embed(averaged, images[:4], batch_size=1, device="cpu"))
    np.testing.assert_allclose(got, again, atol=1e-5)
    other = features(embed(AveragedViews(encoder, views, 5, seed=4), images[:4], device="cpu"))
    assert np.abs(other - got).max() > 1e-3
    # one by one
    pixels = torch.from_numpy(images[:4]).permute(0, 3, 1, 2)
    for image, mean in zip(pixels, got, strict=True):
        each = averaged.preprocess(image[None])
        assert each.shape == (5, 3, 16, 16) and not torch.equal(each[0], each[1])
        with torch.no_grad():
            expected = sum(encoder(view[None])[0] for view in each) / 5
        np.testing.assert_allclose(mean, expected.numpy(), atol=1e-5)
    with pytest.raises(VidclError, match="give 1 or more"):
        AveragedViews(encoder, views, 0)


def test_views_that_do_nothing_average_to_the_plain_feature(run):
    path, _, images, _ = run
    encoder = load_encoder(path)
    none = {"flip": 0.0, "jitter": 0.0, "greyscale": 0.0, "blur": 0.0}
    still = ViewConfig(size=16, crop_scale=(1.0, 1.0), crop_ratio=(1.0, 1.0), **none)
    got = features(embed(AveragedViews(encoder, still, 3), images[:4], device="cpu"))
    np.testing.assert_allclose(got, features(embed(encoder, images[:4], device="cpu")), atol=1e-4)


def test_a_network_of_several_spaces_is_read_back_and_each_space_alone(run, tmp_path, capsys):
    path, data, _, _ = run
    encoder = load_encoder(path)
    assert encoder.feature_dim == 3 * 128 and encoder.architecture.branches == 3
    space = load_encoder(path, space=1)
    assert space.feature_dim == 16
    x = torch.randn(2, 3, 16, 16)
    state = torch.load(path / "checkpoints" / "last.pt", weights_only=True)["method"]
    with torch.no_grad():
        own = encoder(x)[:, 128:256]  # the second branch's share of the feature
        names = "encoder_q.head.heads.1."
        hidden = torch.relu(own @ state[names + "0.weight"].T + state[names + "0.bias"])
        expected = hidden @ state[names + "2.weight"].T + state[names + "2.bias"]
        torch.testing.assert_close(space(x), expected, atol=1e-5, rtol=1e-4)
    with pytest.raises(VidclError, match="spaces 0 to 2"):
        load_encoder(path, space=3)
    out = tmp_path / "time.parquet"
    command = ["embed", str(path), str(data), "--out", str(out), "--space", "1"]
    assert main([*command, "--average-views", "2", "--device", "cpu"]) == 0
    table = read_embeddings(out)
    assert features(table).shape == (40, 16)
    assert main(["embed", str(path), str(data), "--out", str(out), "--space", "7"]) == 1
    assert "spaces 0 to 2" in capsys.readouterr().err
