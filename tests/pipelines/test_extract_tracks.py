"""The job script, run as a user runs it."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from vidcl.config import load_config
from vidcl.tracks.extraction.config import ExtractConfig
from vidcl.tracks.extraction.plan_file import read_plan, write_plan
from vidcl.tracks.store import open_store
from vidcl.video.writer import write_video

ROOT = Path(__file__).parents[2]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "pipelines" / "extract_tracks.py", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_presets_are_the_defaults_of_the_design():
    config = load_config(ROOT / "configs" / "extract.yaml", ExtractConfig)
    assert config == ExtractConfig()
    assert (config.follow.follow_rate, config.follow.keep_rate, config.crop.canvas) == (12, 4, 160)
    demo = load_config(ROOT / "configs" / "extract_demo.yaml", ExtractConfig)
    assert demo.follow.follow_rate is None and demo.follow.keep_rate is None
    assert demo.crop.canvas == 64


def test_videos_to_a_store_from_the_command_line(tmp_path):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (10, 6, 8, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
    write_video(tmp_path / "a.mp4", frames, rate=10)
    options = ["--engine", "local", "--workers", 1, "--follow.proposer", "frame"]
    done = run(tmp_path / "a.mp4", "--out", tmp_path / "store", *options, "--crop.canvas", 32)
    assert done.returncode == 0, done.stderr
    assert "1 shard extracted" in done.stdout and "Next: vidcl inspect" in done.stdout
    assert "1/1 shards, 1/1 videos" in done.stderr
    store = open_store(tmp_path / "store")
    assert store.canvas == 32 and set(store.kind) == {"frame"}
    wrong = run(tmp_path / "a.mp4", "--out", tmp_path / "store", *options)
    assert wrong.returncode == 1 and "crop.canvas = 32, not 160" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_exact_times_are_asked_for_in_two_ways():
    assert ExtractConfig(time_tolerance=0).time_tolerance is None
    assert (
        ExtractConfig(time_tolerance=0).settings() == ExtractConfig(time_tolerance=None).settings()
    )
    assert ExtractConfig().settings()["time_tolerance"] == 0.5


def test_without_isolation_there_is_one_process():
    assert not ExtractConfig(isolate=False, engine="local", workers=1).isolate
    for wrong in ({"engine": "ray", "workers": 1}, {"engine": "local", "workers": 2}, {}):
        with pytest.raises(ValidationError, match="needs engine: local and workers: 1"):
            ExtractConfig(isolate=False, **wrong)


def test_a_store_from_before_there_was_tolerance_is_refused_until_it_is_none(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        frames = np.zeros((4, 32, 32, 3), np.uint8)
        write_video(tmp_path / name, frames, rate=10)
    options = ["--engine", "local", "--workers", 1, "--no-isolate", "--follow.proposer", "frame"]
    store = tmp_path / "store"
    command = [tmp_path / "a.mp4", "--out", store, *options]
    assert run(*command, "--time-tolerance", "None").returncode == 0
    plan = read_plan(store)
    assert plan is not None
    settings = {
        name: value
        for name, value in plan.settings.items()
        if name not in ("decoder", "time_tolerance")
    }
    write_plan(store, replace(plan, settings=settings))
    command[0] = tmp_path / "b.mp4"
    wrong = run(*command)
    assert wrong.returncode == 1 and "--time-tolerance None" in wrong.stderr
    assert run(*command, "--time-tolerance", "None").returncode == 0


def test_help_shows_an_example():
    done = run("--help")
    assert done.returncode == 0 and "ray job submit" in done.stdout and "--out" in done.stdout
