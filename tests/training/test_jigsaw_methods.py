"""InfoMin and PIRL: their presets, their views, and whole runs that resume and are read back."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.making import make_store
from tests.training.test_pair_views import make
from tests.training.test_papers import small
from tests.training.test_processes import losses, without_batch_norm
from tests.training.test_train import assert_same, quiet, state
from vidcl.cli import main
from vidcl.config import load_config, parse_config
from vidcl.datasets.labelled import write_labelled_set
from vidcl.errors import VidclError
from vidcl.methods.factors import leave_one_out
from vidcl.methods.wanted import TIME, Wanted
from vidcl.models.checkpoint import load_encoder, load_trained
from vidcl.models.export import export
from vidcl.models.jigsaw import JigsawTower
from vidcl.presets import find_preset
from vidcl.training.build import build_method
from vidcl.training.config import TrainConfig
from vidcl.training.loop import train
from vidcl.training.metrics import read_metrics
from vidcl.views.jigsaw import JigsawConfig
from vidcl.views.recipe import recipe

METHODS = ("infomin", "pirl")


@pytest.mark.parametrize("name", METHODS)
def test_the_settings_are_the_published_ones(name):
    config = load_config(find_preset(f"imagenet_{name}_r50"), TrainConfig)
    method, training, model = config.method, config.training, config.model
    assert method.name == name and (method.K, method.beta) == (65536, 0.5)
    assert method.jigsaw.sides(224) == JigsawConfig().sides(224) == (255, 85, 64)
    assert method.jigsaw.crop_scale == (0.6, 1.0) and method.jigsaw.grid == 3
    assert (model.backbone, model.dim) == ("resnet50", 128)
    assert (training.optimizer, training.lr, training.momentum) == ("sgd", 0.03, 0.9)
    assert (training.weight_decay, training.batch_size) == (1e-4, 256)
    epoch = 1281167 // 256
    if name == "infomin":
        assert (method.m, method.T, model.head, model.hidden) == (0.999, 0.15, "mlp", 2048)
        assert training.steps == 800 * epoch and training.schedule == "cosine"
        assert config.views == recipe("infomin", 224)
    else:
        assert (method.m, method.T, model.head) == (0.5, 0.07, "linear")
        assert training.steps == 200 * epoch and training.schedule == "step"
        assert training.milestones == (120 / 200, 160 / 200)
        update = {"crop_scale": (0.08, 1.0), "greyscale_first": False, "hue_space": "hsv"}
        assert config.views == recipe("moco_v1", 224).model_copy(update=update)
    (stream,) = config.pairs.streams
    assert stream.kind == ("image",) and stream.gap == (0.0, 0.0)


@pytest.mark.parametrize("name", METHODS)
def test_the_presets_run_on_images(name, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 20, 20, 3)).astype(np.uint8)
    write_labelled_set(tmp_path / "set.parquet", "set", images, {"class": list("ab") * 20})
    run, data = tmp_path / "run", tmp_path / "set.parquet"
    words = ["train", f"imagenet_{name}_r50", "--data", str(data), "--out", str(run)]
    words += ["--views.size", "16", "--model.dim", "16", "--training.batch-size", "16"]
    words += ["--training.steps", "2", "--training.log-every", "1", "--training.no-tensorboard"]
    words += ["--method.jigsaw.size", "24", "--method.jigsaw.patch", "6", "--method.K", "16"]
    words += ["--model.bn-shards", "2", "--model.backbone", "resnet_tiny"]
    assert main(words) == 0
    lines = read_metrics(run / "metrics.jsonl")
    assert len(lines) == 2 and all(np.isfinite(line["loss"]) for line in lines)
    assert lines[1]["jigsaw_loss"] > 0
    assert load_encoder(run).feature_dim == 128


@pytest.mark.parametrize("name", METHODS)
def test_a_run_on_tracks_resumes_to_the_same_bits_and_is_read_back(name, tmp_path):
    config = small(f"laptop/{name}", training={"accumulate": 2})
    store = make_store(tmp_path / "store").path
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
    fields = ("loss", "jigsaw_loss", "i_nce", "positive_cosine")
    a, b = (
        [[line[field] for field in fields] for line in read_metrics(run / "metrics.jsonl")]
        for run in (whole, part)
    )
    assert a == b
    if name == "pirl":  # the bank has an entry for every track of the store
        assert len(state(whole)["method"]["bank.entries"]) == 29

    trained = load_trained(whole)
    assert trained.head is not None and trained.left_out == ()
    weights = state(whole)["method"]
    assert torch.equal(trained.head.state_dict()["0.weight"], weights["encoder_q.head.0.weight"])
    assert any(key.startswith("encoder_q.jigsaw.") for key in weights)
    export(trained, tmp_path / "encoder.safetensors", "safetensors")
    x = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(load_encoder(tmp_path / "encoder.safetensors")(x), trained.encoder(x))


def test_patches_show_the_querys_moment_and_leave_other_draws_alone(tmp_path):
    views, sampler = make(tmp_path)
    jigsaw = JigsawConfig(size=24, patch=6)
    keys = leave_one_out(("color", "time"))
    plain = Wanted(keys, along=("color", TIME), redraws=3)
    wanted = dataclasses.replace(plain, jigsaw=jigsaw)
    pairs = sampler.batch(1)
    with_, without = (views.read(pairs, 1, each) for each in (wanted, plain))
    for a, b in zip(with_.params, without.params, strict=True):
        assert all(torch.equal(a.tensors()[name], value) for name, value in b.tensors().items())
    assert all(torch.equal(with_.redraws[name], without.redraws[name]) for name in without.redraws)
    made = views.make(with_)
    assert made.patches.shape == (12, 9, 3, 6, 6) and views.make(without).patches is None
    maker, params = with_.patches
    images = views.crops.finish(with_.crops)[0].chunk(2)[0]
    assert torch.equal(made.patches, maker.apply(images, params))
    # the store's pictures are 48 x 32, squared: crops have their shape in the true image
    shape = 1.5 * (params.box[:, 2] - params.box[:, 0]) / (params.box[:, 3] - params.box[:, 1])
    assert shape.min() > 3 / 4 - 1e-4 and shape.max() < 4 / 3 + 1e-4
    again = views.make(views.read(pairs, 1, wanted))
    assert torch.equal(again.patches, made.patches)


def test_of_several_processes_each_takes_the_patches_of_its_pairs(tmp_path):
    views, sampler = make(tmp_path)
    wanted = Wanted((), jigsaw=JigsawConfig(size=24, patch=6))
    everyone = sampler.batch(2)
    whole = views.make(views.read(everyone, 2, wanted))
    assert len(whole.views) == 1
    for places in (np.arange(0, 12, 2), np.arange(1, 12, 2)):
        mine = dataclasses.replace(everyone.take(places), everyone=everyone, places=places)
        part = views.make(views.read(mine, 2, wanted))
        torch.testing.assert_close(part.patches, whole.patches[places])
        torch.testing.assert_close(part.views[0], whole.views[0][places])


def test_a_batch_with_patches_is_taken_apart(tmp_path):
    views, sampler = make(tmp_path)
    batch = views.make(views.read(sampler.batch(0), 0, Wanted(jigsaw=JigsawConfig())))
    parts = batch.chunk(3)
    assert [len(part) for part in parts] == [4, 4, 4]
    assert torch.equal(torch.cat([part.patches for part in parts]), batch.patches)
    assert all(part.patches is None for part in dataclasses.replace(batch, patches=None).chunk(3))


def without_shards(name):
    """A run that does not depend on how its batch is divided; patches as large as the views, for a
    transformer."""
    method = {"name": name, "K": 10, "jigsaw": {"size": 60, "patch": 16}}
    if name == "infomin":
        method |= {"K": 32, "m": 0.9}
    return without_batch_norm(method=method)


def test_two_processes_train_as_one(tmp_path):
    store = make_store(tmp_path / "store").path
    script = tmp_path / "job.py"
    script.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from torch import distributed\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from tests.training.test_jigsaw_methods import METHODS, without_shards\n"
        "from vidcl.training.loop import train\n"
        "distributed.init_process_group('gloo')\n"
        "for name in METHODS:\n"
        f"    out = Path({str(tmp_path)!r}) / ('two-' + name)\n"
        f"    train(without_shards(name), Path({str(store)!r}), out)\n"
        "distributed.destroy_process_group()\n"
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    for name in METHODS:
        one = train(without_shards(name), store, tmp_path / f"one-{name}", say=quiet)
        two = tmp_path / f"two-{name}"
        assert losses(two) == pytest.approx(losses(one), rel=2e-3)
        if name == "pirl":  # both have the entries of all processes' pairs, in whatever order
            a, b = (state(run)["method"] for run in (one, two))
            assert torch.equal(a["bank.seen"], b["bank.seen"])
            torch.testing.assert_close(a["bank.entries"], b["bank.entries"], atol=2e-3, rtol=0)
        else:
            tracks = [state(run)["method"]["queue.tracks"] for run in (one, two)]
            assert torch.equal(*(each.sort().values for each in tracks))


@pytest.mark.parametrize("name", METHODS)
def test_without_beta_no_patches_head_is_built(name):
    config = small(f"laptop/{name}", method={"beta": 0.0})
    method = build_method(config, 48, tracks=29)
    assert not isinstance(method.encoder_q, JigsawTower) and method.wanted.jigsaw is None
    jigsaw = build_method(small(f"laptop/{name}"), 48, tracks=29)
    for key, value in method.state_dict().items():
        assert torch.equal(jigsaw.state_dict()[key], value), key


def test_patches_that_do_not_fit_are_refused():
    with pytest.raises(VidclError, match="patches of 20 pixels do not fit cells"):
        small("laptop/infomin", method={"jigsaw": {"patch": 20}})
    small("laptop/infomin", method={"jigsaw": {"patch": 20}, "beta": 0.0})
    with pytest.raises(VidclError, match=r"views\.split shows a part"):
        small("laptop/infomin", views={"split": "frequency"})
    with pytest.raises(VidclError, match=r"views\.split shows a part"):
        small("laptop/pirl", method={"beta": 0.0}, views={"split": "frequency"})
    small("laptop/infomin", method={"beta": 0.0}, views={"split": "frequency"})
    with pytest.raises(VidclError, match="beta"):
        parse_config({"method": {"name": "pirl", "beta": 1.5}}, TrainConfig)


@pytest.mark.parametrize("by", ["slope", "change"])
@pytest.mark.parametrize("name", METHODS)
def test_a_penalty_goes_on_top(name, by, tmp_path):
    penalty = {"weight": 0.1, "along": ["color"], "redraws": 3, "by": by}
    config = small(f"laptop/{name}", penalty=penalty, training={"steps": 2})
    out = train(config, make_store(tmp_path / "store").path, tmp_path / "run", say=quiet)
    lines = read_metrics(out / "metrics.jsonl")
    assert all(line["penalty"] > 0 for line in lines) and lines[1]["jigsaw_loss"] > 0
    assert load_trained(out).head is not None
