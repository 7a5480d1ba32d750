"""Operations are counted, momentum follows its schedule, the log goes where it is sent."""

import math
import time

import pytest
import torch
from torch import nn

from vidcl.methods.moco import MoCo
from vidcl.models.backbones import build_backbone
from vidcl.models.momentum import momentum_at
from vidcl.training.metrics import MetricsLog
from vidcl.training.throughput import Use, forward_flops, peak_flops


def test_operations_are_counted_by_hand_and_by_the_books():
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Flatten(), nn.Linear(8 * 36, 5))
    by_hand = 2 * (8 * 27 * 36) + 2 * (8 * 36 * 5)
    assert forward_flops(network, 6) == by_hand
    # torchvision's table: 1.81 and 4.09 billion multiply-adds
    for name, billions in (("resnet18", 1.81), ("resnet50", 4.09)):
        assert forward_flops(build_backbone(name)[0], 224) / 2e9 == pytest.approx(
            billions, rel=0.01
        )


def test_use_is_speed_times_cost_over_the_peak():
    cpu = torch.device("cpu")
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16, 7))
    use = Use(MoCo(network, 7, K=8, m=0.9, T=0.2), 4, cpu, None)
    assert use.pair == 4 * 2 * 48 * 7
    assert use.of(1000.0)["tflops"] == pytest.approx(1000 * use.pair / 1e12)
    assert use.of(1000.0)["mfu"] == pytest.approx(1000 * use.pair / use.peak)
    assert peak_flops(cpu, torch.float32) > 1e8


def test_momentum_stays_or_rises_along_half_a_cosine():
    assert [momentum_at(k / 10, 0.99, None) for k in (0, 5, 10)] == [0.99] * 3
    values = [momentum_at(k / 10, 0.99, 1.0) for k in range(11)]
    expected = [1 - (1 - 0.99) * (math.cos(math.pi * k / 10) + 1) / 2 for k in range(11)]
    assert values == pytest.approx(expected)
    assert values[0] == pytest.approx(0.99) and values[-1] == 1.0
    method = MoCo(nn.Linear(2, 2), 2, K=8, m=0.99, T=0.2, m_end=1.0)
    method.begin_step(0.3)
    assert method.state_to_log()["m"] == values[3]


def test_the_log_goes_to_weights_and_biases(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    run = tmp_path / "run"
    run.mkdir()
    log = MetricsLog(run, 0, tensorboard=False, wandb="vidcl-test")
    log.write(1, {"loss": 1.5})
    assert (log.online.project, log.online.id) == ("vidcl-test", "run")
    log.close()
    (kept,) = (run / "wandb").glob("offline-run-*/*.wandb")
    deadline = time.monotonic() + 30  # its own process writes the file
    while b"loss" not in kept.read_bytes():
        assert time.monotonic() < deadline, "nothing was logged"
        time.sleep(0.1)
