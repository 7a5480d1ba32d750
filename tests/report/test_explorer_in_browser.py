"""The retrieval explorer in headless Chromium: it answers clicks, keys and filters."""

import json
from itertools import product

import numpy as np
import pytest

from tests.report.folders import SYSTEMS, cloudy_images, gallery, write_folder
from vidcl.report.build import build_report


def firsts(path, set_name):
    """Of every system, the place of the first right answer per query: int [S, Q], 99 for none."""
    galleries = json.loads((path / "galleries.json").read_text())["galleries"]
    stored = next(g for g in galleries if g["set"] == set_name)
    label = np.array(stored["label"])
    asked = label[np.array(stored["queries"])]
    found = np.array([system["found"] for system in stored["systems"]])
    right = label[found] == asked[:, None]
    return np.where(right.any(-1), right.argmax(-1), 99), stored


def walk(page):
    """The queries that 'next' leads through, from the first of the selection on."""
    many = page.evaluate(
        """() => {
            const number = document.getElementById("explorer-number");
            const next = document.getElementById("explorer-next");
            const seen = [];
            while (!next.disabled && !seen.includes(Number(number.value))) {
                seen.push(Number(number.value));
                next.click();
            }
            return seen;
        }"""
    )
    return sorted(number - 1 for number in many)


@pytest.mark.parametrize("depth", [1, 5])
def test_filters_show_the_queries_that_fail(look, page_path, folder, depth):
    page = look(page_path)
    page.select_option("#explorer-set", label="viewpoint")
    page.select_option("#explorer-depth", str(depth))
    place, _ = firsts(folder, "viewpoint")
    fails = place >= depth
    texts = page.locator("#explorer-filter option").all_text_contents()
    wanted = {"all": np.ones(60, bool), "none": fails.all(0)}
    wanted |= {f"system:{s}": fails[s] for s in range(3)}
    counts = [f"({mask.sum()})" for mask in wanted.values()]
    assert [text.rsplit(" ", 1)[1] for text in texts[:-1]] == counts
    assert texts[2] == f"failed by moco ({fails[0].sum()})"
    for value, mask in wanted.items():
        page.select_option("#explorer-filter", value)
        assert walk(page) == np.flatnonzero(mask).tolist(), value
    page.select_option("#explorer-filter", "pair")
    for x, y in product(range(3), repeat=2):
        if x == y:
            continue
        page.select_option("#explorer-winner", str(x))
        page.select_option("#explorer-loser", str(y))
        mask = ~fails[x] & fails[y]
        chosen = page.locator("#explorer-loser option:checked").text_content()
        assert chosen == f"{SYSTEMS[y]} ({mask.sum()})"
        assert walk(page) == np.flatnonzero(mask).tolist()


def test_an_empty_selection_says_so(look, tmp_path):
    labels = ["same"] * 8
    path = build_report(write_folder(tmp_path, None, [gallery("s", ["one"], labels=labels)]))
    page = look(path)
    page.select_option("#explorer-filter", "none")
    assert page.locator("#explorer-status").text_content() == "No query is failed by every system"
    assert page.locator("#explorer-heard").text_content() == "No query is failed by every system"
    assert page.locator("#explorer-stage").is_hidden()
    assert page.locator("#explorer-next").is_disabled()
    page.select_option("#explorer-filter", "all")
    assert page.locator("#explorer-stage").is_visible()


def shown_answers(page, system):
    """(picture, framed right?, tick, score) of every neighbour in a row."""
    return page.evaluate(
        """(system) => [...document.querySelectorAll("#explorer-answers .answer")[system]
            .querySelectorAll("li:not([hidden])")].map((item) => {
                const button = item.querySelector("button");
                return [Number(button.dataset.picture), button.classList.contains("right"),
                    item.querySelector(".mark").textContent,
                    item.querySelector(".score").textContent,
                    item.querySelector("img").src.split(",")[1]];
            })""",
        system,
    )


