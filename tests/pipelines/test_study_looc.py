"""The study of LooC runs from end to end on a few images, and goes on where it stopped."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vidcl.report.claims import judge

sys.path.insert(0, str(Path(__file__).parents[2] / "pipelines"))
import study_looc

from studies.looc import arms as looc_arms
from studies.looc import claims as looc_claims
from studies.looc import probe as looc_probe

SCRIPT = Path(__file__).parents[2] / "pipelines" / "study_looc.py"


def main(monkeypatch, *arguments):
    """The program in this process: its exit status."""
    monkeypatch.setattr(sys, "argv", ["study_looc.py", *map(str, arguments)])
    return study_looc.main()


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    out = tmp_path_factory.mktemp("looc")
    command = [sys.executable, str(SCRIPT), "--smoke", "--out", str(out), "--workers", "2"]
    first = subprocess.run(command, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stderr[-2000:]
    return out


def test_smoke_writes_results_plot_and_page(smoke):
    results = json.loads((smoke / "results.json").read_text())
    assert list(results["arms"]) == list(study_looc.SMOKE_ARMS)
    for name in ("letter", "turn", "hue", "letter z0", "turn z2", "hue all"):
        assert 0 <= results["arms"]["looc"][name][0] <= 1
    assert "letter z0" not in results["arms"]["both"]
    assert (smoke / "plot.png").read_bytes().startswith(b"\x89PNG")
    page = (smoke / "page.md").read_text()
    assert "| LooC, colour + rotation, Z2 |" in page and "nothing is judged" in page


def test_a_second_run_reuses_the_first(smoke, monkeypatch):
    # a number that no run would give stays: nothing was run again
    kept = smoke / "runs" / "looc" / "seed-0.json"
    numbers = json.loads(kept.read_text()) | {"letter": 0.12345}
    kept.write_text(json.dumps(numbers))
    assert main(monkeypatch, "--smoke", "--out", smoke) == 0
    assert json.loads((smoke / "results.json").read_text())["arms"]["looc"]["letter"] == [0.12345]


def test_other_settings_in_the_same_folder_are_an_error(smoke, monkeypatch, capsys):
    assert main(monkeypatch, "--smoke", "--out", smoke, "--steps", 5) == 1
    assert "other settings" in capsys.readouterr().err


def test_help_names_settings_and_examples(monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        main(monkeypatch, "--help")
    assert ended.value.code == 0
    told = capsys.readouterr().out
    for word in ("--seeds", "--arms", "--steps", "--smoke", "--device", "study_looc.py --out"):
        assert word in told


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--arms", "looc+"), "There is no arm 'looc+'"),
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


def test_arms_differ_in_views_keys_and_steps_alone():
    settings = looc_arms.StudyConfig(steps=100)
    runs = {name: looc_arms.training_of(arm, 0, settings) for name, arm in looc_arms.ARMS.items()}
    for name, config in runs.items():
        assert config.model == runs["crop"].model
        steps = 150 if name.endswith("longer") else 100  # 6 passes of LooC against 4 of MoCo
        same = runs["crop"].training.model_copy(update={"steps": steps})
        assert config.training == same
        factors = looc_arms.ARMS[name].factors
        assert (config.views.jitter, config.views.turn) == (
            float("color" in factors),
            0.75 * ("rotation" in factors),
        )
        assert config.views.flip == 0 and config.views.hue == 0.5
    assert runs["looc++"].method.plus_plus and not runs["looc"].method.plus_plus
    assert runs["same-angle"].method.shares == ("rotation",)


def test_the_probes_tell_letter_turn_and_hue_apart(tmp_path):
    """Features that are the answers give what they hold, and chance for the rest."""
    settings = looc_arms.StudyConfig(images=300, probed=300, size=16)
    study_looc.make_glyphs(tmp_path, [0], settings)
    splits = {split: tmp_path / "glyphs" / f"{split}-0.parquet" for split in ("train", "test")}

    def hue_alone(images):
        """The direction of the ink in the plane of I and Q; turning an image leaves it."""
        x = images.astype(np.float32) / 255
        i = x @ np.array([0.596, -0.274, -0.322])
        q = x @ np.array([0.211, -0.523, 0.312])
        plane = np.stack([i.mean((1, 2)), q.mean((1, 2))], 1)
        return plane / np.linalg.norm(plane, axis=1, keepdims=True)

    numbers = looc_probe.probe(hue_alone, splits, settings)
    assert numbers["hue"] > 0.95
    assert numbers["turn"] == pytest.approx(0.25, abs=0.05)
    assert numbers["letter"] < 0.3

    def top_against_bottom(images):
        rows = images.mean(3).mean(2)
        columns = images.mean(3).mean(1)
        return np.concatenate([rows, columns], 1)

    assert looc_probe.probe(top_against_bottom, splits, settings)["turn"] > 0.5


def test_a_finding_is_judged_by_its_interval():
    def measured(looc, both):
        numbers = {"looc": looc, "both": both}
        spaces = dict.fromkeys(("hue z0", "hue z1", "turn z0", "turn z2"), looc)
        return {
            arm: {"hue": values, "letter": values, "turn": values} | spaces
            for arm, values in numbers.items()
        }

    def held(looc, both):
        answers = {a["says"]: a for a in judge(looc_claims.CLAIMS, measured(looc, both))}
        return answers["LooC keeps the hue"]

    # differences 9, 10, 11: mean 10, half width 4.303 / sqrt(3)
    clear = held([0.59, 0.60, 0.61], [0.5, 0.5, 0.5])
    assert clear["difference"] == pytest.approx(10)
    assert clear["interval"] == pytest.approx(4.303 / 3**0.5)
    assert clear["held"] == "yes"
    assert held([0.41, 0.40, 0.39], [0.5, 0.5, 0.5])["held"] == "no"
    assert held([0.6, 0.5, 0.45], [0.5, 0.5, 0.5])["held"] == "open"
    assert held([0.6], [0.5])["held"] == "one seed"
    # one and the same value on every seed: the interval is that value
    assert held([0.6, 0.6, 0.6], [0.5, 0.5, 0.5])["held"] == "yes"


def test_letters_can_be_learned(tmp_path):
    settings = looc_arms.StudyConfig(images=200, probed=100, size=16, steps=40, batch_size=32, K=64)
    study_looc.make_glyphs(tmp_path, [0], settings)
    folder = tmp_path / "runs" / "arm" / "seed-0"
    before = study_looc.measure("random", 0, settings, folder)
    seen = []
    after = study_looc.measure("supervised", 0, settings, folder, lambda *at: seen.append(at))
    assert after["letter"] > before["letter"] + 0.1
    assert seen[-1] == (40, 40)
    assert after == study_looc.measure("supervised", 0, settings, folder)
