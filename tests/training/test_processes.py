"""One batch in parts and in several processes."""

import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import torch

from tests.training.making import make_store
from tests.training.test_train import quiet, settings, state
from vidcl.config import parse_config
from vidcl.models.checkpoint import load_encoder
from vidcl.training.config import TrainConfig
from vidcl.training.loop import train
from vidcl.training.metrics import read_metrics


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store")).path


def without_batch_norm(parts=1, method=None, penalty=None):
    """A run that does not depend on how its batch is divided."""
    values = settings(steps=4, lr=0.001, precision="float32", log_every=1).model_dump()
    values["model"] = {"backbone": "timm:vit_tiny_patch16_224", "dim": 16}
    values["training"]["accumulate"] = parts
    values["method"] = method or values["method"]
    values["penalty"] = penalty or {}
    return parse_config(values, TrainConfig)


#: Runs whose steps draw more than two views and their parameters.
MORE = {
    "looc": {"method": {"name": "looc", "factors": ["color", "time"], "K": 32, "m": 0.9}},
    "penalty": {
        "penalty": {"along": ["color", "time"], "weight": 1.0, "clip": 100.0, "redraws": 5}
    },
    "change": {"penalty": {"along": ["color", "time"], "weight": 1.0, "clip": 4.0, "by": "change"}},
}


def train_more(name, store, out):
    """A run of ``MORE``; the signs of the penalty, which each process draws, are all one."""
    with mock.patch("torch.randint", lambda low, high, shape, **_: torch.ones(shape)):
        return train(without_batch_norm(**MORE[name]), store, out, say=quiet)


@pytest.fixture(scope="module")
def alone(store, tmp_path_factory):
    """``without_batch_norm`` in one process."""
    return train(without_batch_norm(), store, tmp_path_factory.mktemp("alone") / "run", say=quiet)


def losses(run):
    return [line["loss"] for line in read_metrics(run / "metrics.jsonl")]


def test_a_batch_in_parts_is_the_whole_batch(store, alone, tmp_path):
    out = train(without_batch_norm(parts=2), store, tmp_path / "run", say=quiet)
    assert losses(out) == pytest.approx(losses(alone), rel=1e-3)


def test_two_processes_train_as_one(store, alone, tmp_path):
    script = tmp_path / "job.py"
    script.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from tests.training.test_processes import MORE, settings, train_more, without_batch_norm\n"
        "from vidcl.training.loop import train\n"
        f"out, store = Path({str(tmp_path)!r}), {str(store)!r}\n"
        "if sys.argv[1] == 'same':\n"
        "    train(without_batch_norm(), store, out / 'same')\n"
        "elif sys.argv[1] in MORE:\n"
        "    train_more(sys.argv[1], store, out / sys.argv[1])\n"
        "else:\n"
        "    seen = [lambda s: {'seen': s.step}]\n"
        "    config = settings(callback_every=4)\n"
        "    train(config, store, out / 'split', resume='auto', callbacks=seen)\n"
    )
    for name in ("same", "split", *MORE):
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command += ["--nproc-per-node", "2", str(script), name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr
    assert losses(tmp_path / "same") == pytest.approx(losses(alone), rel=1e-3)
    # AdamW makes steps of full size of gradients that are nothing but rounding
    one, two = state(alone)["method"], state(tmp_path / "same")["method"]
    for name, tensor in one.items():
        if name != "queue.tracks" and "queue" not in name:
            torch.testing.assert_close(two[name], tensor, atol=5e-4, rtol=1e-2)
    # with BatchNorm the parts differ; the run is whole all the same
    assert state(tmp_path / "split")["step"] == 8
    # keys of both processes are in the queue: 8 per step
    lines = read_metrics(tmp_path / "split" / "metrics.jsonl")
    assert [line["queue_fill"] for line in lines] == [0.5, 1, 1, 1]
    assert [line["step"] for line in lines if "seen" in line] == [4, 8]
    assert load_encoder(tmp_path / "split").feature_dim == 128
    for name in MORE:
        one = train_more(name, store, tmp_path / f"{name}-alone")
        assert losses(tmp_path / name) == pytest.approx(losses(one), rel=2e-3)
    for name in ("penalty", "change"):
        lines = read_metrics(tmp_path / name / "metrics.jsonl")
        assert all(line["penalty"] > 0 for line in lines)
