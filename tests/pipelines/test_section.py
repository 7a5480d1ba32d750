"""The parts of a study become one page, and what cannot be run is refused first."""

import importlib
import json
from pathlib import Path

import pytest

from vidcl.errors import VidclError


@pytest.fixture
def section(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "pipelines"))
    return importlib.import_module("studies.section")


def test_sections_become_a_page(section, tmp_path):
    parts = [
        section.Section("one", "## One\n\n![plot](one.png)\n", {"n": 1}, {"one.png": b"\x89PNG"}),
        section.Section("two", "## Two\n", {"n": [2.5]}),
    ]
    page = section.write_study(tmp_path, "A study", parts)
    assert page.read_text() == "# A study\n\n## One\n\n![plot](one.png)\n\n## Two\n"
    assert json.loads((tmp_path / "results.json").read_text()) == {
        "one": {"n": 1},
        "two": {"n": [2.5]},
    }
    assert (tmp_path / "one.png").read_bytes() == b"\x89PNG"


@pytest.mark.parametrize(
    ("chosen", "seeds", "workers", "says"),
    [
        (("a", "x"), (0,), 1, "no arm 'x': choose from a, b"),
        ((), (0,), 1, "at least one arm"),
        (("a", "a"), (0,), 1, "every arm once"),
        (("a",), (1, 1), 1, "every seed once"),
        (("a",), (-1,), 1, "no seed below 0"),
        (("a",), (0,), 0, "at least one worker"),
    ],
)
def test_what_cannot_be_run_is_refused(section, chosen, seeds, workers, says):
    with pytest.raises(VidclError, match=says):
        section.check_choice("arm", chosen, ["a", "b"], seeds, workers)
    section.check_choice("arm", ["a", "b"], ["a", "b"], (0, 1), 2)
