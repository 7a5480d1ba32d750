"""The page in headless Chromium: it is whole, legible, and nothing in it runs but its script."""

import json

import numpy as np
import pytest

from tests.report.folders import HOSTILE, SYSTEMS, gallery, results, write_folder
from vidcl.report.build import build_report


@pytest.fixture(scope="module")
def several_path(folder, tmp_path_factory):
    """Three runs on one page."""
    place = tmp_path_factory.mktemp("several")
    names = [("a" * 40 + str(k), *SYSTEMS[2:]) for k in range(2)]
    others = [write_folder(place / f"run{k}", results(k + 1, names[k])) for k in range(2)]
    return build_report([folder, *others], place / "several.html")


def shown_table(page, selector, number=0):
    """{row: [cell, ...]} and the column heads of one table, small print left out."""
    return page.evaluate(
        """([selector, number]) => {
            const table = document.querySelectorAll(selector + " table")[number];
            const text = (cell) => {
                const copy = cell.cloneNode(true);
                copy.querySelectorAll("small").forEach((small) => small.remove());
                return copy.textContent.trim();
            };
            const rows = {};
            for (const row of table.querySelectorAll("tbody tr")) {
                const cells = [...row.querySelectorAll("td")];
                if (cells.length) rows[text(row.querySelector("th"))] = cells.map(text);
            }
            const heads = [...table.querySelectorAll("thead th")].slice(1).map(text);
            return [heads, rows];
        }""",
        [selector, number],
    )


def test_tables_hold_the_numbers_of_the_results(look, page_path, folder):
    page = look(page_path)
    stored = json.loads((folder / "results.json").read_text())
    sets = {system["name"]: system["sets"] for system in stored["systems"]}
    kinds = {
        "R@1": ("recall@1", 100),
        "R@5": ("recall@5", 100),
        "R@10": ("recall@10", 100),
        "mAP": ("map", 100),
        "MAP@R": ("map@r", 100),
        "R-precision": ("r_precision", 100),
        "RIS 10": ("ris@10", 1),
        "RIS 25": ("ris@25", 1),
        "k-NN": ("knn", 100),
    }
    main = ["R@1", "R@5", "mAP", "RIS 10", "RIS 25", "k-NN"]
    heads, rows = shown_table(page, "#results")
    assert heads == main and list(rows) == list(SYSTEMS)
    further = shown_table(page, "#results", 1 + len(main))
    assert further[0][:9] == [*main, "R@10", "MAP@R", "R-precision"]
    assert further[0][9:] == ["Whitened cosine", "Whitened distance"]
    for columns, lines in ((heads, rows), further):
        for name, cells in lines.items():
            for head, text in zip(columns, cells, strict=True):
                key, by = kinds.get(head, (head.lower().replace(" ", "_"), None))
                value = sets[name]["wild"][key]
                printed = f"{by * value:.1f}" if by else f"{value:.3f}"
                assert text == printed.replace("-", "−"), (name, head)
    heads, rows = shown_table(page, "#results", 1)  # Recall@1 on every set
    assert heads == ["wild", "viewpoint"]
    for name, cells in rows.items():
        assert cells == [f"{100 * sets[name][s]['recall@1']:.1f}" for s in heads]
    heads, rows = shown_table(page, "#gap")
    assert heads == ["≥ 0°", "≥ 45°", "≥ 90°"]
    for name, cells in rows.items():
        gaps = sets[name]["wild"]["gaps"]
        assert cells == [f"{100 * gap['recall@1']:.1f}" for gap in gaps]
    _, rows = shown_table(page, "#probes")
    for name, cells in rows.items():
        linear, regression = sets[name]["wild"]["probes"]
        assert cells == [f"{100 * linear['value']:.1f}", f"{regression['value']:.3f}"]
    (line,) = stored["comparisons"]
    _, rows = shown_table(page, "#invariance")
    difference = f"{line['difference']:+.1f}".replace("-", "−")
    expected = ["moco", difference, "0.012", "0.025", "wild", "12 objects", "9,999"]
    assert rows == {"region_track": expected}
    heads, rows = shown_table(page, "#invariance", 1)  # RIS 10 per class on wild
    assert heads == list(SYSTEMS) and list(rows) == ["chair", "truck"]
    for name, text in zip(heads, rows["truck"], strict=True):
        assert text == f"{sets[name]['wild']['ris_per_class@10'][1]:.1f}"
    bars = page.locator("#invariance .panels").first.locator(".bar em").all_text_contents()
    ris = [sets[name][s]["ris@10"] for s in ("wild", "viewpoint") for name in SYSTEMS[:3]]
    assert bars == [f"{value:.1f}" for value in ris]
    assert page.locator("#factors svg").count() == 4
    titles = page.locator("#training h3").all_text_contents()
    assert titles == ["Loss", "k-NN", "RIS 10", "Whitened cosine", "R@1"]
    assert "Scores of “wild” were measured" in page.locator("aside.warnings").inner_text()
    assert shown_table(page, "#settings")[1] == {"training.lr": ["0.004", "0.1"]}


