"""Pages in headless Chromium, for the tests of what a reader sees."""

import shutil

import pytest

from tests.report.folders import SYSTEMS, gallery, results, write_folder
from vidcl.report.build import build_report

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LABELS = [f"object-{k // 6}" for k in range(60)]


@pytest.fixture(scope="session")
def browser():
    """One browser for all tests; without playwright or Chromium they are skipped."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="pages are tested with playwright, which is not installed"
    )
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no Chromium to open a page in")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield opened
        opened.close()


@pytest.fixture
def look(browser):
    """Open a page; at the end it must have run without a complaint and asked for nothing."""
    contexts = []

    def opened(path, width=1280, scheme="light", script=True):
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            java_script_enabled=script,
        )
        page = context.new_page()
        page.complaints, page.asked = [], []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (page.complaints.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(path.as_uri())
        contexts.append((context, page, path.as_uri()))
        return page

    yield opened
    for context, page, own in contexts:
        assert page.complaints == []
        assert [url for url in page.asked if url != own and not url.startswith("data:")] == []
        context.close()


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A run with everything: two sets, four systems, galleries, a training log."""
    lines = [
        {"step": s, "loss": 7 - s / 100, "log_k1": 7.0, "knn": s / 500, "knn_chance": 0.1}
        | {"ris@10": 20 + s / 10, "whitened_cosine": s / 1000, "recall@1": s / 600}
        for s in range(0, 300, 10)
    ]
    shown = SYSTEMS[:3]
    return write_folder(
        tmp_path_factory.mktemp("page") / "demo",
        results(),
        [
            gallery("wild", shown, labels=LABELS, queries=range(3, 60)),
            gallery("viewpoint", shown, labels=LABELS, seed=1),
        ],
        [("moco", "training:\n  lr: 0.004\n", lines), ("other", "training:\n  lr: 0.1\n", lines)],
    )


@pytest.fixture(scope="session")
def page_path(folder):
    return build_report(folder)
