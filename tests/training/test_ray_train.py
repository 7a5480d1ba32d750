"""Ray Train starts the processes of pipelines/pretrain.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.making import make_store
from tests.training.test_train import settings
from vidcl.config import dump_config
from vidcl.models.checkpoint import load_encoder
from vidcl.training.metrics import read_metrics

SCRIPT = Path(__file__).parents[2] / "pipelines" / "pretrain.py"


@pytest.mark.full
def test_two_workers_of_ray_train_leave_one_run(tmp_path):
    make_store(tmp_path / "store")
    config = tmp_path / "tiny.yaml"
    config.write_text(dump_config(settings()))
    command = [sys.executable, str(SCRIPT), "tiny.yaml", "--data", "store", "--out", "run"]
    done = subprocess.run(
        [*command, "--ray-workers", "2"],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path)},  # Ray writes there
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    lines = read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert [line["step"] for line in lines] == [2, 4, 6, 8]
    assert [line["queue_fill"] for line in lines] == [0.5, 1, 1, 1]  # keys of both
    assert load_encoder(tmp_path / "run").feature_dim == 128
