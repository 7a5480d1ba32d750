"""The page: what it holds, what it refuses, and that names cannot break out of it."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.report.build import build_report
from vidcl.report.figures import film_strip, load_figures, pair_sheet, save_figure
from vidcl.report.runs import duration_text

HOSTILE = '<script>alert("x")</script>\'" onload=alert(1)'


class Page(HTMLParser):
    """Tags, attributes and visible text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def metrics(recall, **more):
    return {
        "recall@1": recall,
        "recall@5": min(1.0, recall + 0.2),
        "map": recall / 2,
        "ris@10": 30 + 20 * recall,
        "ris@25": 25 + 20 * recall,
        "knn": 0.4,
        "gap_curve": [[11.25, recall + 0.1, 90], [33.75, recall, 80], [170.0, recall / 2, 70]],
        "n": 90,
        "gallery": 96,
        "n_excluded": 6,
        "min_gap": 45.0,
        "sets": 12,
        "classes": 4,
        "set_size": [8, 8.0, 8],
        **more,
    }


def results(first="moco"):
    def system(name, kind, recall, **more):
        sets = {"viewpoint": metrics(recall), "wild": metrics(recall * 0.8, **more)}
        return {"name": name, "kind": kind, "run": None, "sets": sets}

    return {
        "title": "A title",
        "settings": {"evaluation": {"knn_k": 20, "gap_edges": [0, 45]}, "seed": 0},
        "systems": [
            system(first, "trained", 0.3, **{"recall@1_std": 0.021}),
            system("region_track", "trained", 0.61, **{"recall@1_interval": [0.44, 0.53]}),
            system("color-histogram", "control", 0.5),
            system("i.i.d. features", "control", 0.01),
        ],
        "timings": {"render": 61.0, "train": 200.0},
        "store": "store",
    }


def write_run(folder, *, first="moco", video="clip.mp4"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results(first)))
    for name in ("moco", "region_track"):
        run = folder / "runs" / name
        run.mkdir(parents=True)
        (run / "config.yaml").write_text("training:\n  lr: 0.004\n")
        lines = [
            {"step": s, "loss": 7.6 - s / 100, "log_k1": 7.62, "pairs_per_second": 900.0 + s}
            for s in range(0, 300, 10)
        ]
        text = "\n".join(json.dumps(line) for line in lines)
        (run / "metrics.jsonl").write_text(text + '\n{"step": 300, "lo')
    thumb = "/9j/4AAQSkZJRg=="
    found = {"found": [[1, 0]], "scores": [[930, 500]]}
    gallery = {
        "set": "wild",
        "content_hash": None,
        "protocol": "all others",
        "format": "jpeg",
        "asked": 1,
        "rows": [0, 7],
        "images": [thumb, thumb],
        "labels": ["other", video],
        "label": [0, 1],
        "queries": [1],
        "systems": [{"name": first, **found}, {"name": "region_track", **found}],
    }
    (folder / "galleries.json").write_text(json.dumps({"version": 2, "galleries": [gallery]}))
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    save_figure(folder, "tracks", "track-0", film_strip([picture] * 4), f"{video}: 1 to 2 s")
    save_figure(folder, "pairs", "pairs", pair_sheet(picture[None], picture[None]), "two views")
    return folder


def test_page_holds_everything_and_needs_nothing(tmp_path):
    path = build_report(write_run(tmp_path / "demo"))
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    ids = {attrs["id"] for tag, attrs in page.tags if tag == "section"}
    assert ids == {
        *("results", "gap", "invariance", "gallery", "tracks", "pairs"),
        *("training", "timings", "settings"),
    }
    links = {attrs["href"] for tag, attrs in page.tags if tag == "a"}
    assert links == {f"#{name}" for name in ids}
    for tag, attrs in page.tags:
        assert tag not in ("link", "iframe", "object", "base")
        assert attrs.get("src", "data:image/").startswith("data:image/")
    assert "http" not in text.replace("http-equiv", "")
    assert path.stat().st_size < 300_000
    assert text.startswith("<!doctype html>")


def test_table_shows_the_numbers_with_the_best_bold(tmp_path):
    text = build_report(write_run(tmp_path / "demo")).read_text(encoding="utf-8")
    first_table = text[text.index("<table") : text.index("</table>")]
    rows = re.findall(r'<th scope="row">(.*?)</th>(.*?)</tr>', first_table, flags=re.S)
    cells = {
        name.replace("<wbr>", ""): re.findall(r"<td.*?</td>", body, flags=re.S)
        for name, body in rows
    }
    assert list(cells) == ["moco", "region_track", "color-histogram", "i.i.d. features"]
    # On "wild" the systems have 0.8 of their plain recall; mAP is half of that recall before.
    assert "24.0" in cells["moco"][0] and "± 2.1" in cells["moco"][0]
    assert "<b>48.8</b>" in cells["region_track"][0] and "44–53" in cells["region_track"][0]
    assert "<b>" not in cells["moco"][0] + cells["color-histogram"][0]
    assert all("<b>40.0</b>" in row[5] for row in cells.values())  # ties are all best
    assert "On “wild”, region_track finds" in Page(text).text
    assert (
        "48.8 % of queries; moco in 24.0 %, and the best control, color-histogram, in 40.0 %."
        in (Page(text).text)
    )