def test_a_click_on_a_picture_asks_it(look, page_path, folder):
    page = look(page_path)
    below = page.locator("#explorer-answers .label").all_text_contents()
    assert set(below) <= {str(k) for k in range(10)}  # what all labels begin with is left out
    _, stored = firsts(folder, "wild")
    label, asks = stored["label"], {p: q for q, p in enumerate(stored["queries"])}

    def check(q):
        assert page.input_value("#explorer-number") == str(q + 1)
        asked = stored["queries"][q]
        assert page.locator("#explorer-label").text_content() == stored["labels"][label[asked]]
        heard = page.locator("#explorer-heard").text_content()
        assert heard.startswith(f"Query {q + 1}, \u2068{stored['labels'][label[asked]]}\u2069. ")
        source = page.get_attribute("#explorer-query", "src")
        assert source == f"data:image/webp;base64,{stored['images'][asked]}"
        for s, system in enumerate(stored["systems"]):
            expected = []
            for hit, score in zip(system["found"][q], system["scores"][q], strict=True):
                right = label[hit] == label[asked]
                mark, image = "✓" if right else "✗", stored["images"][hit]
                expected.append([hit, right, mark, f"{score / 1000:.2f}", image])
            got = shown_answers(page, s)
            # Thousandths that end in 5 may be printed either way.
            for line, wanted in zip(got, expected, strict=True):
                assert abs(float(line[3]) - float(wanted[3])) <= 0.0101
                assert line[:3] + line[4:] == wanted[:3] + wanted[4:]
            many = sum(line[1] for line in got)
            assert f"{system['name']}\u2069: " in heard
            assert f", {many} of 10" in heard or many == 0

    check(0)
    for s, k in ((0, 3), (2, 9), (1, 0)):
        q = int(page.input_value("#explorer-number")) - 1
        target = stored["systems"][s]["found"][q][k]
        button = page.locator("#explorer-answers .answer").nth(s).locator("button").nth(k)
        name = button.get_attribute("aria-label")
        assert "cosine" in name and ("right, " in name) == (label[target] == label[q + 3])
        if target in asks:
            button.click()
            check(asks[target])
            assert button.evaluate("(node) => node === document.activeElement")
        else:
            assert button.get_attribute("aria-disabled") == "true"
            button.click(force=True)
            check(q)


def test_buttons_numbers_and_keys(look, page_path):
    page = look(page_path)

    def now():
        return int(page.input_value("#explorer-number"))

    page.click("#explorer-next")
    assert now() == 2
    page.keyboard.press("ArrowRight")  # the focus is on the button
    page.keyboard.press("ArrowRight")
    assert now() == 4
    page.keyboard.press("ArrowLeft")
    assert now() == 3
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    assert now() == 57  # round the end
    page.keyboard.press("End")
    assert now() == 57
    page.click("#explorer-back")
    assert now() == 56
    page.fill("#explorer-number", "12")
    page.keyboard.press("Enter")
    assert now() == 12 and "Query 12," in page.locator("#explorer-heard").text_content()
    page.keyboard.press("ArrowLeft")  # moves the cursor in the field, not the query
    assert "Query 12," in page.locator("#explorer-heard").text_content()
    page.fill("#explorer-number", "9999")
    page.keyboard.press("Enter")
    assert now() == 57
    page.fill("#explorer-number", "")
    page.keyboard.press("Tab")
    assert now() == 57
    page.select_option("#explorer-filter", "system:0")
    selection = walk(page)
    for _ in range(5):
        before = now()
        page.click("#explorer-random")
        assert now() != before and now() - 1 in selection
    outside = next(q for q in range(57) if q not in selection)
    page.fill("#explorer-number", str(outside + 1))
    page.keyboard.press("Enter")
    assert "outside the" in page.locator("#explorer-status").text_content()
    page.click("#explorer-next")
    assert now() - 1 == next((q for q in selection if q > outside), selection[0])


def test_the_focus_goes_through_the_explorer_in_reading_order(look, page_path):
    page = look(page_path)
    page.focus("#explorer-set")
    seen = []
    for _ in range(9):
        name = "document.activeElement.id || document.activeElement.getAttribute('aria-label')"
        seen.append(page.evaluate(name))
        page.keyboard.press("Tab")
    names = ("set", "filter", "depth", "back", "next", "random", "number")
    assert seen[:7] == [f"explorer-{name}" for name in names]
    assert seen[7].startswith("1st: ") and seen[8].startswith("2nd: ")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_five_thousand_pictures_stay_small_and_answer(look, tmp_path):
    generator = np.random.default_rng(0)
    clouds = cloudy_images(250, 96, generator)
    images = np.concatenate([np.roll(clouds, 5 * k, axis=(1, 2)) for k in range(20)])
    labels = [f"object-{k // 10}" for k in range(5000)]
    systems = ["moco", "region_track", "random", "colour", "pixels", "torchvision"]
    large = gallery("photos", systems, labels=labels, images=images)
    # As heavy as photographs of this size are (1.36 kB on average).
    assert np.mean([len(image) for image in large["images"]]) * 3 / 4 > 1350
    path = build_report(write_folder(tmp_path, None, [large]))
    assert path.stat().st_size < 25_000_000
    page = look(path)
    assert page.locator("#explorer-count").text_content() == "of 5,000"
    target = large["systems"][5]["found"][0][2]
    page.locator("#explorer-answers .answer").nth(5).locator("button").nth(2).click()
    assert page.input_value("#explorer-number") == str(target + 1)
    page.fill("#explorer-number", "4999")
    page.keyboard.press("Enter")
    assert page.locator("#explorer-label").text_content() == "object-499"
    loaded = page.evaluate("document.getElementById('explorer-query').decode().then(() => true)")
    assert loaded is True


def test_without_a_script_some_queries_are_shown(look, page_path):
    page = look(page_path, script=False)
    assert page.locator("#explorer").is_hidden()
    assert page.locator("#gallery-static .query").count() == 2 * 4
    answers = page.locator("#gallery-static .query").first.locator(".answer")
    assert answers.count() == 3 and answers.first.locator("img").count() == 5
    assert look(page_path).locator("#gallery-static").is_hidden()
