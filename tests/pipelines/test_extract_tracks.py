"""The job script, run as a user runs it."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from vidcl.config import load_config
from vidcl.tracks.extraction.config import ExtractConfig
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
    assert "1 of 1 shards" in done.stdout and "Next: vidcl inspect" in done.stdout
    store = open_store(tmp_path / "store")
    assert store.canvas == 32 and set(store.kind) == {"frame"}
    wrong = run(tmp_path / "a.mp4", "--out", tmp_path / "store", *options)
    assert wrong.returncode == 1 and "crop.canvas = 32, not 160" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_help_shows_an_example():
    done = run("--help")
    assert done.returncode == 0 and "ray job submit" in done.stdout and "--out" in done.stdout
