"""Several run folders as one page: names, sets, galleries, warnings, settings."""

import copy
import json

import pytest

from tests.report.folders import SYSTEMS, gallery, results, write_folder
from vidcl.cli import main
from vidcl.errors import VidclError
from vidcl.report.build import build_report
from vidcl.report.merge import merge
from vidcl.report.settings import flat_settings, settings_diffs
from vidcl.report.sources import open_sources

LABELS = [f"object-{k // 4}" for k in range(24)]


def merged(*folders):
    return merge(open_sources(list(folders)))


def names(found):
    return [system["name"] for system in found.results["systems"]]


def test_one_folder_stays_as_it_is(tmp_path):
    stored = results()
    found = merged(write_folder(tmp_path / "a", stored, [gallery("wild", ["moco"], labels=LABELS)]))
    assert found.results == json.loads(json.dumps(stored))
    assert found.warnings == stored["warnings"] and found.galleries[0]["set"] == "wild"


def test_a_name_is_told_apart_only_where_two_folders_use_it(tmp_path):
    first = write_folder(tmp_path / "a", results(0, ("moco", "one")))
    second = write_folder(tmp_path / "b", results(1, ("moco", "two")))
    found = merged(first, second)
    assert names(found) == ["a/moco", "one", "b/moco", "two"]
    comparison = [(line["a"], line["b"]) for line in found.results["comparisons"]]
    assert comparison == [("one", "a/moco"), ("two", "b/moco")]
    assert found.warnings == [f"{run}: {results()['warnings'][0]}" for run in ("a", "b")]


def test_folders_of_one_name_are_told_apart_by_their_paths(tmp_path):
    places = [write_folder(tmp_path / k / "run", results(int(k), ("moco", "o"))) for k in "12"]
    assert names(merged(*places)) == ["1/run/moco", "1/run/o", "2/run/moco", "2/run/o"]


def test_controls_that_agree_are_one_row_and_others_are_two(tmp_path):
    stored = results(0, ("one", "x", "raw pixels", "i.i.d. features"))
    other = results(1, ("two", "y", "raw pixels", "i.i.d. features"))
    other["systems"][2] = copy.deepcopy(stored["systems"][2])
    found = merged(write_folder(tmp_path / "a", stored), write_folder(tmp_path / "b", other))
    wanted = ["one", "x", "raw pixels", "a/i.i.d. features", "two", "y", "b/i.i.d. features"]
    assert names(found) == wanted
    chances = [system["chance"] for system in found.results["systems"]]
    assert chances == [False, False, False, True, False, False, True]
    # Every bar has the chance line of its own run, the shared control that of the first.
    page = build_report([tmp_path / "a", tmp_path / "b"], tmp_path / "page.html").read_text()
    levels = [data["systems"][3]["sets"]["wild"]["ris@10"] for data in (stored, other)]
    low, high = sorted(levels)
    assert f"chance {low:.1f} to {high:.1f}" in page


def test_sets_are_joined_by_name_and_content(tmp_path):
    first, second, third = (results(k, (f"s{k}", f"t{k}")) for k in range(3))
    second["sets"]["wild"]["content_hash"] = "another"
    third["sets"]["wild"]["content_hash"] = "another"
    third["sets"]["viewpoint"]["content_hash"] = None
    places = [
        write_folder(tmp_path / n, r) for n, r in zip("abc", (first, second, third), strict=True)
    ]
    found = merged(*places)
    sets = [list(system["sets"]) for system in found.results["systems"]]
    assert sets[::2] == [
        ["wild", "viewpoint"],
        ["wild (b)", "viewpoint"],
        ["wild (b)", "viewpoint (c)"],
    ]
    told = [sentence for sentence in found.warnings if "is kept apart" in sentence]
    assert told == [
        "The set “wild” of b is kept apart from the one of that name in another run: their images "
        "or labels differ.",
        "The set “viewpoint” of c is kept apart from the one of that name in another run: one of "
        "them has no content hash.",
    ]


def test_two_ways_of_measuring_one_set_are_told(tmp_path):
    first, second = results(0, ("s", "t")), results(1, ("u", "v"))
    for system in second["systems"]:
        system["sets"]["wild"] |= {"min_gap": 0.0, "ris_mode": "paper"}
    found = merged(write_folder(tmp_path / "a", first), write_folder(tmp_path / "b", second))
    told = [sentence for sentence in found.warnings if "not comparable" in sentence]
    assert told == [
        "On “wild”, a has a minimum viewpoint gap of 45 and b has a minimum viewpoint gap of 0: "
        "their numbers are not comparable.",
        "On “wild”, a has RIS in the mode “authors” and b has RIS in the mode “paper”: their "
        "numbers are not comparable.",
    ]


def test_galleries_of_one_set_stand_side_by_side_on_the_queries_of_both(tmp_path):
    def folder(name, systems, seed, **more):
        shown = gallery("wild", systems, labels=LABELS, seed=seed, **more)
        return write_folder(tmp_path / name, results(seed, systems), [shown]), shown

    a, first = folder("a", ("one", "both"), 0, content_hash="hash of wild", queries=range(0, 20))
    b, second = folder("b", ("two", "both"), 1, content_hash="hash of wild", queries=range(10, 24))
    (both,) = merged(a, b).galleries
    assert [both["rows"][query] for query in both["queries"]] == list(range(10, 20))
    systems = [system["name"] for system in both["systems"]]
    assert systems == ["one", "a/both", "two", "b/both"]
    for k, (source, number) in enumerate(((first, 0), (first, 1), (second, 0), (second, 1))):
        for q, row in enumerate(range(10, 20)):
            at = [source["rows"][p] for p in source["queries"]].index(row)
            own, found = source["systems"][number], both["systems"][k]
            rows = [source["rows"][hit] for hit in own["found"][at]]
            assert [both["rows"][hit] for hit in found["found"][q]] == rows
            assert found["scores"][q] == own["scores"][at]
    for row, image, label in zip(both["rows"], both["images"], both["label"], strict=True):
        assert both["labels"][label] == LABELS[row]
        source = first if row in first["rows"] else second
        assert image == source["images"][source["rows"].index(row)]


