"""``benchmarks/proposals.py`` on small clips."""

import cv2
import numpy as np
import pytest

from benchmarks import proposals
from tests.tracks.clips import square_clip
from vidcl.tracks.motion.scene import Scene
from vidcl.tracks.proposers.base import Proposed, Unseeing
from vidcl.tracks.quality.sequences import read_sequences


@pytest.fixture()
def data(tmp_path):
    """Two clips of 26 pictures at 25 per second; in the first the object is away in 10 of them."""
    for name, seed in (("goat", 0), ("other", 1)):
        frames, boxes = square_clip(26, seed=seed, speed=(1.5, 0.4))
        (tmp_path / name / "img").mkdir(parents=True)
        lines = []
        for k, (frame, box) in enumerate(zip(frames, boxes, strict=True)):
            picture = cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR)
            cv2.imwrite(str(tmp_path / name / "img" / f"{k:04d}.png"), picture)
            away = name == "goat" and 7 <= k < 17
            lines.append("0,0,0,0" if away else f"{box[0]},{box[1]},34,34")
        (tmp_path / name / "groundtruth.txt").write_text("\n".join(lines))
    return tmp_path


def test_shots_begin_at_every_tenth_annotated_frame(data):
    goat, other = read_sequences(data)
    # at 12 of 25 frames per second: the first frame at or after each tick
    indices = [[step.index for step in shot] for shot in proposals.shots(other, 12.0)]
    assert indices == [[0, 3, 5, 7], [10, 13, 15, 17]]  # the one from 20 is cut short
    indices = [[step.index for step in shot] for shot in proposals.shots(other, None)]
    assert indices == [[0, 1, 2, 3], [10, 11, 12, 13], [20, 21, 22, 23]]
    # the tenth annotated frame after 0 is 20; in frame 7, where the first shot ends, it is away
    assert [[step.index for step in shot] for shot in proposals.shots(goat, 12.0)] == []
    assert [shot[0].index for shot in proposals.shots(goat, None)] == [0, 20]


class Fixed(Unseeing):
    """Proposes the same boxes whatever there is."""

    def __init__(self, boxes):
        self._boxes = np.array(boxes, dtype=np.float64)

    def propose(self, scene: Scene) -> Proposed:
        return Proposed(self._boxes, np.zeros(len(self._boxes)))


def test_an_object_counts_from_iou_half_on_within_the_budget(data):
    (other,) = read_sequences(data, ["other"])
    config = proposals.follow_config([], max_regions=16)
    shot = next(proposals.shots(other, 12.0))
    x0, y0, x1, y1 = shot[-1].truth[0]
    near, far = [x0, y0, x1 - 13, y1], [x0, y0, x1 - 20, y1]  # IoU 0.62 and 0.41
    elsewhere = [[100.0 + 4 * k, 2, 114 + 4 * k, 16] for k in range(0, 11, 3)]
    elsewhere += [[100.0 + 4 * k, 22, 114 + 4 * k, 36] for k in range(0, 11, 3)]
    named = [
        ("near", Fixed([near])),
        ("far", Fixed([far])),
        ("late", Fixed([*elsewhere, near])),
        ("none", Fixed(np.zeros((0, 4)))),
    ]
    tallies = dict(proposals.run(shot, named, config))
    assert tallies["near"].found == {8: 1, 16: 1}
    assert tallies["far"].found == {8: 0, 16: 0}
    assert tallies["late"].boxes == 9
    assert tallies["late"].found == {8: 0, 16: 1}
    assert tallies["none"].found == {8: 0, 16: 0}
    assert all(tally.objects == tally.shots == 1 for tally in tallies.values())


def test_tables_of_both_groups(data, capsys):
    arguments = ["--proposers", "combined", "random", "--by-sequence", "--follow", "min_side=0.2"]
    assert proposals.main([str(data), *arguments]) == 0
    out = capsys.readouterr().out
    tuning, reporting = out.split("## Reporting: other")
    assert tuning.startswith("## Tuning: goat")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in reporting.splitlines()]
    by_name = {row[0]: row for row in rows if row}
    assert set(by_name) >= {"combined", "random", proposals.REFERENCE}
    assert by_name["combined"][2].startswith("1.000")
    assert by_name["combined"][-1] == "1.00"
    assert 0 < float(by_name["random"][-1]) < 1  # the mean over seeds
    goat = [line for line in tuning.splitlines() if line.startswith("| combined")]
    assert goat[0].split("|")[2].strip() == "-"  # no shot of it has a last frame


def test_a_folder_without_sequences_is_an_error(tmp_path, capsys):
    assert proposals.main([str(tmp_path)]) == 1
    assert "holds no annotated sequence" in capsys.readouterr().err