def test_everything_that_can_be_used_has_a_name(look, page_path):
    page = look(page_path)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, select, input, [tabindex], svg, nav")]
            .filter((node) => !(node.getAttribute("aria-label") || node.textContent.trim() ||
                (node.labels && node.labels.length)))
            .map((node) => node.outerHTML)"""
    )
    assert nameless == []
    assert page.locator("img:not([alt])").count() == 0
    assert page.locator("#explorer-heard").get_attribute("aria-live") == "polite"
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((node) => node.id)")
    assert len(set(ids)) == len(ids)


def test_hostile_names_stay_text(look, tmp_path):
    measured = results(names=HOSTILE[:4], sets=HOSTILE[:2], title=HOSTILE[0])
    measured["warnings"] = list(HOSTILE)
    measured["settings"] = {HOSTILE[1]: HOSTILE[0]}
    for system in measured["systems"]:
        values = system["sets"][HOSTILE[0]]
        values["ris_classes"] = list(HOSTILE[:2])
        values["probes"][0] |= {"probe": HOSTILE[0], "settings": {HOSTILE[1]: HOSTILE[2]}}
        values["factor_curves"] = {HOSTILE[1]: values["factor_curves"]["blur"]}
    labels = [HOSTILE[k % 5] for k in range(20)]
    galleries = [gallery(name, HOSTILE, labels=labels, protocol=HOSTILE[0]) for name in HOSTILE]
    runs = [(f"run {k}", f"a: '{'</pre>' + HOSTILE[1]}{k}'\n", []) for k in range(2)]
    path = build_report(write_folder(tmp_path / "<b>run", measured, galleries, runs))
    page = look(path)
    page.click("#explorer-next")
    names = page.locator("#explorer-answers .system bdi").all_text_contents()
    assert names == list(HOSTILE)
    assert page.locator("#explorer-label").text_content() == HOSTILE[1]
    options = page.locator("#explorer-filter option").all_text_contents()
    assert options[2].startswith(f"failed by {HOSTILE[0]} (")
    warnings = page.locator("aside.warnings li").all_text_contents()
    assert warnings == list(HOSTILE)
    assert page.title() == HOSTILE[0] and page.evaluate("window.owned") is None
    scripts = page.evaluate("[...document.scripts].map((script) => script.type)")
    assert scripts == ["application/json"] * 5 + [""]
    handlers = page.evaluate(
        """() => [...document.querySelectorAll("*")].flatMap((node) =>
            [...node.attributes].map((a) => a.name).filter((name) => name.startsWith("on")))"""
    )
    assert handlers == []


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("which", ["page_path", "several_path"])
def test_no_width_scrolls_sideways(look, request, width, which):
    page = look(request.getfixturevalue(which), width=width)
    page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Nothing but what scrolls in its own frame reaches over the edge.
    over = page.evaluate(
        """(width) => [...document.querySelectorAll("main *")].filter((node) =>
            !node.closest(".scroll, pre, svg, .unseen, option") &&
            node.getBoundingClientRect().right > width + 1).map((node) => node.outerHTML)""",
        width,
    )
    assert over == []


def test_dark_mode_is_dark_and_legible(look, page_path):
    def luminance(page, selector, name):
        colour = page.evaluate(
            "([s, name]) => getComputedStyle(document.querySelector(s))[name]", [selector, name]
        )
        channels = np.array([float(c) for c in colour[4:-1].split(",")[:3]]) / 255
        linear = np.where(
            channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for scheme in ("light", "dark"):
        page = look(page_path, scheme=scheme)
        paper = luminance(page, "body", "backgroundColor")
        assert paper < 0.05 if scheme == "dark" else paper > 0.8
        texts = ("body", ".how", ".facts", "td small", "svg text", ".track em", "summary")
        inside = ("#explorer-next", ".explorer .system", ".explorer .score", ".explorer .label")
        for selector in texts + inside:
            ink = luminance(page, selector, "fill" if "svg" in selector else "color")
            contrast = (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05)
            assert contrast >= 4.5, (scheme, selector)