@pytest.mark.parametrize(
    "more",
    [
        {"content_hash": "another", "protocol": "all other images in the gallery"},
        {"content_hash": "hash of wild", "protocol": "another"},
        {"content_hash": None},
    ],
)
def test_galleries_that_differ_stay_apart(tmp_path, more):
    own = gallery("wild", ["one"], labels=LABELS, content_hash="hash of wild")
    other = gallery("wild", ["two"], labels=LABELS, **more)
    a = write_folder(tmp_path / "a", None, [own])
    b = write_folder(tmp_path / "b", None, [other])
    found = merged(a, b)
    assert [g["set"] for g in found.galleries] == ["wild", "wild (b)"]
    assert len(found.warnings) == 1


def test_training_runs_bear_their_systems_names(tmp_path):
    line = [{"step": 0, "loss": 1.0}, {"step": 1, "loss": 0.5}]
    for name in "ab":
        stored = results(0, ("moco", "own"))
        stored["systems"][0]["run"] = "runs/x"
        runs = [("x", f"lr: {name}\nsame: 1\n", line)]
        write_folder(tmp_path / name, stored, runs=runs)
    write_folder(tmp_path / "plain", runs=[("", "lr: c\nsame: 1\n", line)])
    found = merged(*(tmp_path / name for name in ("a", "b", "plain")))
    assert [run.name for run in found.runs] == ["a/moco", "b/moco", "plain"]
    out = build_report([tmp_path / name for name in ("a", "b", "plain")], tmp_path / "o.html")
    assert out == tmp_path / "o.html"
    text = out.read_text()
    assert "<title>Runs a, b and plain</title>" in text
    settings = text[text.index('id="settings"') :]
    assert "<td>a</td><td>b</td><td>c</td>" in settings
    assert "the same in all (1)" in settings


def test_settings_are_compared_among_the_runs_that_have_them():
    one = {"train": {"lr": 0.1, "sizes": [1, 2]}, "seed": 0, "only": {"here": 1}}
    two = {"train": {"lr": 0.1, "sizes": [1, 3], "more": True}, "seed": 0}
    three = {"seed": 0, "train": {"lr": 0.2}}
    assert settings_diffs([("a", one)]) == []
    (diff,) = settings_diffs([("a", one), ("b", two), ("c", three)])
    assert diff["columns"] == ["a", "b", "c"]
    assert diff["differing"] == [
        ("train.lr", ["0.1", "0.1", "0.2"]),
        ("train.sizes", ["1, 2", "1, 3", None]),
        ("train.more", [None, "True", None]),
    ]
    assert diff["same"] == [("seed", ["0", "0", "0"])]
    assert [d["columns"] for d in settings_diffs([("a", one), ("b", two), ("c", {"seed": 1})])] == [
        ["a", "b"],
        ["a", "b", "c"],
    ]
    streams = {"streams": [{"kind": "frame"}, {"kind": "region", "gap": None}]}
    assert flat_settings(streams) == [
        ("streams.0.kind", "frame"),
        ("streams.1.kind", "region"),
        ("streams.1.gap", "–"),
    ]


def test_what_cannot_be_merged_is_said(tmp_path):
    folder = write_folder(tmp_path / "a", results())
    with pytest.raises(VidclError, match="named twice"):
        build_report([folder, tmp_path / "." / "a"])
    with pytest.raises(VidclError, match="at least one run folder"):
        build_report([])
    write_folder(tmp_path / "b", runs=[("", "- 1\n", [])])
    with pytest.raises(VidclError, match=r"config\.yaml of b names no settings"):
        build_report(tmp_path / "b")
    write_folder(tmp_path / "c", runs=[("", "a: {\n", [])])
    with pytest.raises(VidclError, match="is not YAML"):
        build_report(tmp_path / "c")


def test_the_command_takes_any_number_of_folders(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for k in range(2):
        write_folder(tmp_path / f"run{k}", results(k))
    assert main(["report", "run0"]) == 0
    assert main(["report", "run1/results.json"]) == 0
    assert main(["report", "run0", "run1"]) == 0
    assert main(["report", "run0", "run1", "--out", "pages/both.html"]) == 0
    told = capsys.readouterr().out.splitlines()
    files = ["run0/report.html", "run1/report.html", "report.html", "pages/both.html"]
    assert told == [f"report: {file}" for file in files]
    assert (tmp_path / "report.html").read_bytes() == (tmp_path / files[3]).read_bytes()
    assert main(["report"]) == 1
    assert "at least one run folder" in capsys.readouterr().err


def test_every_system_is_there_once(tmp_path):
    folders = [write_folder(tmp_path / f"run{k}", results(k)) for k in range(4)]
    found = merged(*folders)
    assert len(set(names(found))) == len(names(found)) == 4 * len(SYSTEMS)
