"""Extraction on a Ray cluster of several nodes: same rows, and it outlives a node."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.tracks.ray_nodes import ROOT, ray_environment, ray_nodes
from tests.tracks.test_extraction import CONFIG, contents, pictures
from tests.tracks.test_remote_extraction import OPTIONS, rows
from vidcl.tracks.extraction.run import extract
from vidcl.tracks.extraction.videos import read_videos
from vidcl.video.writer import write_video

pytestmark = pytest.mark.full

CLIPS = 24
TOKEN = {"RAY_AUTH_MODE": "token"}


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for number in range(CLIPS):
        write_video(folder / f"{number}.mkv", pictures(number, count=40), rate=10)
    return folder


@pytest.fixture(scope="module")
def local(clips, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("local")
    extract([clips], out, CONFIG)
    return out


def command(clips: Path, out: Path, address: str) -> list[str]:
    return [
        *(sys.executable, "-m", "vidcl.cli", "extract", str(clips), "--out", str(out)),
        *("--engine", "ray", "--ray-address", address, *OPTIONS),
    ]


def run(arguments: list[str], home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        cwd=ROOT,
        env=ray_environment(home, **environment),
        capture_output=True,
        text=True,
        timeout=600,
    )


def check_whole(out: Path, local: Path) -> None:
    assert rows(out) == rows(local) and len(rows(local)) >= 2 * CLIPS
    assert contents(out) == contents(local)
    assert {row["status"] for row in read_videos(out).to_pylist()} == {"ok"}


def test_two_nodes_behind_a_token_give_the_same_rows(clips, local, tmp_path):
    home, stranger = tmp_path / "home", tmp_path / "stranger"
    home.mkdir()
    stranger.mkdir()
    with ray_nodes(home, [1, 1], **TOKEN) as nodes:
        token = (home / ".ray" / "auth_token").read_text()
        done = run(command(clips, tmp_path / "store", nodes.address), home, **TOKEN)
        assert done.returncode == 0, done.stderr
        assert token not in done.stdout + done.stderr
        check_whole(tmp_path / "store", local)

        refusals = {
            "lets in only who has its token": {},
            "does not accept the token of this machine, or there is none": TOKEN,
        }
        for text, environment in refusals.items():
            refused = run(command(clips, tmp_path / "none", nodes.address), stranger, **environment)
            check_one_sentence(refused, text)
        wrong = "0123456789abcdef" * 4
        refused = run(
            command(clips, tmp_path / "none", nodes.address), home, RAY_AUTH_TOKEN=wrong, **TOKEN
        )
        check_one_sentence(refused, "does not accept the token of this machine")
        assert wrong not in refused.stdout + refused.stderr
        assert token not in refused.stdout + refused.stderr


def check_one_sentence(refused: subprocess.CompletedProcess[str], text: str) -> None:
    assert refused.returncode == 1
    assert text in refused.stderr and "RAY_AUTH_MODE=token" in refused.stderr
    lines = [line for line in refused.stderr.splitlines() if not line.startswith("extract:")]
    assert len(lines) == 1, refused.stderr


def test_a_node_that_dies_costs_nothing(clips, local, tmp_path):
    """One of two nodes is killed, with everything on it, once the first shard is committed."""
    out = tmp_path / "store"
    with (
        ray_nodes(tmp_path, [1, 1], RAY_AUTH_MODE="disabled") as nodes,
        open(tmp_path / "driver.log", "w") as log,
    ):
        driver = subprocess.Popen(
            command(clips, out, nodes.address),
            cwd=ROOT,
            env=ray_environment(tmp_path, RAY_AUTH_MODE="disabled"),
            stdout=log,
            stderr=log,
        )
        try:
            until = time.monotonic() + 300
            while not list(out.glob("shards/*.json")):
                assert driver.poll() is None, (tmp_path / "driver.log").read_text()
                assert time.monotonic() < until
                time.sleep(0.01)
            assert nodes.say("kill") == "done"
            finished = len(list(out.glob("shards/*.json")))
            status = driver.wait(500)
        finally:
            driver.kill()
            driver.wait()
    assert finished < len(list(local.glob("shards/*.json")))  # there was something left to do
    assert status == 0, (tmp_path / "driver.log").read_text()
    check_whole(out, local)


def test_a_cluster_that_is_lost_is_told_and_the_same_command_continues(clips, local, tmp_path):
    out = tmp_path / "store"
    with ray_nodes(tmp_path, [1], RAY_AUTH_MODE="disabled") as nodes:
        driver = subprocess.Popen(
            command(clips, out, nodes.address),
            cwd=ROOT,
            env=ray_environment(tmp_path, RAY_AUTH_MODE="disabled"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        while not list(out.glob("shards/*.json")):
            assert driver.poll() is None, driver.communicate()[0]
            time.sleep(0.01)
        nodes.say("end")
    output, _ = driver.communicate(timeout=300)
    assert driver.returncode == 1
    assert "The Ray cluster was lost (" in output and "run the same command again" in output
    extract([clips], out, CONFIG)
    check_whole(out, local)
