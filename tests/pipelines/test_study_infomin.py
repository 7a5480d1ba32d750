"""The study of InfoMin runs from end to end on a tiny world, and goes on where it stopped."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "pipelines"))
import study_infomin

from studies.infomin import axes as infomin_axes
from studies.infomin import judge as infomin_judge
from studies.infomin import measure as infomin_measure
from vidcl.evaluation.retrieval.cross_view import cross_view_retrieval
from vidcl.methods.base import unit

SCRIPT = Path(__file__).parents[2] / "pipelines" / "study_infomin.py"
AXES = infomin_axes.AXES


def main(monkeypatch, *arguments):
    """The program in this process: its exit status."""
    monkeypatch.setattr(sys, "argv", ["study_infomin.py", *map(str, arguments)])
    return study_infomin.main()


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    out = tmp_path_factory.mktemp("infomin")
    command = [sys.executable, str(SCRIPT), "--smoke", "--out", str(out), "--workers", "1"]
    first = subprocess.run(command, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stderr[-2000:]
    return out


def test_smoke_writes_results_plot_and_page(smoke):
    results = json.loads((smoke / "results.json").read_text())
    task = AXES["distance"].task
    for arm in AXES["distance"].settings:
        numbers = results["arms"][arm]
        assert 0 <= numbers[task][0] <= 1
        assert math.isfinite(numbers["i_nce"][0]) and math.isfinite(numbers["i_nce log"][0])
    assert "i_nce" not in results["arms"]["random"]
    assert sorted(results["axes"]["distance"]["order"]) == sorted(AXES["distance"].settings)
    assert (smoke / "plot.png").read_bytes().startswith(b"\x89PNG")
    page = (smoke / "page.md").read_text()
    assert "| random network |" in page and "nothing is judged" in page


def test_a_second_run_reuses_the_first(smoke, monkeypatch):
    # a number that no run would give stays: nothing was run again
    arm = next(iter(AXES["distance"].settings))
    kept = smoke / "runs" / arm / "seed-0.json"
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"i_nce": 0.12345}))
    assert main(monkeypatch, "--smoke", "--out", smoke, "--workers", "1") == 0
    assert json.loads((smoke / "results.json").read_text())["arms"][arm]["i_nce"] == [0.12345]


def test_another_world_is_an_error(smoke, monkeypatch, capsys, tmp_path):
    world = smoke / "world"
    assert main(monkeypatch, "--out", tmp_path, "--world", world, "--seeds", 0) == 1
    assert "another world than this study's" in capsys.readouterr().err
    assert main(monkeypatch, "--out", tmp_path, "--world", tmp_path, "--seeds", 0) == 1
    assert "holds no world" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_other_settings_in_the_same_folder_are_an_error(smoke, monkeypatch, capsys):
    assert main(monkeypatch, "--smoke", "--out", smoke, "--steps", 5) == 1
    assert "other settings" in capsys.readouterr().err


def test_help_names_settings_and_examples(monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        main(monkeypatch, "--help")
    assert ended.value.code == 0
    told = capsys.readouterr().out
    for word in ("--seeds", "--axes", "--steps", "--world", "--device", "study_infomin.py --out"):
        assert word in told


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--axes", "colour"), "There is no axis 'colour'"),
        (("--seeds", "-1"), "no seed below 0"),
        (("--seeds", "1", "1"), "every seed once"),
        (("--device", "nowhere"), "no device 'nowhere'"),
        (("--steps", "0"), "--steps: "),
    ],
)
def test_wrong_settings_are_a_sentence(tmp_path, capsys, monkeypatch, arguments, says):
    assert main(monkeypatch, "--out", tmp_path, *arguments) == 1
    told = capsys.readouterr().err
    assert says in told and told.startswith("error: ") and told.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_settings_of_an_axis_differ_in_one_thing():
    settings = infomin_axes.StudyConfig()
    may = {
        "crop": {"crop_scale"},
        "jitter": {"brightness", "contrast", "saturation", "hue"},
        "distance": {"distance"},
        "color": {"split"},
        "frequency": {"split_sigma"},
        "gap": set(),
    }
    for name, axis in AXES.items():
        runs = [infomin_axes.training_of(s, 0, settings) for s in axis.settings.values()]
        assert len({run.training.model_dump_json() for run in runs}) == 1
        views = [run.views.model_dump() for run in runs]
        assert {key for key in views[0] if len({str(v[key]) for v in views}) > 1} == may[name]
        gaps = {run.pairs.streams[0].gap for run in runs}
        assert len(gaps) == (len(runs) if name == "gap" else 1)
        assert len({run.pairs.streams[0].kind for run in runs}) == 1
        assert axis.best in axis.settings


def test_i_nce_is_the_bound_of_the_formula():
    generator = torch.Generator().manual_seed(0)
    q, k = (unit(torch.randn(7, 4, generator=generator)) for _ in range(2))
    tracks = torch.tensor([0, 0, 1, 2, 2, 2, 3])
    bounds = []
    for i in range(7):
        others = [j for j in range(7) if j == i or tracks[j] != tracks[i]]
        scores = [math.exp(float(q[i] @ k[j]) / 0.3) for j in others]
        own = math.exp(float(q[i] @ k[i]) / 0.3)
        bounds.append(math.log(len(others)) + math.log(own / sum(scores)))
    assert infomin_measure.i_nce(q, k, tracks, 0.3) == pytest.approx(sum(bounds) / 7, rel=1e-6)
    # equal keys tell nothing, and keys far apart all there is
    same = unit(torch.ones(50, 4))
    assert infomin_measure.i_nce(same, same, torch.arange(50), 0.1) == pytest.approx(0, abs=1e-9)
    eye = torch.eye(50)
    told = infomin_measure.i_nce(eye, eye, torch.arange(50), 0.05)
    assert told == pytest.approx(math.log(50), abs=1e-5)


def test_chance_of_recall_is_that_of_random_neighbours():
    rng = np.random.default_rng(0)
    labels, angles = np.repeat(["a", "b", "c"], 6), rng.uniform(0, 360, 18)
    chance = infomin_measure.chance_of_recall(labels, angles, 45.0)
    hits = []
    for seed in range(400):
        features = np.random.default_rng(seed).standard_normal((18, 8))
        found = cross_view_retrieval(features, labels, angles, 45.0, (1,), bootstrap=0)
        hits.append(found["recall@1"])
    assert chance == pytest.approx(np.mean(hits), abs=0.03)


def measured_of(axis, accuracies, nce):
    """Numbers of an axis: accuracies and I_NCE by arm, on three seeds."""
    return {
        arm: {axis.task: [a - 0.01, a, a + 0.01], "i_nce": [i] * 3}
        for arm, a, i in zip(axis.settings, accuracies, nce, strict=True)
    }


def test_a_reverse_u_is_judged_against_both_ends():
    settings = {name: infomin_axes.Setting(name) for name in "abcd"}
    axis = infomin_axes.Axis("t", settings, best="c", task="wild recall")

    def held(accuracies, nce=(4, 3, 2, 1), best="c"):
        chosen = replace(axis, best=best)
        return infomin_judge.reverse_u(chosen, measured_of(chosen, accuracies, nce))

    answer = held((0.2, 0.3, 0.5, 0.4))
    assert answer.held == "yes" and answer.order == ["d", "c", "b", "a"]
    assert [claim["less"] for claim in answer.claims] == ["d", "a"]
    assert held((0.2, 0.3, 0.5, 0.6)).held == "no"  # more at an end
    assert held((0.6, 0.3, 0.5, 0.2)).held == "no"
    # ends are those of I_NCE, not of the axis
    assert [c["less"] for c in held((0.2, 0.3, 0.5, 0.4), (3, 4, 2, 1)).claims] == ["d", "b"]
    assert held((0.2, 0.3, 0.5, 0.4), best="a").held == "no"  # an end is no inner setting
    chosen = measured_of(axis, (0.9, 0.3, 0.2, 0.8), (4, 3, 2, 1))
    assert infomin_judge.best_inner(axis, chosen) == "b"
    spread = measured_of(axis, (0.2, 0.3, 0.5, 0.5), (4, 3, 2, 1))
    spread["c"][axis.task] = [0.45, 0.5, 0.56]
    assert infomin_judge.reverse_u(axis, spread).held == "open"
