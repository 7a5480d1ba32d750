"""The study of generalised losses runs from end to end, chooses, compares, and goes on."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vidcl.report.claims import judge

sys.path.insert(0, str(Path(__file__).parents[2] / "pipelines"))
import study_generalized_losses as script

from studies.generalized import arms, claims, page, probe, rates

SCRIPT = Path(__file__).parents[2] / "pipelines" / "study_generalized_losses.py"


def main(monkeypatch, *arguments):
    """The program in this process: its exit status."""
    monkeypatch.setattr(sys, "argv", ["study_generalized_losses.py", *map(str, arguments)])
    return script.main()


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    out = tmp_path_factory.mktemp("losses")
    command = [sys.executable, str(SCRIPT), "--smoke", "--out", str(out), "--workers", "1"]
    first = subprocess.run(command, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stderr[-2000:]
    return out


def results_of(out):
    return json.loads((out / "results.json").read_text())["losses"]


def test_smoke_writes_results_plot_and_page(smoke):
    results = results_of(smoke)
    assert len(results["grid"]) == 2 * 2  # losses, heads
    lr = results["lr"]
    assert lr["common"] == 0.004 and set(lr["tuned"]) == {
        f"{loss}-{layers}" for loss in script.SMOKE_LOSSES for layers in (1, 3)
    }
    for loss in script.SMOKE_LOSSES:
        for layers in (1, 3):
            for chosen in (lr["common"], lr["tuned"][f"{loss}-{layers}"]):
                numbers = results["arms"][f"{loss}-{layers}@{chosen:g}"]
                assert 0 <= numbers["letter"][0] <= 1 and 0 <= numbers["hue"][0] <= 1
    assert {"supervised", "random", "pixels"} <= set(results["arms"])
    assert (smoke / "plot.png").read_bytes().startswith(b"\x89PNG")
    text = (smoke / "page.md").read_text()
    assert "| best minus worst |" in text and "| random network |" in text
    assert text.startswith("# ") and "nothing is judged" in text


def test_a_second_run_reuses_the_first(smoke, monkeypatch):
    # numbers that no run would give stay: nothing was run again
    lr = results_of(smoke)["lr"]["common"]
    kept = smoke / "runs" / f"normal-3@{lr:g}" / "seed-0.json"
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"letter": 0.12345}))
    assert main(monkeypatch, "--smoke", "--out", smoke) == 0
    assert results_of(smoke)["arms"][f"normal-3@{lr:g}"]["letter"] == [0.12345]


def test_other_settings_in_the_same_folder_are_an_error(smoke, monkeypatch, capsys):
    assert main(monkeypatch, "--smoke", "--out", smoke, "--steps", 5) == 1
    assert "other settings" in capsys.readouterr().err


def test_help_names_settings_and_examples(monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        main(monkeypatch, "--help")
    assert ended.value.code == 0
    told = capsys.readouterr().out
    for word in ("--seeds", "--losses", "--lrs", "--smoke", "study_generalized_losses.py --out"):
        assert word in told


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--losses", "nt-xent", "ball"), "There is no loss 'ball'"),
        (("--losses", "nt-xent"), "at least two losses"),
        (("--seeds", "-1"), "no seed below 0"),
        (("--seeds", "0", "10"), "chosen on seed 10"),
        (("--lrs", "0.1", "0.1"), "every learning rate once"),
        (("--device", "nowhere"), "no device 'nowhere'"),
        (("--steps", "0"), "--steps: "),
    ],
)
def test_wrong_settings_are_a_sentence(tmp_path, capsys, monkeypatch, arguments, says):
    assert main(monkeypatch, "--out", tmp_path, *arguments) == 1
    told = capsys.readouterr().err
    assert says in told and told.startswith("error: ") and told.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_arms_differ_in_loss_head_and_learning_rate_alone():
    settings = arms.StudyConfig()
    grid = rates.grid(tuple(arms.LOSSES), settings)
    assert len(grid) == 5 * 2 * len(settings.lrs) == len(set(grid))
    runs = {arm: arms.training_of(arm, 3, settings) for arm in grid}
    first = runs[grid[0]]
    for arm, config in runs.items():
        assert arms.arm_of(arm.name) == arm
        assert (config.views, config.pairs, config.seed) == (first.views, first.pairs, 3)
        assert config.training == first.training.model_copy(update={"lr": arm.lr})
        depth = 1 if config.model.head == "linear" else config.model.head_layers
        assert depth == arm.layers and config.model.dim == settings.dim
    methods = {arm.loss: config.method for arm, config in runs.items()}
    assert methods["nt-xent"].T == settings.T
    decoupled = methods["decoupled"]
    assert (decoupled.distribution, decoupled.T, decoupled.weight) == (
        "logsumexp",
        settings.decoupled_T,
        settings.decoupled_weight,
    )
    for loss in ("sphere", "cube", "normal"):
        assert methods[loss].distribution == loss
        assert methods[loss].weight == settings.swd_weight


def tried(**letters):
    """A grid of two losses at 0.1 and 0.2: accuracies as ``loss_layers=(at 0.1, at 0.2)``."""
    return {
        arms.Arm(key[:-2], int(key[-1]), lr).name: {"letter": [value]}
        for key, values in letters.items()
        for lr, value in zip((0.1, 0.2), values, strict=True)
    }


def test_learning_rates_are_the_best_on_average_and_of_each():
    grid = tried(a_1=(0.5, 0.9), a_3=(0.8, 0.7), b_1=(0.6, 0.6), b_3=(0.9, 0.8))
    chosen = rates.choose(grid)
    assert chosen.common == 0.2  # 3.0 against 2.8
    expected = {("a", 1): 0.2, ("a", 3): 0.1, ("b", 1): 0.1, ("b", 3): 0.1}
    assert chosen.tuned == expected
    names = [arm.name for arm in rates.chosen_arms(("a", "b"), chosen)]
    # at 0.2 all, and those that are better at another once more
    assert names == ["a-1@0.2", "a-3@0.2", "b-1@0.2", "b-3@0.2", "a-3@0.1", "b-1@0.1", "b-3@0.1"]


def test_spreads_are_per_seed_and_judged_by_their_interval():
    def measured(linear, deep):
        """Of three losses, accuracies by seed."""
        return {
            f"loss{i}": {
                "1 common": linear[i],
                "3 common": deep[i],
                "1 tuned": linear[i],
                "3 tuned": deep[i],
            }
            for i in range(3)
        }

    letter = measured(
        linear=[[0.9, 0.8, 0.9], [0.7, 0.7, 0.7], [0.8, 0.9, 0.8]],
        deep=[[0.90, 0.92, 0.91], [0.90, 0.90, 0.90], [0.91, 0.91, 0.88]],
    )
    apart = claims.spreads(letter)
    np.testing.assert_allclose(apart["tuned"]["spread 1"], [0.2, 0.2, 0.2])
    np.testing.assert_allclose(apart["common"]["spread 3"], [0.01, 0.02, 0.03])
    answers = judge(claims.CLAIMS, apart)
    assert len(answers) == 6
    by_name = {answer["says"]: answer for answer in answers}
    shrinks = by_name["they lie further apart under a linear head (tuned)"]
    assert shrinks["difference"] == pytest.approx(18)
    assert shrinks["interval"] == pytest.approx(4.303 / 3**0.5, rel=1e-3)
    few = by_name["under 3 layers the losses lie within a few points (tuned)"]
    assert few["difference"] == pytest.approx(3) and few["held"] == "yes"
    clear = by_name["under a linear head they lie clearly apart (one learning rate)"]
    assert clear["difference"] == pytest.approx(15) and clear["held"] == "yes"
    # the other way round nothing holds
    swapped = {
        loss: {"1 common": v["3 common"], "3 common": v["1 common"],
               "1 tuned": v["3 tuned"], "3 tuned": v["1 tuned"]}
        for loss, v in letter.items()
    }  # fmt: skip
    assert {a["held"] for a in judge(claims.CLAIMS, claims.spreads(swapped))} == {"no"}


def test_the_page_marks_the_chosen_learning_rates():
    settings_lrs = (0.1, 0.2)
    grid = {
        arms.Arm(loss, layers, lr).name: {"letter": [0.5 + (lr == 0.2) * (layers == 3) / 4]}
        for loss in ("nt-xent", "normal")
        for layers in (1, 3)
        for lr in settings_lrs
    }
    table = page.grid_table(grid, ("nt-xent", "normal"), rates.choose(grid), settings_lrs)
    assert "| SWD, normal | linear head | **50.0** | 50.0 |" in table
    assert "| SWD, normal | 3-layer head | 50.0 | **75.0** |" in table


def test_the_probe_tells_letter_and_hue_apart(tmp_path):
    """Features that are the answer for the hue give it, and little of the letter."""
    settings = arms.StudyConfig(images=300, probed=300, size=16)
    probe.make_glyphs(tmp_path, 0, settings)

    def hue_alone(images):
        x = images.astype(np.float32) / 255
        i = x @ np.array([0.596, -0.274, -0.322])
        q = x @ np.array([0.211, -0.523, 0.312])
        plane = np.stack([i.mean((1, 2)), q.mean((1, 2))], 1)
        return plane / np.linalg.norm(plane, axis=1, keepdims=True)

    numbers = probe.probe(hue_alone, probe.glyph_files(tmp_path, 0), settings)
    assert numbers["hue"] > 0.95 and numbers["letter"] < 0.3
    assert 0.1 <= numbers["letter chance"] < 0.2 and 1 / 6 <= numbers["hue chance"] < 0.25
