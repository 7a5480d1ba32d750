"""The command line as a user meets it: help, wrong input, one sentence, exit status."""

import subprocess
import sys

import pytest

from vidcl.cli import VERBS, main
from vidcl.presets import find_preset, preset_names


def test_without_words_the_usage_is_shown(capsys):
    assert main([]) == 2
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(verb in shown for verb in VERBS)


def test_an_unknown_verb_is_named(capsys):
    assert main(["trian"]) == 2
    assert "no verb 'trian'" in capsys.readouterr().err


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_has_help_with_examples(verb, capsys):
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    assert f"vidcl {verb}" in capsys.readouterr().out.split("Examples:")[1]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["extract", "nowhere", "--out", "{tmp}/s"], "nowhere"),
        (["extract", "--out", "{tmp}/s"], "Name the videos"),
        (["extract", "{tmp}/empty", "--out", "{tmp}/s"], "empty"),
        (["extract", "{tmp}/text.mp4", "--out", "{tmp}/s", "--engine", "local"], "No track"),
        (["extract", "--images", "{tmp}/empty", "--out", "{tmp}/s"], "empty"),
        (["extract", "--images", "{tmp}", "{tmp}", "--out", "{tmp}/s"], "not both"),
        (
            ["extract", "--images", "{tmp}", "--link-encoder", "{tmp}", "--out", "{tmp}/s"],
            "leave it out with --images",
        ),
        (["inspect", "nowhere"], "nowhere"),
        (["compact", "nowhere"], "nowhere"),
        (["compact", "{tmp}/empty"], "not a track store"),
        (["export-tracks", "nowhere", "--out", "{tmp}/t.parquet"], "nowhere"),
        (
            ["export-tracks", "{tmp}/empty", "--out", "{tmp}/t.csv", "--format", "csv", "--crops"],
            "CSV has one row per step",
        ),
        (["train", "laptop/mocco", "--data", "{tmp}", "--out", "{tmp}/r"], "laptop/moco"),
        (["train", "laptop/moco", "--data", "nowhere", "--out", "{tmp}/r"], "nowhere"),
        (["train", "{tmp}/typo.yaml", "--data", "{tmp}", "--out", "{tmp}/r"], "did you mean"),
        (
            ["train", "looc_imagenet100", "--data", "x", "--out", "y", "--views.turn", "0"],
            "rotation needs views.turn",
        ),
        (["embed", "nowhere", "{tmp}/empty", "--out", "{tmp}/t"], "nowhere"),
        (["embed", "{tmp}/text.mp4", "{tmp}/empty", "--out", "{tmp}/t"], "text.mp4"),
        (["evaluate", "nowhere.parquet"], "nowhere.parquet"),
        (["evaluate"], "Name the tables"),
        (["retrieve", "{tmp}/text.mp4"], "text.mp4"),
        (["report", "{tmp}/empty"], "empty"),
        (["demo", "--videos", "nowhere", "--out", "{tmp}/d"], "nowhere"),
        (["demo", "--config", "demmo", "--out", "{tmp}/d"], "demmo"),
    ],
)
def test_wrong_input_gets_one_sentence_and_status_one(words, text, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.mp4").write_text("this is no video\n" * 50)
    (tmp_path / "typo.yaml").write_text("trainning:\n  steps: 3\n")
    assert main([word.format(tmp=tmp_path) for word in words]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("vidcl: ")]
    assert len(errors) == 1
    assert text in errors[0]


def test_debug_shows_the_traceback(tmp_path):
    command = [sys.executable, "-m", "vidcl.cli", "inspect", str(tmp_path / "nowhere"), "--debug"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert "Traceback" in run.stderr


def test_every_preset_is_found_by_its_name():
    names = preset_names()
    assert {"demo", "extract", "laptop/moco", "world_v1"} <= set(names)
    assert all(find_preset(name).is_file() for name in names)
