"""``benchmarks/shots.py`` on small clips."""

import csv

import numpy as np
import pytest

from benchmarks import shots
from tests.tracks.clips import square_clip
from vidcl.video.writer import write_video


@pytest.fixture()
def data(tmp_path, monkeypatch):
    """Two videos of two shots each at 24 per second, and their labels, one of them wrong."""
    labels = tmp_path / "labels.csv"
    with labels.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "first_frames", "transitions", "made"])
        rows.writerow(["a.mp4", "0 20", "", 1])
        rows.writerow(["b.mp4", "0 17", "", 1])
        rows.writerow(["absent.mp4", "0", "", 1])
    for name, seed in (("a", 0), ("b", 40)):
        images = [f.image for k in (0, 10) for f in square_clip(20, seed=seed + k)[0]]
        write_video(tmp_path / f"{name}.mp4", iter(images), rate=24, crf=18)
    monkeypatch.setattr(shots, "LABELS", labels)
    monkeypatch.setattr(shots, "read_labels", lambda: READ(labels))
    return tmp_path


READ = shots.read_labels


def test_labels_name_the_frames_on_which_a_cut_may_be_marked():
    labels = shots.Labels("x", (0, 30, 80), ((60, 79), (120, 140)), True)
    assert labels.cuts() == [(30, 30), (60, 80)]
    assert labels.shots() == [(0, 30), (30, 60), (80, 120)]
    everything = shots.read_labels()
    assert all(row.first_frames[0] == 0 for row in everything)
    assert all(list(row.first_frames) == sorted(set(row.first_frames)) for row in everything)
    bikes = next(row for row in everything if "bikes" in row.file)
    assert [first for first, _ in bikes.cuts()] == [30, 76, 137, 187, 242]


def test_a_cut_counts_once_and_only_where_it_may_be_marked():
    cuts = [(30, 30), (60, 80)]
    every = range(100)
    assert shots.score(cuts, every, [30, 70]) == (2, 0, 0)
    assert shots.score(cuts, every, [31, 60, 80]) == (1, 2, 1)
    assert shots.score(cuts, every, []) == (0, 0, 2)
    # of every seventh frame 35 is the first of the new shot, and 84 the first pure one
    assert shots.score(cuts, range(0, 100, 7), [35, 84]) == (2, 0, 0)
    assert shots.score(cuts, range(0, 79, 7), [35]) == (1, 0, 0)  # nothing after the second


def test_frames_keep_their_numbers_at_every_rate(data):
    numbers, found, milliseconds = shots.mark_file(data / "a.mp4", None)
    assert numbers == list(range(40)) and found == [20] and milliseconds > 0
    numbers, found, _ = shots.mark_file(data / "a.mp4", 12.0)
    assert numbers == list(range(0, 40, 2)) and found == [20]


def test_made_clips_are_what_they_say():
    rng = np.random.default_rng(0)
    before, after = ([f.image for f in square_clip(45, seed=seed)[0]] for seed in (0, 10))
    clips = {kind: (images, cuts) for kind, images, cuts in shots.made_clips(before, after, rng)}
    assert len(clips) == 10
    for kind, (images, cuts) in clips.items():
        assert images[0] is before[0] and all(image.dtype == np.uint8 for image in images)
        for first, pure in cuts:
            assert images[first - 1] is before[first - 1] and any(images[pure] is a for a in after)
        is_change = "dissolve" in kind or kind in ("splice", "fade to another shot")
        assert len(cuts) == is_change
    assert clips["fade and back"][0][-1] is before[0]


def test_both_tables(data, capsys):
    assert shots.main([str(data), "--made", "1"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    cells = {line.split(" | ")[0].strip("| "): line.split(" | ")[1:] for line in lines}
    assert cells["a.mp4"][:5] == ["40", "1", "1 / 0 / 0", "1 / 0 / 0", "1 / 0 / 0"]
    assert cells["b.mp4"][:3] == ["40", "1", "0 / 1 / 1"]  # cut at 20, and labelled 17
    assert cells["all"][1:3] == ["2", "1 / 1 / 1"]
    assert "absent.mp4" not in cells
    assert cells["splice"][0] == "mixed" and cells["splice"][1] == "100 %"
    assert len(cells) == 2 + 3 + 10


def test_mistakes_are_answered_with_a_sentence(tmp_path, data, capsys):
    (tmp_path / "empty").mkdir()
    assert shots.main([str(tmp_path / "empty")]) == 1
    assert "none of the files" in capsys.readouterr().err
    assert shots.main([str(data), "--made", "0"]) == 1
    assert "at least 1" in capsys.readouterr().err
