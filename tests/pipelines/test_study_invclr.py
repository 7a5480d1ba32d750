"""The Spirograph study runs from end to end on a few steps, and goes on where it stopped."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vidcl.errors import VidclError
from vidcl.losses.gradient_penalty import gradient_penalty
from vidcl.methods.config import SimCLRConfig
from vidcl.methods.wanted import Key, Wanted
from vidcl.synthetic.spirograph import NUISANCES, draw_nuisances, draw_targets, render
from vidcl.training.config import TrainConfig, TrainingConfig
from vidcl.training.processes import Process
from vidcl.views.recipe import ViewConfig

PIPELINES = Path(__file__).parents[2] / "pipelines"


@pytest.fixture
def load(monkeypatch):
    """Imports a module that lies beside the study, as the study itself does."""
    monkeypatch.syspath_prepend(str(PIPELINES))
    return importlib.import_module


def source(load, rank=0, world=1, batch=6):
    config = TrainConfig(
        method=SimCLRConfig(),
        views=ViewConfig(size=32, mean=(0.5,) * 3, std=(0.25,) * 3),
        training=TrainingConfig(batch_size=batch),
        seed=3,
    )
    process = Process(rank, world, torch.device("cpu"))
    return load("studies.invclr.source").SpirographSource(50, 7, config, process)


def test_smoke_and_again(load, tmp_path, monkeypatch, capsys):
    study = load("study_invclr")
    words = ["study", "--smoke", "--out", str(tmp_path), "--workers", "1", "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", words)
    assert study.main() == 0
    results = json.loads((tmp_path / "results.json").read_text())
    assert set(results["measured"]) == {"simclr", "colour_0.3"}
    for numbers in results["measured"].values():
        assert all(np.isfinite(values).all() for values in numbers.values())
        assert all(len(values) == 1 for values in numbers.values())
    twin = results["measured"]["simclr"]
    assert {"mse@1/m", "mse@4/fore_r", "variance/colour", "r2/h", "shift/h"} <= set(twin)
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "page.md").read_text()
    assert "| simclr |" in page and "What held" in page
    assert page in capsys.readouterr().out

    # again: nothing is run, so what was kept is what is shown
    kept = tmp_path / "runs" / "simclr" / "seed-0.json"
    numbers = json.loads(kept.read_text()) | {"mse@1": 123.0}
    kept.write_text(json.dumps(numbers))
    assert study.main() == 0
    again = json.loads((tmp_path / "results.json").read_text())
    assert again["measured"]["simclr"]["mse@1"] == [123.0]

    monkeypatch.setattr(sys, "argv", [*words, "--steps", "4"])
    assert study.main() == 1
    assert "other settings" in capsys.readouterr().err


@pytest.mark.parametrize("arm", ["untrained", "pixels", "supervised"])
def test_controls_are_measured_like_the_rest(arm, load, tmp_path):
    study = load("study_invclr")
    numbers = study.measure_arm(arm, 1, study.SMOKE_SETTINGS, tmp_path, "cpu")
    assert {"mse@1", "mse@4", "variance", "r2/h", "shift/background"} <= set(numbers)
    assert ("penalty/h/p99" in numbers) == (arm != "pixels")
    assert all(np.isfinite(value) for value in numbers.values())


def test_help_has_examples(load, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["study", "--help"])
    with pytest.raises(SystemExit) as end:
        load("study_invclr").main()
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert "python pipelines/study_invclr.py --out study-invclr" in said and "--seeds" in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--arms", "simclr", "nonsense"], "There is no arm 'nonsense'"),
        (["--arms", "simclr", "simclr"], "--arms"),
        (["--seeds", "1", "1"], "--seeds"),
        (["--seeds", "-1"], "0 or more"),
        (["--steps", "0"], "--steps: Input should be greater than or equal to 1 (got 0)"),
        (["--batch-size", "500"], "at most --targets"),
        (["--measure.averages", "2", "3"], "rise from 1"),
        (["--device", "abacus"], "no device 'abacus'"),
    ],
)
def test_wrong_settings_are_one_sentence(load, words, sentence, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    monkeypatch.setattr(sys, "argv", ["study", "--smoke", "--out", str(out), *words])
    assert load("study_invclr").main() == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ") and sentence in said and said.count("\n") == 1
    assert not out.exists()


def test_the_source_renders_what_it_drew(load):
    here = source(load)
    wanted = Wanted(keys=(Key(), Key(shares=("h", "back_b"))), along=("h", "fore_g"), redraws=4)
    batch = here.read(5, wanted)
    made = here.make(batch)
    assert len(made.views) == 3 and len(set(batch.rows.tolist())) == 6
    for view, nuisances in zip(made.views, batch.nuisances, strict=True):
        expected = (render(here.targets[batch.rows], nuisances) - 0.5) / 0.25
        torch.testing.assert_close(view.detach(), expected)
    query, fresh, shared = batch.nuisances
    assert not (query == fresh).any()
    same = torch.tensor([name in ("h", "back_b") for name in NUISANCES])
    assert torch.equal(query == shared, same.expand(6, 6))
    assert set(made.leaves) == set(made.redraws) == {"h", "fore_g"}
    assert made.redraws["h"].shape == (4, 6) and made.redraws["h"].unique().numel() == 24
    torch.testing.assert_close(made.leaves["h"].detach(), query[:, 0])


def test_its_views_have_the_slope_of_its_leaves(load):
    here = source(load)
    batch = here.read(1, Wanted(along=("h",), redraws=2))
    made = here.make(batch)
    weights = torch.linspace(-1, 1, made.views[0].numel()).view_as(made.views[0])
    (slope,) = torch.autograd.grad((weights * made.views[0]).sum(), [made.leaves["h"]])
    step = torch.zeros(6, 6, dtype=torch.float64)
    step[:, 0] = 1e-5
    targets, nuisances = here.targets[batch.rows].double(), batch.nuisances[0].double()
    change = render(targets, nuisances + step) - render(targets, nuisances - step)
    expected = (weights.double() * change / 0.25).sum((1, 2, 3)) / 2e-5
    torch.testing.assert_close(slope.double(), expected, rtol=1e-2, atol=1e-2)


def test_the_source_is_a_function_of_seed_and_step_and_shared_out(load):
    wanted = Wanted(along=("h",), redraws=3)
    whole = source(load).read(2, wanted)
    assert torch.equal(whole.nuisances, source(load).read(2, wanted).nuisances)
    assert not torch.equal(whole.nuisances, source(load).read(3, wanted).nuisances)
    parts = [source(load, rank, 2).read(2, wanted) for rank in (0, 1)]
    assert torch.equal(whole.rows, torch.cat([part.rows for part in parts]))
    assert torch.equal(whole.nuisances, torch.cat([part.nuisances for part in parts], 1))
    assert torch.equal(whole.redraws["h"], torch.cat([part.redraws["h"] for part in parts], 1))


def test_the_source_knows_its_nuisances(load):
    with pytest.raises(VidclError, match="no nuisance color"):
        source(load).read(0, Wanted(along=("color",), redraws=1))


def test_penalties_are_the_losss(load):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 5), nn.Tanh())
    generator = torch.Generator().manual_seed(1)
    targets, nuisances = draw_targets(4, generator), draw_nuisances(4, generator)
    again = draw_nuisances(12, generator).view(3, 4, 6)
    got = load("studies.invclr.measure").penalties(
        net, targets, nuisances, again, torch.Generator().manual_seed(2), torch.device("cpu")
    )
    leaves = {name: nuisances[:, i].clone().requires_grad_() for i, name in enumerate(NUISANCES)}
    redraws = {name: again[:, :, i] for i, name in enumerate(NUISANCES)}
    features = net(render(targets, torch.stack(list(leaves.values()), 1)))
    for names in (NUISANCES, *((name,) for name in NUISANCES)):
        expected = gradient_penalty(
            features,
            {name: leaves[name] for name in names},
            {name: redraws[name] for name in names},
            torch.Generator().manual_seed(2),
        )
        key = "all" if len(names) > 1 else names[0]
        torch.testing.assert_close(got[key], expected.detach(), rtol=1e-4, atol=1e-7)


def test_what_is_measured_of_features_that_tell_all_or_nothing(load):
    module = load("studies.invclr.measure")
    config = module.MeasureConfig(
        labelled=60, test=40, averages=(1, 2), varied=10, redraws=3, tail=48
    )

    def background(images):
        return images[:, :, 0, 0]  # the corner shows the background's colours alone

    numbers = module.measure_features(background, config, torch.device("cpu"))
    assert numbers["r2/back_r"] > 0.999 > 0.2 > numbers["r2/h"]
    assert numbers["variance"] == pytest.approx(numbers["variance/colour"], rel=0.5)
    assert numbers["variance/h"] < 1e-4 < numbers["variance"]
    unit = F.normalize(torch.randn(5, 7, 3, generator=torch.Generator().manual_seed(0)), dim=2)
    slow = sum(
        float((unit[:, n] - unit[:, n].mean(0)).square().sum() / 4) for n in range(7)
    )  # over 7 targets, 5 draws
    assert module._variance(unit) == pytest.approx(slow / 7, rel=1e-5)


def test_the_probe_leaves_out_what_is_nearly_dead(load):
    module = load("studies.invclr.measure")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 3))
    y = x[:, :2] @ np.array([[1.0, 2.0], [3.0, -1.0]]) + 0.5
    x[:, 2] = 0
    x[50, 2] = 1e-5  # spread 1e-6
    y[50] += 0.1  # which that feature would explain, with a weight of 10,000
    seen = np.array([[1.0, 1.0, 0.01]])
    np.testing.assert_allclose(module.fit_probe(x, y).predict(seen), [[4.5, 1.5]], atol=0.02)
    y[50] -= 0.1
    x[:, 2] *= 1e5  # alive: it counts
    assert module.fit_probe(x, y + x[:, 2:]).weights[2] == pytest.approx([1.0, 1.0], rel=1e-4)


def test_verdicts_follow_the_numbers(load):
    claims = load("studies.invclr.claims")
    twin = {"variance": [1.0] * 3, "variance/colour": [1.0] * 3, "variance/total": [2.0] * 3}
    twin |= {"mse@1": [0.03] * 3, "mse@30": [0.009] * 3}
    twin |= {f"r2/{name}": [0.5] * 3 for name in NUISANCES}
    twin |= {f"shift/{name}": [0.1] * 3 for name in claims.SHIFTS}
    half = twin | {"variance": [0.3, 0.31, 0.29], "mse@1": [0.05, 0.051, 0.049]}
    wide = twin | {"variance": [0.1, 0.9, 0.2], "r2/h": [0.2, 0.2, 0.2]}
    text = claims.verdicts({"simclr": twin, "half": half, "wide": wide}, (1, 30))
    # 3 values 0.01 apart: 4.303 * 0.01 / sqrt(3) = 0.025
    assert "| half | **0.30 ± 0.02** |" in text
    assert "met by the whole interval: half; met on average: wide." in text
    assert (
        "- error at M = 1 above simclr's, x1000, at most 0: met by the whole interval: wide; "
        in text
    )
    assert "missed by the whole interval: half." in text
    assert "**-50.00 ± 0.00**" in text  # 0.3 less on one of six
    assert "M = 30 over M = 1, at most 0.33: met by the whole interval: simclr" in text


def test_one_seed_and_no_twin_say_less(load):
    claims = load("studies.invclr.claims")
    numbers = {"mse@1": [0.03], "mse@30": [0.02]}
    text = claims.verdicts({"pixels": numbers}, (1, 30))
    assert "missed on average: pixels." in text and "±" not in text


def test_the_watch_counts_steps_of_this_run(load):
    said = []
    watch = load("studies.invclr.step_watch").StepWatch(
        torch.device("cpu"), lambda *step: said.append(step)
    )
    ticks = iter([1.0, 3.0, 5.0])
    watch.clock = lambda: next(ticks)
    assert watch.numbers() == {}
    for step in (7, 8, 9):  # a run that went on from step 6
        watch(step, 9)
    assert watch.numbers() == {"step_ms": 2000.0} and said[-1] == (9, 9)
