"""The few lines that tell whether a set is what one thinks it is."""

import numpy as np

from tests.datasets.trees import picture
from vidcl.datasets.__main__ import main
from vidcl.datasets.describe import describe
from vidcl.datasets.labelled_set import LabelledSet
from vidcl.datasets.registry import KINDS


def test_a_set_in_a_few_lines():
    labels = {
        "class": np.array(["a\x1b[31m", "b", "b", "c", "d"]),
        "azimuth": np.arange(5) * 7.5,
        "good": np.array([True, True, False, True, True]),
    }
    data = LabelledSet("wild", labels, lambda index: b"", 5, np.ones((5, 4)))
    assert describe(data).splitlines() == [
        "wild: 5 images, each cropped to its box",
        "  class: 4 values ('a\\x1b[31m', 'b', 'c', ...), 1 to 2 images each",
        "  azimuth: 5 values (0.0, 7.5, 15.0, ...), each once",
        "  good: 2 values (False, True), 1 to 4 images each",
    ]


def test_the_command_lists_kinds_and_checks_sets(tmp_path, capsys):
    assert main([]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in KINDS)
    picture(tmp_path / "cup" / "a.png")
    assert main([str(tmp_path)]) == 0
    assert "1 images" in capsys.readouterr().out
    assert main([str(tmp_path / "nowhere")]) == 1
    assert capsys.readouterr().err.startswith("There is no image set")
