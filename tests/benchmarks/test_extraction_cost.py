"""``benchmarks/extraction_cost.py`` on a small video."""

import json

import numpy as np
import pytest

from benchmarks import extraction_cost
from tests.tracks.clips import square_clip
from vidcl.tracks.config import FollowConfig
from vidcl.tracks.crops import Cropper
from vidcl.tracks.regions import Regions
from vidcl.video.reader import VideoReader
from vidcl.video.writer import write_video


@pytest.fixture()
def video(tmp_path):
    path = tmp_path / "clip.mp4"
    frames, _ = square_clip(24)
    write_video(path, iter(frame.image for frame in frames), rate=24, crf=18)
    return path


def test_every_stage_is_seen_and_nothing_stays_wrapped(video):
    before = (Cropper.__call__, Regions.move)
    config = FollowConfig(proposer="given", tracker="flow_cf", max_regions=16)
    watch = extraction_cost.extract(video, config)
    assert set(watch.spent) == set(extraction_cost.NAMES)
    assert min(watch.spent.values()) > 0
    assert len(watch.counts) == 12  # the first frame begins regions, after it all are followed
    assert max(watch.counts) > 8
    assert (Cropper.__call__, Regions.move) == before


def test_frames_are_counted_at_both_rates(video):
    assert extraction_cost.decode_seconds(video, None)[0] == 24
    assert extraction_cost.decode_seconds(video, 12.0)[0] == 12


def test_the_grid_lies_in_the_picture_at_all_times(video):
    with VideoReader(video) as reader:
        given = extraction_cost.grid_boxes(reader)
    boxes = np.array(given.at(0.0) + given.at(5.0))
    assert boxes.shape == (32, 4)
    assert boxes.min() >= 0
    assert (boxes[:, 2:] <= [160, 120]).all()
    assert len(np.unique(boxes[:16], axis=0)) == 16


def test_the_table_and_the_file(video, tmp_path, capsys):
    out = tmp_path / "costs.json"
    arguments = [str(video.parent), "--proposers", "random", "given_grid", "--tracker", "static"]
    assert extraction_cost.main([*arguments, "--repeats", "1", "--out", str(out)]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| `")]
    assert [line.split("`")[1] for line in lines] == ["random", "given_grid"]
    for line in lines:
        shares = [int(cell.strip(" %")) for cell in line.split("|") if cell.endswith("% ")]
        assert len(shares) == len(extraction_cost.NAMES)
        assert abs(sum(shares) - 100) <= 6  # each is rounded
    row = json.loads(out.read_text())["rows"]["given_grid"]
    assert row["frames"] == 24
    total = sum(row.get(stage, 0.0) for stage in extraction_cost.NAMES)
    assert total == pytest.approx(row["extraction"])


def test_mistakes_are_answered_with_a_sentence(tmp_path, video, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert extraction_cost.main([str(empty)]) == 1
    assert "holds no video" in capsys.readouterr().err
    assert extraction_cost.main([str(video), "--repeats", "0"]) == 1
    assert "at least 1" in capsys.readouterr().err
