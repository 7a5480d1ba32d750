"""Build the page: one file about one run folder or several, readable without a network."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from vidcl.files import write_atomic
from vidcl.report import bars, curves, details, tables
from vidcl.report.explorer import explorer
from vidcl.report.figures import EmbeddedFigure
from vidcl.report.merge import Merged, merge
from vidcl.report.metrics import detail_metrics, headline_metrics, metric_label
from vidcl.report.runs import duration_text, training_charts
from vidcl.report.settings import flat_settings, settings_diffs, training_settings
from vidcl.report.sources import Source, open_sources
from vidcl.version import __version__


def build_report(runs: str | Path | Sequence[str | Path], out: str | Path | None = None) -> Path:
    """Write one page about what lies in one run folder or several, and return its path.

    Args:
        runs: folders with, where they are, ``results.json``, ``galleries.json``,
            ``figures/figures.json``, ``metrics.jsonl`` and ``config.yaml``, the last two also of
            every folder under ``runs/``. Nothing in them is trusted: all text is escaped.
        out: the file; by default ``report.html`` in the folder, of several in the working folder.

    Raises:
        VidclError: a folder is missing or holds none of them, or one is damaged.
    """
    folders = [Path(runs)] if isinstance(runs, str | Path) else [Path(run) for run in runs]
    sources = open_sources(folders)
    if out is None:
        one = folders[0].parent if folders[0].name == "results.json" else folders[0]
        out = one / "report.html" if len(folders) == 1 else Path("report.html")
    merged = merge(sources)
    accent = tables.headline(merged.results) if merged.results else None
    page: dict[str, Any] = {
        "title": _title(sources, merged),
        "version": __version__,
        "store": (merged.results or {}).get("store"),
        "several": len(sources) > 1,
        "accent": accent,
        "warnings": merged.warnings,
        "explorer": explorer(merged.galleries, accent),
        **_figures(sources),
        "training": training_charts(merged.runs, accent),
        "timings": _all_timings(sources),
        **_settings(sources, merged),
        **_measured(merged.results, accent),
    }
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"breakable": _breakable, "dotted": _dotted}
    text = environment.get_template("page.html.j2").render(page)
    write_atomic(Path(out), text.encode("utf-8"))
    return Path(out)


def _title(sources: Sequence[Source], merged: Merged) -> str:
    if len(sources) == 1:
        return (merged.results or {}).get("title") or f"Run {sources[0].name}"
    names = [source.name for source in sources]
    shown = names if len(names) <= 4 else [*names[:3], f"{len(names) - 3} more"]
    return f"Runs {', '.join(shown[:-1])} and {shown[-1]}"


def _measured(results: dict[str, Any] | None, accent: str | None) -> dict[str, Any]:
    """The parts of the page that come from results.json; empty without one."""
    names = tables.set_names(results) if results else []
    if results is None or not names:
        none = ("summary", "main_table", "main_set", "main_facts", "chance")
        empty = ("matrices", "invariance", "gaps", "gap_tables", "factors", "parts", "probes")
        more = ("track_table", "detail_tables", "comparisons")
        return dict.fromkeys(none) | {name: [] for name in empty + more}
    metrics, further = headline_metrics(results), detail_metrics(results)
    across = {name: tables.metric_matrix(results, name, accent) for name in metrics}
    ris = next((name for name in metrics if name.startswith("ris@")), None)
    every = metrics + further
    shown = [name for name in (ris, "whitened_cosine") if name in every]
    detailed = [
        (name, tables.set_table(results, name, every, accent, intervals=True)) for name in names
    ]
    main = next((name for name, table in detailed if table is not None), names[0])
    return {
        "summary": tables.summary(results, accent),
        "chance": tables.chance_rows(results),
        "main_set": main.replace("_", " "),
        "main_table": tables.set_table(results, main, metrics, accent),
        "main_facts": tables.set_facts(results, main),
        "track_table": [
            {
                "name": name.replace("_", " "),
                "table": tables.set_table(results, name, metrics, accent),
                "facts": tables.set_facts(results, name),
            }
            for name in names
            if name != main and tables.is_track_set(name)
        ],
        "matrices": [
            {"label": metric_label(name), "table": table}
            for name, table in across.items()
            if table is not None
        ],
        "detail_tables": [
            {
                "name": name.replace("_", " "),
                "table": table,
                "facts": tables.set_facts(results, name),
            }
            for name, table in detailed
            if table is not None
        ],
        "invariance": [
            {"label": metric_label(name), "panels": bars.invariance_bars(results, accent, name)}
            for name in shown
            if name is not None
        ],
        "parts": details.ris_parts(results),
        "comparisons": details.comparison_tables(results),
        "gaps": curves.gap_charts(results, accent),
        "gap_tables": details.gap_tables(results, accent),
        "factors": curves.factor_groups(results, accent),
        "probes": details.probe_tables(results, accent),
    }


def _figures(sources: Sequence[Source]) -> dict[str, Any]:
    figures: dict[str, list[tuple[str, EmbeddedFigure]]] = {"tracks": [], "pairs": [], "others": []}
    for source in sources:
        for figure in source.figures:
            caption = f"{source.name}: {figure.caption}" if len(sources) > 1 else figure.caption
            section = figure.section if figure.section in figures else "others"
            figures[section].append((caption, figure))
    return dict(figures)


def _settings(sources: Sequence[Source], merged: Merged) -> dict[str, Any]:
    """Settings of one run as lines; of several side by side, what differs first."""
    measured: list[tuple[str, Mapping[str, Any]]] = [
        (source.name, source.results["settings"])
        for source in sources
        if source.results is not None and source.results.get("settings")
    ]
    compared = (("Training", training_settings(merged.runs)), ("Measurement", measured))
    diffs = [
        {"name": name, "diff": diff}
        for name, columns in compared
        for diff in settings_diffs(columns)
    ]
    return {
        "diffs": diffs,
        "settings": [(name, flat_settings(settings)) for name, settings in measured],
        "configs": [(run.name, run.config) for run in merged.runs if run.config],
    }


def _all_timings(sources: Sequence[Source]) -> list[dict[str, Any]]:
    """Per run that tells them, how long each part took."""
    told = [(source.name, (source.results or {}).get("timings") or {}) for source in sources]
    return [{"name": name, "bars": _timings(timings)} for name, timings in told if timings]


def _timings(timings: Mapping[str, float]) -> list[dict[str, Any]]:
    longest = max(timings.values(), default=0.0) or 1.0
    return [
        {
            "name": name.replace("_", " "),
            "text": duration_text(value),
            "share": 100 * value / longest,
        }
        for name, value in timings.items()
    ]


def _breakable(name: str) -> Markup:
    """A name, escaped, that may wrap after its underscores and slashes."""
    return Markup("<wbr>").join(escape(part) for part in re.findall(r"[^_/]*[_/]|[^_/]+", name))


def _dotted(name: str) -> Markup:
    """The dotted name of a setting, escaped, that may wrap after its dots and underscores."""
    return Markup(".<wbr>").join(_breakable(part) for part in name.split("."))
