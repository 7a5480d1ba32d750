"""Build report.html: one file about a run or a folder of runs, readable without a network."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from vidcl.errors import VidclError
from vidcl.evaluation.results import metric_label, metric_names, read_results
from vidcl.files import write_atomic
from vidcl.report import tables
from vidcl.report.figures import load_figures
from vidcl.report.runs import (
    duration_text,
    find_runs,
    flat_settings,
    measured_runs,
    training_charts,
)
from vidcl.version import __version__

# Base64 characters of gallery pictures on one page: it stays small enough to send.
PICTURE_BUDGET = 1_600_000


def build_report(run: str | Path) -> Path:
    """Write ``run/report.html`` from what lies in the folder, and return its path.

    Reads, where they are: ``results.json``, ``galleries.json``, ``figures/figures.json``,
    ``metrics.jsonl`` and ``config.yaml``, the last two also of every folder under ``runs/``.
    Nothing in them is trusted: all text is escaped.

    Raises:
        VidclError: the folder is missing or holds none of them, or one is damaged.
    """
    run = Path(run)
    if not run.is_dir():
        raise VidclError(
            f"There is no run folder at {run}: give one that vidcl train or demo wrote."
        )
    results = read_results(run / "results.json") if (run / "results.json").is_file() else None
    runs = find_runs(run)
    if results is not None:
        runs = measured_runs(runs, results)
    galleries = _galleries(run / "galleries.json")
    figures = load_figures(run)
    if results is None and not runs and not galleries and not figures:
        raise VidclError(
            f"{run} holds no results.json, metrics.jsonl or config.yaml to report on: give a "
            f"folder that vidcl train, evaluate or demo wrote."
        )
    accent = tables.headline(results) if results else None
    page: dict[str, Any] = {
        "title": (results or {}).get("title") or f"Run {run.resolve().name}",
        "version": __version__,
        "store": (results or {}).get("store"),
        "accent": accent,
        "chance": tables.chance_name(results) if results else None,
        "galleries": galleries,
        "tracks": [figure for figure in figures if figure.section == "tracks"],
        "pairs": [figure for figure in figures if figure.section == "pairs"],
        "others": [f for f in figures if f.section not in ("tracks", "pairs")],
        "training": training_charts(runs, accent),
        "configs": [(item.name, item.config) for item in runs if item.config],
        **_measured(results, accent),
    }
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    text = environment.get_template("page.html.j2").render(page)
    write_atomic(run / "report.html", text.encode("utf-8"))
    return run / "report.html"


def _measured(results: dict[str, Any] | None, accent: str | None) -> dict[str, Any]:
    """The parts of the page that come from results.json; empty without one."""
    names = tables.set_names(results) if results else []
    if results is None or not names:
        empty = ("summary", "main_table", "main_set", "main_facts", "ris_label")
        none = ("matrices", "bars", "gaps", "timings", "settings", "track_table")
        return dict.fromkeys(empty) | {name: [] for name in none}
    metrics = metric_names(results)
    across = {name: tables.metric_matrix(results, name, accent) for name in metrics}
    matrices = [
        {"label": metric_label(name), "table": table}
        for name, table in across.items()
        if table is not None
    ]
    ris = next((name for name in metrics if name.startswith("ris@")), None)
    return {
        "summary": tables.summary(results, accent),
        "main_set": names[0].replace("_", " "),
        "main_table": tables.set_table(results, names[0], accent),
        "main_facts": tables.set_facts(results, names[0]),
        "track_table": [
            {
                "name": name.replace("_", " "),
                "table": tables.set_table(results, name, accent),
                "facts": tables.set_facts(results, name),
            }
            for name in names[1:]
            if tables.is_track_set(name)
        ],
        "matrices": matrices,
        "ris_label": metric_label(ris) if ris else None,
        "bars": tables.invariance_bars(results, accent, ris) if ris else [],
        "gaps": tables.gap_charts(results, accent),
        "timings": _timings(results.get("timings") or {}),
        "settings": flat_settings(results.get("settings") or {}),
    }


def _breakable(name: str) -> Markup:
    """A name, escaped, that may wrap after its underscores."""
    return Markup("_<wbr>").join(escape(part) for part in name.split("_"))


def _timings(timings: dict[str, float]) -> list[dict[str, Any]]:
    longest = max(timings.values(), default=0.0) or 1.0
    return [
        {
            "name": name.replace("_", " "),
            "text": duration_text(value),
            "share": 100 * value / longest,
        }
        for name, value in timings.items()
    ]


def _galleries(path: Path) -> list[dict[str, Any]]:
    """The galleries turned round: per query, what each system found.

    Queries beyond ``PICTURE_BUDGET`` are left out, every gallery losing the same share.
    """
    if not path.is_file():
        return []
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))["galleries"]
        turned = [_by_query(gallery) for gallery in stored]
        weight = sum(query["weight"] for gallery in turned for query in gallery["queries"])
        share = min(1.0, PICTURE_BUDGET / max(weight, 1))
        for gallery in turned:
            gallery["asked"] = len(gallery["queries"])
            gallery["queries"] = gallery["queries"][: max(1, int(share * gallery["asked"]))]
        return turned
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise VidclError(f"{path} is not a file of galleries ({error}): delete it.") from error


def _by_query(gallery: dict[str, Any]) -> dict[str, Any]:
    images, queries = gallery["images"], []
    for rows in zip(*(system["rows"] for system in gallery["systems"]), strict=True):
        shown = [rows[0]["query"], *(hit["image"] for row in rows for hit in row["found"])]
        queries.append(
            {
                "query": rows[0]["query"],
                "label": rows[0]["label"],
                "weight": sum(len(images[name]) for name in shown),
                "systems": [
                    {"name": system["name"], "found": row["found"]}
                    for system, row in zip(gallery["systems"], rows, strict=True)
                ],
            }
        )
    return {
        "set": str(gallery["set"]).replace("_", " "),
        "protocol": gallery["protocol"],
        "images": images,
        "queries": queries,
    }