def test_hostile_names_are_text(tmp_path):
    folder = write_run(tmp_path / "demo", first=HOSTILE, video=HOSTILE)
    data = json.loads((folder / "results.json").read_text())
    data["title"] = data["store"] = HOSTILE
    data["settings"][HOSTILE] = HOSTILE
    data["timings"][HOSTILE] = 3.0
    for system in data["systems"]:
        system["sets"][HOSTILE] = system["sets"]["viewpoint"]
    (folder / "results.json").write_text(json.dumps(data))
    (folder / "runs" / "moco" / "config.yaml").write_text(f"a: {HOSTILE}</pre>")
    text = build_report(folder).read_text(encoding="utf-8")
    page = Page(text)
    # The two sources of a script element in this page: data, and the explorer itself.
    kinds = [attrs.get("type") for tag, attrs in page.tags if tag == "script"]
    assert kinds == ["application/json", None]
    for tag, attrs in page.tags:
        assert not [name for name in attrs if name.startswith("on")], (tag, attrs)
    assert HOSTILE in page.text


def test_one_curve_per_system_where_the_results_name_the_runs(tmp_path):
    folder = write_run(tmp_path / "demo")
    data = json.loads((folder / "results.json").read_text())
    data["systems"][1]["run"] = "runs/moco"  # the run folder need not bear the system's name
    data["systems"][0]["run"] = "../elsewhere"
    (folder / "results.json").write_text(json.dumps(data))
    text = build_report(folder).read_text(encoding="utf-8")
    training = text[text.index('id="training"') : text.index('id="timings"')]
    assert "<title>region_track</title>" in training and "<title>moco</title>" not in training


def test_the_script_is_the_only_one_that_may_run(tmp_path):
    text = build_report(write_run(tmp_path / "demo")).read_text(encoding="utf-8")
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="(.*?)"', text)
    (script,) = re.findall(r"<script>(.*?)</script>", text, flags=re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'"
    )
    (tmp_path / "demo" / "galleries.json").unlink()
    without = build_report(tmp_path / "demo").read_text(encoding="utf-8")
    assert "<script" not in without and "script-src" not in without


def test_a_single_training_run_has_a_page(tmp_path):
    write_run(tmp_path / "demo")
    run = tmp_path / "demo" / "runs" / "moco"
    page = Page(build_report(run).read_text(encoding="utf-8"))
    assert {attrs["id"] for tag, attrs in page.tags if tag == "section"} == {"training", "settings"}
    assert "Run moco" in page.text and "lr: 0.004" in page.text


def test_two_builds_are_identical(tmp_path):
    folder = write_run(tmp_path / "demo")
    first = build_report(folder).read_bytes()
    assert build_report(folder).read_bytes() == first


def test_what_cannot_be_reported_is_said(tmp_path):
    with pytest.raises(VidclError, match="There is no run folder"):
        build_report(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(VidclError, match="holds no results"):
        build_report(tmp_path / "empty")
    folder = write_run(tmp_path / "demo")
    (folder / "runs" / "moco" / "metrics.jsonl").write_text('{"step"\n{"step": 1}\n')
    with pytest.raises(VidclError, match="Line 1 of"):
        build_report(folder)
    (folder / "runs" / "moco" / "metrics.jsonl").write_text("")
    stored = json.loads((folder / "galleries.json").read_text())
    (folder / "galleries.json").write_text("{}")
    with pytest.raises(VidclError, match="not a file of galleries"):
        build_report(folder)
    old = {"galleries": [{"set": "wild", "images": {"0": ""}, "systems": []}]}
    (folder / "galleries.json").write_text(json.dumps(old))
    with pytest.raises(VidclError, match="version 1 and this vidcl reads version 2: run the com"):
        build_report(folder)
    for key, value in (
        ("images", ['"><script>', "A"]),
        ("queries", [2]),
        ("label", [0, -1]),
        ("rows", [0]),
        ("format", "svg+xml"),
    ):
        damaged = {"version": 2, "galleries": [stored["galleries"][0] | {key: value}]}
        (folder / "galleries.json").write_text(json.dumps(damaged))
        with pytest.raises(VidclError, match="not a file of galleries"):
            build_report(folder)


def test_figures_are_listed_in_order_and_large_ones_become_jpeg(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (100, 3000, 3), dtype=np.uint8)
    save_figure(tmp_path, "other", "noise", noise, "large")
    save_figure(tmp_path, "pairs", "small", noise[:8, :8], "small")
    save_figure(tmp_path, "other", "noise", noise, "again")
    small, large = load_figures(tmp_path)
    assert small.uri.startswith("data:image/png;base64,") and small.section == "pairs"
    assert large.uri.startswith("data:image/jpeg;base64,") and large.caption == "again"
    assert (large.width, large.height) == (1600, 53)
    assert load_figures(tmp_path / "elsewhere") == []
    with pytest.raises(VidclError, match="section is one of"):
        save_figure(tmp_path, "nothing", "a", noise, "")
    with pytest.raises(VidclError, match="plain file name"):
        save_figure(tmp_path, "other", "../a", noise, "")
    listing = {"figures": [{"file": "../../secret.png", "section": "other", "caption": ""}]}
    (tmp_path / "figures" / "figures.json").write_text(json.dumps(listing))
    with pytest.raises(VidclError, match="outside its folder"):
        load_figures(tmp_path)


def test_duration_text():
    assert [duration_text(s) for s in (4.25, 72.4, 3_660)] == ["4.2 s", "1 min 12 s", "1 h 01 min"]
