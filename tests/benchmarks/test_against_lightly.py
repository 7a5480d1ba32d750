"""``benchmarks/against_lightly.py`` on a few small pictures."""

import json
import re
import subprocess

import pytest
import torch

from benchmarks import against_lightly, lightly_sides
from vidcl import cli
from vidcl.methods.wanted import ViewBatch
from vidcl.training.build import build_method
from vidcl.training.optimizer import build_optimizer, build_scaler
from vidcl.training.step import Stepper

SMALL = ["--backbone", "resnet_tiny", "--size", "32", "--batch", "8", "--queue", "16"]
SMALL += ["--precision", "float32", "--steps", "2", "--warmup", "1", "--workers", "0"]
VIDCL = [name for name in lightly_sides.CONTESTANTS if "vidcl" in name]
LIGHTLY = [name for name in lightly_sides.CONTESTANTS if "lightly" in name]


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    work = tmp_path_factory.mktemp("work")
    images = work / "pictures"
    against_lightly.make_pictures(images, 40)
    store = str(work / "store")
    pack = ["extract", "--images", str(images), "--out", store, "--engine", "local"]
    assert cli.main([*pack, "--workers", "1"]) == 0
    return against_lightly.parse(["--work", str(work), "--images", str(images), *SMALL])


def check(row, end_to_end):
    assert row["pairs_per_second"] > 0
    assert row["cpu_ms_per_pair"] > 0
    assert 0 < row["loss"] < 10
    assert ("data_wait" in row) == end_to_end
    assert 0 <= row.get("data_wait", 0) < 1


@pytest.mark.parametrize("name", VIDCL)
def test_vidcl_trains(name, options):
    check(lightly_sides.CONTESTANTS[name](options), "fixed" not in name)
    assert {path.name for path in options.work.iterdir()} == {"pictures", "store"}


@pytest.mark.parametrize("name", LIGHTLY)
def test_lightly_trains(name, options):
    pytest.importorskip("lightly", reason="lightly is not installed; only the benchmark needs it")
    check(lightly_sides.CONTESTANTS[name](options), "fixed" not in name)


def test_both_take_the_same_step(options):
    """From equal weights, queue and views: equal losses, and equal weights after two steps."""
    pytest.importorskip("lightly", reason="lightly is not installed; only the benchmark needs it")
    config = lightly_sides.vidcl_config(options)
    method = build_method(config, 40).to(memory_format=torch.channels_last)
    peer, criterion = lightly_sides.Peer(options), lightly_sides.lightly_loss(options)
    bank = criterion.memory_bank.bank
    with torch.no_grad():
        method.queue.keys.copy_(bank)
        method.queue.tracks.copy_(torch.arange(1000, 1000 + options.queue))
    tower = method.encoder_q
    peer.backbone.load_state_dict(tower.backbone.state_dict())
    peer.slow_backbone.load_state_dict(tower.backbone.state_dict())
    for head in (peer.head, peer.slow_head):
        with torch.no_grad():
            own, other = list(head.parameters()), list(tower.head.parameters())
            assert [p.shape for p in own] == [p.shape for p in other]
            for to, of in zip(own, other, strict=True):
                to.copy_(of)
    optimizer = build_optimizer(tower, config.training)
    ours = Stepper(method, tower, optimizer, build_scaler(None), config, None)
    theirs = lightly_sides.lightly_step(peer, criterion, options)
    for number in range(2):
        x_q, x_k = torch.randn(2, options.batch, 3, 32, 32)
        tracks = torch.arange(options.batch) + options.batch * number
        batch = ViewBatch((x_q, x_k), tracks)
        loss = ours(batch, torch.Generator()).outcome.loss
        assert float(theirs(x_q, x_k)) == pytest.approx(float(loss), rel=1e-4)
    for name, parameter in peer.backbone.named_parameters():
        torch.testing.assert_close(
            parameter, tower.backbone.get_parameter(name), rtol=1e-3, atol=1e-5
        )


def test_a_process_gets_the_same_options_and_its_threads(options, monkeypatch):
    seen = []

    def run(command, env, **others):
        seen.append((against_lightly.parse(command[3:]), env["OMP_NUM_THREADS"]))
        return subprocess.CompletedProcess(command, 0, b'noise\n{"pairs_per_second": 3.0}\n')

    monkeypatch.setattr(subprocess, "run", run)
    row = against_lightly.in_fresh_process("vidcl, cached", 2, options)
    assert row == {"pairs_per_second": 3.0}
    ((given, threads),) = seen
    assert threads == "2"
    expected = vars(options) | {"contestant": "vidcl, cached"}
    assert vars(given) == expected


def test_the_table_has_the_best_of_each_and_the_ratio(options, tmp_path, monkeypatch, capsys):
    speeds = iter([100.0, 50.0, 150.0, 60.0])

    def fake(name, threads, options):
        wait = {} if "fixed" in name else {"data_wait": 0.25}
        return {"pairs_per_second": next(speeds), "cpu_ms_per_pair": 7.5, "loss": 1.0, **wait}

    monkeypatch.setattr(against_lightly, "in_fresh_process", fake)
    monkeypatch.setattr(against_lightly.importlib.util, "find_spec", lambda name: name)
    out = tmp_path / "rows.json"
    arguments = ["--work", str(options.work), "--images", str(options.images), "--threads", "1"]
    arguments += ["--only", "vidcl", "lightly", "--rounds", "2", "--out", str(out)]
    assert against_lightly.main(arguments) == 0
    text = capsys.readouterr().out
    assert "| vidcl | 1 | 150 | 2.50x | 25% | 7.50 |" in text
    assert "| lightly | 1 | 60 | 1.00x | 25% | 7.50 |" in text
    assert len(json.loads(out.read_text())) == 4


def test_without_lightly_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(against_lightly.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=re.escape("pip install lightly")):
        against_lightly.main([])
