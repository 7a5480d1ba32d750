"""``benchmarks/ray_overhead.py`` on a few small clips."""

import json

import pytest

from benchmarks import ray_overhead
from tests.tracks.clips import square_clip
from vidcl.video.writer import write_video


@pytest.fixture()
def data(tmp_path):
    folder = tmp_path / "data" / "deep"
    folder.mkdir(parents=True)
    for seed in range(2):
        frames, _ = square_clip(24, seed=seed)
        write_video(folder / f"{seed}.mp4", iter(frame.image for frame in frames), rate=12)
    (folder / "broken.mp4").write_text("no video")
    return folder.parent


def test_clips_are_copied_until_there_are_enough_segments(data, tmp_path):
    assert ray_overhead.make_videos(data, tmp_path / "videos", 5, seconds=1.0) == 3
    names = sorted(path.name for path in (tmp_path / "videos").iterdir())
    assert names == ["0000-0.mp4", "0001-1.mp4", "0002-0.mp4"]
    assert (tmp_path / "videos" / "0002-0.mp4").read_bytes() == (data / "deep/0.mp4").read_bytes()


def test_the_local_arms_agree_and_are_told(data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ray_overhead, "ARMS", (("local", 1), ("local", 2)))
    out = tmp_path / "found.json"
    arguments = [str(data), "--work", str(tmp_path / "work"), "--segments", "4", "--seconds", "1"]
    assert ray_overhead.main([*arguments, "--out", str(out)]) == 0
    arms = json.loads(out.read_text())["arms"]
    one, two = arms["local 1"][0], arms["local 2"][0]
    assert one["segments"] == two["segments"] >= 4
    assert one["content"] == two["content"] and one["frames"] == two["frames"] > 0
    for answer in (one, two):
        assert 0 < answer["shards"] < answer["whole"] and 0 < answer["running"] <= answer["whole"]
    text = capsys.readouterr().out
    assert text.count("| local |") == 2 and "| local, two workers beside one |" in text
    assert list((tmp_path / "work").iterdir()) == []


def test_ratios_are_speeds():
    slow = [{"whole": 10.0}, {"whole": 12.0}, {"whole": 11.0}]
    fast = [{"whole": 5.0}, {"whole": 5.0}, {"whole": 5.0}]
    assert ray_overhead._ratio(slow, fast, "whole") == "2.20 (2.00 to 2.40)"
    assert ray_overhead._ratio(slow[:1], fast[:1], "whole") == "2.00"


def test_a_folder_without_videos_is_told(tmp_path, capsys):
    (tmp_path / "data").mkdir()
    assert ray_overhead.main([str(tmp_path / "data"), "--work", str(tmp_path / "work")]) == 1
    assert "holds no video" in capsys.readouterr().err
