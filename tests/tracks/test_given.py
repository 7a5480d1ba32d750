"""Boxes from a file."""

import json
from pathlib import Path

import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.tracks.given import read_given_boxes


def write(path: Path, **thing: object) -> Path:
    path.write_text(json.dumps({"objects": [thing]}))
    return path


def test_boxes_are_interpolated_between_their_times(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.json", id="cup", times=[1.0, 2.0], boxes=[[0, 0, 10, 10], [10, 4, 30, 14]]
    )
    given = read_given_boxes(path)
    assert given.objects[0].name == "cup"
    box = given.at(1.25)[0]
    assert box is not None and np.allclose(box, [2.5, 1, 15, 11])
    assert given.at(0.4)[0] is None and given.at(2.6)[0] is None


def test_an_invisible_step_gives_no_box(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.json",
        times=[0.0, 1.0, 2.0],
        boxes=[[0, 0, 4, 4]] * 3,
        visible=[True, False, True],
    )
    given = read_given_boxes(path)
    assert given.at(1.0)[0] is None and given.at(0.9)[0] is None
    assert given.at(0.2)[0] is not None and given.at(2.0)[0] is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not json", "not JSON"),
        ("[]", "objects"),
        ('{"objects": [{"times": [0]}]}', "'boxes'"),
        ('{"objects": [{"times": [0, 1], "boxes": [[0, 0, 1, 1]]}]}', "as many boxes"),
        ('{"objects": [{"times": [0], "boxes": [[3, 0, 1, 1]]}]}', "x0 < x1"),
        ('{"objects": [{"times": [1, 0], "boxes": [[0,0,1,1],[0,0,1,1]]}]}', "increase"),
        ('{"objects": [{"times": ["x"], "boxes": [[0, 0, 1, 1]]}]}', "numbers"),
        ('{"objects": [{"times": [], "boxes": []}]}', "four numbers"),
        ('{"objects": [{"times": [1' + "0" * 400 + '], "boxes": [[0, 0, 1, 1]]}]}', "numbers"),
        (
            '{"objects": [{"id": 1, "times": [0], "boxes": [[0, 0, 1, 1]]}, '
            '{"id": "1", "times": [2], "boxes": [[0, 0, 1, 1]]}]}',
            "2 objects with the id '1'",
        ),
        ("[" * 100_000, "not JSON"),
    ],
    ids=lambda value: value[-40:],
)
def test_a_bad_file_is_one_clear_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(VidclError, match=words):
        read_given_boxes(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(VidclError, match=r"Cannot read .*none\.json"):
        read_given_boxes(tmp_path / "none.json")
