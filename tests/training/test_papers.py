"""Presets of LooC and InvCLR run, resume to the same bits, and are read back."""

import numpy as np
import pytest
import torch

from tests.training.making import make_store
from tests.training.test_train import assert_same, quiet, state
from vidcl.cli import main
from vidcl.config import load_config, parse_config
from vidcl.datasets.labelled import write_labelled_set
from vidcl.errors import VidclError
from vidcl.methods.wanted import Key
from vidcl.models.checkpoint import load_encoder
from vidcl.presets import find_preset
from vidcl.training.build import build_method
from vidcl.training.config import TrainConfig
from vidcl.training.loop import train
from vidcl.training.metrics import read_metrics

SMALL = ["--views.size", "16", "--model.dim", "16", "--training.batch-size", "16"]
SMALL += ["--training.steps", "2", "--training.log-every", "1", "--training.no-tensorboard"]


@pytest.mark.parametrize(
    ("preset", "more", "width"),
    [
        ("looc_imagenet100", ["--method.K", "16", "--model.bn-shards", "2"], 128),
        ("loocpp_imagenet100", ["--method.K", "16", "--model.bn-shards", "2"], 3 * 128),
        ("invclr_cifar", ["--model.stem", "imagenet", "--training.lr", "0.1"], 128),
    ],
)
def test_presets_of_the_papers_run_on_images(preset, more, width, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 20, 20, 3)).astype(np.uint8)
    write_labelled_set(tmp_path / "set.parquet", "set", images, {"class": list("ab") * 20})
    run = tmp_path / "run"
    words = ["train", preset, "--data", str(tmp_path / "set.parquet"), "--out", str(run)]
    assert main([*words, "--model.backbone", "resnet_tiny", *SMALL, *more]) == 0
    lines = read_metrics(run / "metrics.jsonl")
    assert len(lines) == 2 and all(np.isfinite(line["loss"]) for line in lines)
    assert ("penalty" in lines[0]) == preset.startswith("invclr")
    assert load_encoder(run).feature_dim == width
    assert load_config(find_preset(preset), TrainConfig).model.backbone == "resnet50"


def small(preset, **changes):
    values = load_config(find_preset(preset), TrainConfig).model_dump(mode="json")
    values["views"]["size"] = 16
    values["training"].update(
        steps=6, batch_size=8, checkpoint_every=3, log_every=1, tensorboard=False, device="cpu"
    )
    for name, change in changes.items():
        values[name] = {**(values[name] or {}), **change} if isinstance(change, dict) else change
    return parse_config(values, TrainConfig)


CASES = {
    "looc": small("laptop/looc"),
    "penalty": small(
        "laptop/region_only", penalty={"weight": 0.1, "along": ["color", "time"], "redraws": 3}
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_run_on_tracks_resumes_to_the_same_bits(case, tmp_path):
    config, store = CASES[case], make_store(tmp_path / "store").path
    whole = train(config, store, tmp_path / "whole", say=quiet)

    def stop(state):
        raise InterruptedError

    every = config.training.model_copy(update={"callback_every": 4})
    part = tmp_path / "part"
    with pytest.raises(InterruptedError):
        train(config.model_copy(update={"training": every}), store, part, callbacks=[stop])
    assert state(part)["step"] == 3
    train(config, store, part, resume=True, say=quiet)
    assert_same(state(whole), state(part))
    fields = ("loss", "penalty", "positive_cosine")
    a, b = (
        [{k: line.get(k) for k in fields} for line in read_metrics(run / "metrics.jsonl")]
        for run in (whole, part)
    )
    assert a == b
    encoder = load_encoder(whole)
    assert encoder.feature_dim == 128
    if case == "looc":
        assert load_encoder(whole, space=2)(torch.zeros(1, 3, 16, 16)).shape == (1, 128)
    else:
        with pytest.raises(VidclError, match="no embedding spaces"):
            load_encoder(whole, space=0)


def test_moco_asks_for_keys_that_share_what_is_configured():
    config = small("laptop/region_only", method={"shares": ["time", "rotation"]})
    assert build_method(config, 48).wanted.keys == (Key(("time", "turn")),)
    penalised = small(
        "laptop/region_only", penalty={"weight": 0.1, "along": ["time"], "redraws": 7}
    )
    wanted = build_method(penalised, 48).wanted
    assert wanted.along == ("time",) and wanted.redraws == 7 and wanted.keys == (Key(),)


def test_what_cannot_be_differentiated_twice_is_refused():
    with pytest.raises(VidclError, match="accumulate must be 1"):
        small("laptop/region_only", penalty={"weight": 0.1}, training={"accumulate": 2})
    with pytest.raises(VidclError, match="scale names parameters"):
        small("laptop/region_only", penalty={"scale": {"time": 1.0}})


def test_what_views_cannot_differ_in_is_refused():
    looc = {"name": "looc", "factors": ["rotation"]}
    with pytest.raises(VidclError, match=r"the factor rotation needs views.turn above 0"):
        parse_config({"method": looc}, TrainConfig)
    with pytest.raises(VidclError, match="time needs pairs of two moments"):
        parse_config({"method": {"name": "looc", "factors": ["time"]}}, TrainConfig)
    with pytest.raises(VidclError, match="time needs pairs of two moments"):
        small("laptop/region_gap0", penalty={"weight": 0.1, "along": ["time"]})
