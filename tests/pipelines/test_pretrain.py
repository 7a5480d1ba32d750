"""The pretraining script, as a user runs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.making import make_store

ROOT = Path(__file__).parents[2]
CONFIG = """
method: {K: 16}
model: {backbone: resnet_tiny, dim: 8}
views: {size: 16, blur: 0.0}
training: {steps: 50, batch_size: 8, log_every: 2, tensorboard: false, device: cpu}
"""


def pretrain(*words):
    command = [sys.executable, str(ROOT / "pipelines" / "pretrain.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_help_shows_an_example():
    done = pretrain("--help")
    assert done.returncode == 0
    assert "python pipelines/pretrain.py laptop/region_track --data store" in done.stdout


def test_it_trains_and_resumes_and_says_what_is_wrong(tmp_path):
    store = make_store(tmp_path / "store").path
    (tmp_path / "config.yaml").write_text(CONFIG)
    words = (tmp_path / "config.yaml", "--data", store, "--out", tmp_path / "run")
    done = pretrain(*words, "--steps", 2, "--seed", 3)
    assert done.returncode == 0, done.stderr
    assert "step 2/2" in done.stdout and "next: vidcl embed" in done.stdout
    again = pretrain(*words, "--steps", 2, "--seed", 3)
    assert again.returncode == 1
    assert again.stderr.startswith("pretrain: ") and "--resume" in again.stderr
    on = pretrain(*words, "--steps", 4, "--seed", 3, "--resume")
    assert on.returncode == 0, on.stderr
    assert "from step 2" in on.stdout and "step 4/4" in on.stdout


@pytest.mark.parametrize("name", ["laptop/mocco"])
def test_an_unknown_preset_lists_the_known(tmp_path, name):
    done = pretrain(name, "--data", tmp_path, "--out", tmp_path / "run")
    assert done.returncode == 1 and "laptop/moco" in done.stderr
