"""Runs with compiled networks: the same learning, the same checkpoints."""

import os
import signal
import subprocess
import sys

import pytest
import torch

from tests.training.making import make_store
from vidcl.config import parse_config
from vidcl.errors import VidclError
from vidcl.models.checkpoint import load_checkpoint, load_encoder
from vidcl.training.compiling import check_compiler
from vidcl.training.config import TrainConfig
from vidcl.training.loop import train
from vidcl.training.metrics import read_metrics


def settings(**training):
    values = {
        "method": {"K": 48, "m": 0.9, "T": 0.1},
        "model": {"backbone": "resnet_tiny", "dim": 16},
        "views": {"size": 16},
        "pairs": {"streams": [{"kind": "region", "gap": [0.2, 1.0]}]},
        "training": {
            "steps": 8,
            "batch_size": 16,
            "lr": 0.001,
            "log_every": 1,
            "tensorboard": False,
            "device": "cpu",
            "precision": "float32",
            **training,
        },
    }
    return parse_config(values, TrainConfig)


@pytest.fixture
def fresh_compiler(tmp_path, monkeypatch):
    """Nothing compiled before, in this process or kept on disk; nothing left behind."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.full
def test_a_compiled_run_learns_the_same_and_resumes(tmp_path, fresh_compiler):
    store = make_store(tmp_path / "store").path

    def run(name, resume=False, stop=None, **training):
        def progress(done, steps):
            if done == stop:
                os.kill(os.getpid(), signal.SIGINT)  # saved, and then ended

        out, config = tmp_path / name, settings(**training)
        train(config, store, out, resume=resume, progress=progress, say=lambda text: None)
        lines = read_metrics(tmp_path / name / "metrics.jsonl")
        checkpoint = load_checkpoint(tmp_path / name / "checkpoints" / "last.pt")
        return checkpoint["method"], [line["loss"] for line in lines]

    plain, plain_losses = run("plain")
    compiled, compiled_losses = run("compiled", compile=True)
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    assert graphs >= 2, "neither encoder was compiled"
    assert list(compiled) == list(plain)  # no _orig_mod.
    assert len(plain_losses) == 8
    # kernels sum in another order: rounding, which every step makes larger
    assert compiled_losses == pytest.approx(plain_losses, rel=1e-5)
    for name, value in plain.items():
        torch.testing.assert_close(compiled[name], value, rtol=1e-3, atol=1e-4, msg=name)
    assert not all(torch.equal(compiled[name], value) for name, value in plain.items())

    with pytest.raises(KeyboardInterrupt):
        run("parts", stop=3, compile=True)
    parts, parts_losses = run("parts", resume=True, compile=True)
    assert parts_losses == compiled_losses
    for name, value in compiled.items():
        assert torch.equal(parts[name], value), name
    images = torch.rand(3, 3, 16, 16)
    with torch.no_grad():
        known = load_encoder(tmp_path / "compiled" / "checkpoints" / "last.pt")(images)
    assert known.isfinite().all()


ALONE = """
import sys
import torch
from vidcl.training.compiling import check_compiler
try:
    check_compiler(torch.device("cpu"))
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.full
def test_a_machine_without_a_compiler_is_told_so(tmp_path):
    cache = str(tmp_path / "inductor")
    for compiler, wanted in ((str(tmp_path / "none"), "VidclError"), (None, "")):
        environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": cache}
        environment.pop("CXX", None)
        if compiler:
            environment["CXX"] = compiler
        done = subprocess.run(
            [sys.executable, "-c", ALONE], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(wanted) and bool(done.stdout) == bool(wanted)
        if wanted:
            assert "training.compile does not work on cpu here" in done.stdout
            assert "install a C++ compiler" in done.stdout and done.stdout.count("\n") == 1


def test_the_reason_is_one_sentence(monkeypatch):
    def broken(function):
        raise RuntimeError("No compiler.\n\nSet TORCH_LOGS for more")

    monkeypatch.setattr(torch, "compile", broken)
    with pytest.raises(VidclError, match=r"on cpu here \(No compiler\): install a C\+\+ compiler"):
        check_compiler(torch.device("cpu"))
