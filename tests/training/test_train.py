"""Whole small runs: what they leave, that they repeat, stop, resume, and refuse."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml

from tests.training.making import make_store
from vidcl.config import dump_config, load_config, parse_config
from vidcl.errors import VidclError
from vidcl.models.checkpoint import load_checkpoint, load_encoder
from vidcl.training.config import TrainConfig
from vidcl.training.loop import train
from vidcl.training.metrics import read_metrics

CONFIGS = Path(__file__).parents[2] / "configs"


def settings(**training):
    values = {
        "method": {"K": 32, "m": 0.9, "T": 0.1},
        "model": {"backbone": "resnet_tiny", "head_batch_norm": True, "dim": 16, "bn_shards": 2},
        "views": {"size": 16, "blur": 0.5},
        "pairs": {
            "streams": [
                {"share": 0.5, "kind": "frame", "gap": [0, 0]},
                {"share": 0.5, "kind": "region", "gap": [0.2, 1.0], "crop_scale": [0.4, 1.0]},
            ]
        },
        "training": {
            "steps": 8,
            "batch_size": 8,
            "optimizer": "adamw",
            "lr": 0.002,
            "log_every": 2,
            "checkpoint_every": 3,
            "tensorboard": False,
            "device": "cpu",
            **training,
        },
    }
    return parse_config(values, TrainConfig)


def quiet(text):
    pass


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store")).path


@pytest.fixture(scope="module")
def finished(store, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    train(settings(), store, out, say=quiet)
    return out


def state(run):
    return load_checkpoint(run / "checkpoints" / "last.pt")


def assert_same(a, b):
    assert a["step"] == b["step"]
    for name, tensor in a["method"].items():
        assert torch.equal(tensor, b["method"][name]), name
    for key, slot in a["optimizer"]["state"].items():
        for name, value in slot.items():
            assert torch.equal(value, b["optimizer"]["state"][key][name])


def test_a_run_leaves_its_folder(finished):
    assert load_config(finished / "config.yaml", TrainConfig) == settings()
    lines = read_metrics(finished / "metrics.jsonl")
    assert [line["step"] for line in lines] == [2, 4, 6, 8]
    names = {
        "loss",
        "log_k1",
        "loss_relative",
        "i_nce",
        "pairs_per_second",
        "data_wait",
        "queue_fill",
        "lr",
        "time",
    }
    assert names <= set(lines[0])
    assert [line["queue_fill"] for line in lines] == [0.5, 1, 1, 1]
    for line in lines:  # MoCo's loss is InfoNCE: the bound is what it gains over chance
        assert line["i_nce"] == pytest.approx(line["log_k1"] - line["loss"])
    assert lines[-1]["log_k1"] == pytest.approx(torch.log(torch.tensor(33.0)).item())
    encoder = load_encoder(finished)
    assert encoder.preprocessing.size == 16
    images = torch.zeros(2, 3, 24, 24, dtype=torch.uint8)
    assert encoder(encoder.preprocess(images)).shape == (2, 128)


@pytest.mark.parametrize("change", [{}, {"decoded_cache_mb": 0}, {"prefetch": 0}])
def test_one_seed_is_one_result_however_crops_are_read(store, finished, tmp_path, change):
    train(settings(**change), store, tmp_path / "again", say=quiet)
    assert_same(state(finished), state(tmp_path / "again"))


def test_stopped_and_resumed_is_never_stopped(store, finished, tmp_path):
    out = tmp_path / "run"

    def ctrl_c(now):
        if now.step == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return {"seen": now.step}

    config = settings(callback_every=1)
    with pytest.raises(KeyboardInterrupt, match=r"after step 5.*--resume"):
        train(config, store, out, callbacks=[ctrl_c], say=quiet)
    assert state(out)["step"] == 5
    # a run killed without warning leaves lines beyond its checkpoint
    with open(out / "metrics.jsonl", "a") as file:
        file.write(json.dumps({"step": 6, "loss": 1.0}) + '\n{"step": 7, "lo')
    with pytest.raises(VidclError, match="already holds a run"):
        train(config, store, out, say=quiet)
    train(config, store, out, resume=True, say=quiet)
    assert_same(state(finished), state(out))
    steps = [line["step"] for line in read_metrics(out / "metrics.jsonl")]
    assert steps == [1, 2, 3, 4, 5, 6, 8]
    # finished: resuming again has nothing to do
    train(config, store, out, resume="auto", say=quiet)
    assert_same(state(finished), state(out))


def test_a_run_that_failed_at_its_first_step_leaves_its_place_free(store, tmp_path):
    values = dump_config(settings())
    wrong = parse_config(
        {**yaml.safe_load(values), "penalty": {"weight": 0.1, "along": ["angle"]}}, TrainConfig
    )
    with pytest.raises(VidclError, match="angle"):  # these views turn nothing
        train(wrong, store, tmp_path / "run", say=quiet)
    train(settings(steps=1), store, tmp_path / "run", say=quiet)
    assert state(tmp_path / "run")["step"] == 1


def test_killed_without_warning_and_resumed_is_never_stopped(store, finished, tmp_path):
    out = tmp_path / "run"
    script = tmp_path / "job.py"
    script.write_text(
        "import sys, time\n"
        "from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from tests.training.test_train import settings\n"
        "from vidcl.training.loop import train\n"
        "slow = [lambda s: time.sleep(0.5) or {'seen': s.step}]\n"
        "config = settings(callback_every=1, log_every=1)\n"
        f"train(config, {str(store)!r}, Path({str(out)!r}), callbacks=slow)\n"
    )
    job = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not any(line["step"] >= 5 for line in read_metrics(out / "metrics.jsonl")):
        assert job.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    job.kill()  # SIGKILL: nothing can be saved
    assert job.wait() == -signal.SIGKILL
    assert state(out)["step"] in (3, 6)  # the last checkpoint; what came after it is lost
    train(settings(log_every=1), store, out, resume=True, say=quiet)
    assert_same(state(finished), state(out))
    assert [line["step"] for line in read_metrics(out / "metrics.jsonl")] == [*range(1, 9)]


def test_resume_wants_the_same_run(store, finished, tmp_path):
    with pytest.raises(VidclError, match="no run at"):
        train(settings(), store, tmp_path / "none", resume=True, say=quiet)
    with pytest.raises(VidclError, match=r"training\.lr = 0\.002, not 0\.1"):
        train(settings(lr=0.1), store, finished, resume=True, say=quiet)
    other = make_store(tmp_path / "other", frames=8).path
    with pytest.raises(VidclError, match="same store"):
        train(settings(), other, finished, resume=True, say=quiet)


def test_callbacks_see_an_encoder_and_are_logged(store, tmp_path):
    seen = []

    def callback(now):
        images = torch.zeros(1, 3, 16, 16)
        seen.append((now.step, now.encoder(images).shape))
        return {"knn": 0.25}

    out = train(
        settings(steps=4, callback_every=3, tensorboard=True, keep_checkpoints=True),
        store,
        tmp_path / "run",
        callbacks=[callback],
        say=quiet,
    )
    assert seen == [(3, (1, 128)), (4, (1, 128))]
    lines = read_metrics(out / "metrics.jsonl")
    assert [line.get("knn") for line in lines] == [None, 0.25, 0.25]
    assert list((out / "tensorboard").iterdir())
    names = sorted(path.name for path in (out / "checkpoints").iterdir())
    assert names == ["last.pt", "previous.pt", "step-3.pt", "step-4.pt"]


def test_it_learns(store, tmp_path):
    values = settings(steps=50, lr=0.004, log_every=10, batch_size=16).model_dump()
    values["views"] = {"size": 16, "crop_scale": (0.5, 1), "jitter": 0, "greyscale": 0, "blur": 0}
    values["model"]["bn_shards"] = 1
    config = parse_config(values, TrainConfig)
    out = train(config, store, tmp_path / "run", say=quiet)
    relative = [line["loss_relative"] for line in read_metrics(out / "metrics.jsonl")]
    assert relative[-1] < 0.75 * relative[1]


def test_the_queue_fits_the_store(store, tmp_path):
    # 28 training tracks of 6 crops: 168 crops, so at most 84 keys
    values = settings().model_dump()
    values["method"] = {"K": 85}
    with pytest.raises(VidclError, match="half the crops"):
        train(parse_config(values, TrainConfig), store, tmp_path / "a", say=quiet)
    assert not (tmp_path / "a").exists()
    values["method"] = {"K_max": 4096}
    values["training"]["steps"] = 1
    with pytest.warns(UserWarning, match="84 keys, half the crops, not 4096"):
        train(parse_config(values, TrainConfig), store, tmp_path / "b", say=quiet)
    assert len(state(tmp_path / "b")["method"]["queue.keys"]) == 84
    with pytest.raises(VidclError, match="at least a batch"):
        train(settings(batch_size=96), store, tmp_path / "c", say=quiet)


def test_wrong_settings_are_refused(store, tmp_path):
    with pytest.raises(VidclError, match="no track store"):
        train(settings(), tmp_path / "none", tmp_path / "run", say=quiet)
    with pytest.raises(VidclError, match="no device"):
        train(settings(device="gpu"), store, tmp_path / "run", say=quiet)
    with pytest.raises(VidclError, match="bn_shards"):
        settings(batch_size=9)
    with pytest.raises(VidclError, match="did you mean 'batch_size'"):
        settings(batchsize=8)
    with pytest.raises(VidclError, match="parts"):
        settings(accumulate=3)
    with pytest.raises(VidclError, match=r"unknown key 'method\.K'; known keys: name, T"):
        parse_config({"method": {"name": "simclr", "K": 8}}, TrainConfig)
    with pytest.raises(VidclError, match="take the whole batch"):
        parse_config({"method": {"name": "simclr"}, "model": {"bn_shards": 2}}, TrainConfig)
    with pytest.raises(VidclError, match="did you mean 'K_max'"):
        parse_config({"method": {"K_mx": 8}}, TrainConfig)
    with pytest.raises(VidclError, match="float16 needs a GPU"):
        train(settings(precision="float16"), store, tmp_path / "run", say=quiet)
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_no_number_stops_the_run_and_leaves_its_inputs(store, tmp_path):
    config = settings(lr=1e12, optimizer="sgd", precision="float32")
    with pytest.raises(VidclError, match=r"The loss is (nan|inf) at step \d") as caught:
        train(config, store, tmp_path / "run", say=quiet)
    (path,) = (tmp_path / "run").glob("not-finite-*.pt")
    assert str(path) in str(caught.value)
    kept = torch.load(path, weights_only=True)
    assert kept["images"].shape == (16, 3, 24, 24) and kept["images"].dtype == torch.uint8
    assert kept["rows"].shape == (8,) and kept["steps"].shape == (8, 2)
    assert [each["box"].shape for each in kept["params"]] == [(8, 4), (8, 4)]
    assert f"not-finite-{kept['step']}-0" in path.name


def test_a_damaged_checkpoint_gives_way_to_the_one_before(store, finished, tmp_path):
    out = tmp_path / "run"
    train(settings(), store, out, say=quiet)
    last = out / "checkpoints" / "last.pt"
    assert load_checkpoint(out / "checkpoints" / "previous.pt")["step"] == 6
    last.write_bytes(last.read_bytes()[:1000])  # cut short
    with pytest.warns(UserWarning, match=r"last\.pt.*Going on from .*previous\.pt"):
        train(settings(), store, out, resume=True, say=quiet)
    assert_same(state(finished), state(out))
    # killed between the two renames
    last.unlink()
    train(settings(), store, out, resume=True, say=quiet)
    assert_same(state(finished), state(out))
    for name in ("last.pt", "previous.pt"):
        (out / "checkpoints" / name).write_bytes(b"")
    with pytest.raises(VidclError, match=r"last\.pt"):
        train(settings(), store, out, resume=True, say=quiet)


def test_the_best_checkpoint_is_kept_over_resumes(store, tmp_path):
    scores = {2: 0.3, 4: 0.5, 6: 0.4, 8: 0.45, 10: 0.6}
    out = tmp_path / "run"

    def knn(now):
        return {"knn": scores[now.step]}

    for steps, best in ((4, 4), (8, 4), (10, 10)):
        # checkpoints come less often than what is measured
        config = settings(
            steps=steps, callback_every=2, checkpoint_every=7, keep_best="knn", schedule="constant"
        )
        train(config, store, out, resume="auto", callbacks=[knn], say=quiet)
        assert load_checkpoint(out / "checkpoints" / "best.pt")["step"] == best


def test_simclr_trains_and_resumes(store, tmp_path):
    def config(steps):
        values = settings(steps=steps, schedule="constant", clip_norm=1.0).model_dump()
        values["method"] = {"name": "simclr", "T": 0.2}
        values["model"]["bn_shards"] = 1
        return parse_config(values, TrainConfig)

    train(config(8), store, tmp_path / "whole", say=quiet)
    train(config(3), store, tmp_path / "parts", say=quiet)
    train(config(8), store, tmp_path / "parts", resume=True, say=quiet)
    assert_same(state(tmp_path / "whole"), state(tmp_path / "parts"))
    lines = read_metrics(tmp_path / "whole" / "metrics.jsonl")
    assert lines[0]["log_k1"] == pytest.approx(torch.log(torch.tensor(15.0)).item())
    assert lines[0]["grad_norm"] > 0 and "queue_fill" not in lines[0]
    assert load_encoder(tmp_path / "whole").feature_dim == 128


PRESETS = "moco frame_temporal region_track region_only region_gap0 region_static region_random"


@pytest.mark.parametrize("scale", [".", "laptop"])
def test_presets_load_and_name_their_systems(scale):
    found = {
        path.stem: load_config(path, TrainConfig)
        for name in [*PRESETS.split(), "region_exact"]
        for path in [CONFIGS / scale / f"{name}.yaml"]
    }
    kinds = {n: [s.kind for s in c.pairs.streams] for n, c in found.items()}
    assert kinds["moco"] == [("frame", "image")]  # the one that needs no time
    assert kinds["frame_temporal"] == [("frame",)]
    assert kinds["region_track"] == [("frame",), ("region",)]
    assert all(
        kinds[name] == [("region",)]
        for name in found
        if name[:7] == "region_"[:7] and name != "region_track"
    )
    still = {n for n, c in found.items() if c.pairs.streams[0].gap == (0, 0)}
    assert still == {"moco", "region_gap0"}
    # nothing but the pairs differs
    assert (
        len({c.model_copy(update={"pairs": None}).model_dump_json() for c in found.values()}) == 1
    )
