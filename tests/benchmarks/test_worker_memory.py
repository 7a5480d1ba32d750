"""``benchmarks/worker_memory.py`` on small videos."""

import itertools
import json
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import worker_memory
from vidcl.video.reader import VideoReader


@pytest.fixture(scope="module")
def piece(tmp_path_factory):
    path = tmp_path_factory.mktemp("piece") / "piece.mp4"
    worker_memory.make_piece(path, 5, 96, 64, 2.0)
    return path


def test_repeated_packets_are_a_longer_video(piece, tmp_path):
    worker_memory.repeat_packets(piece, tmp_path / "long.mkv", 3)
    with VideoReader(piece) as reader:
        once = list(reader.frames())
    with VideoReader(tmp_path / "long.mkv") as reader:
        long = list(reader.frames())
        assert reader.info.duration == pytest.approx(6.0, abs=0.01)
    assert len(once) == 10 and len(long) == 30
    assert np.allclose([frame.time for frame in long], np.arange(30) / 5, atol=0.002)
    for number, frame in enumerate(long):
        assert np.array_equal(frame.image, once[number % 10].image)


def test_shapes_end_where_they_began():
    frames = list(worker_memory.moving_shapes(12, 96, 64))
    assert len(frames) == 12 and frames[0].shape == (64, 96, 3)
    changes = [np.abs(a.astype(int) - b).mean() for a, b in itertools.pairwise(frames)]
    assert min(changes) > 1
    assert np.array_equal(frames, list(worker_memory.moving_shapes(12, 96, 64)))


def test_a_tree_is_summed_while_it_lives():
    child = (
        "import subprocess, sys, time\n"
        "block = bytearray(b'1' * 60_000_000)\n"
        "subprocess.run([sys.executable, '-c', sys.argv[1]])\n"
    )
    below = "import time; block = bytearray(b'1' * 60_000_000); time.sleep(1)"
    process = subprocess.Popen([sys.executable, "-c", child, below])
    peak = worker_memory.watch(process)
    assert process.returncode == 0
    assert peak.processes == 2
    assert 120e6 < peak.pss < 200e6 and peak.peaks > 120e6
    assert max(peak.early, peak.late) <= peak.pss
    assert worker_memory.memory_of(process.pid) is None


def test_the_table_the_file_and_the_verdict(tmp_path, capsys):
    out = tmp_path / "memory.json"
    words = ["--work", str(tmp_path), "--seconds", "1", "3", "--width", "96", "--height", "64"]
    words += ["--follow", "proposer=grid", "tracker=static", "--out", str(out)]
    assert worker_memory.main(words) == 0
    shown = capsys.readouterr().out
    assert "| 1 s | 8 |" in shown and "| 3 s | 8 |" in shown
    assert "3 s against 1 s" in shown
    rows = json.loads(out.read_text())["rows"]
    assert rows[1]["crops"] > rows[0]["crops"] > 0
    assert all(20e6 < row["peak"]["pss"] < 1e9 for row in rows)


def test_the_verdict_has_two_conditions():
    def row(seconds, mib):
        return {"seconds": seconds, "peak": {"pss": mib * worker_memory.MIB}}

    assert ": holds" in worker_memory.verdict([row(10, 300), row(3600, 329)])
    assert "DOES NOT" in worker_memory.verdict([row(10, 300), row(3600, 331)])
    assert "DOES NOT" in worker_memory.verdict([row(10, 690), row(3600, 701)])


def test_an_extraction_that_fails_is_said(tmp_path, capsys):
    words = ["--work", str(tmp_path), "--seconds", "1", "--width", "96", "--height", "64"]
    assert worker_memory.main([*words, "--follow", "proposer=nobody"]) == 1
    assert "ended with 2" in capsys.readouterr().err
