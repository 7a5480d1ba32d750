"""What the page shows of training runs: curves from metrics.jsonl, and the settings."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vidcl.errors import VidclError
from vidcl.report.charts import Role, Series, line_chart, thin
from vidcl.report.metrics import in_percent, metric_label, scale

#: How the names begin that callbacks give to what they measure, and how those end that go with one.
ONLINE = ("knn", "recall@", "map", "ris@", "whitened")
ASIDE = ("_chance", "_n", "_std")


@dataclass(frozen=True)
class TrainingRun:
    """One run folder: its log lines and its resolved configuration as text."""

    name: str
    place: str
    """The run folder relative to the folder reported on; "." for that folder itself."""
    lines: list[dict[str, Any]]
    config: str | None


def find_runs(folder: Path) -> list[TrainingRun]:
    """The folder itself where it is a run, and every run under ``runs/`` (two levels at most)."""
    places = [folder, *sorted((folder / "runs").glob("*")), *sorted((folder / "runs").glob("*/*"))]
    return [
        _read_run(place, folder)
        for place in places
        if (place / "metrics.jsonl").is_file() or (place / "config.yaml").is_file()
    ]


def measured_runs(runs: Sequence[TrainingRun], results: Mapping[str, Any]) -> list[TrainingRun]:
    """Those runs that a system of the results names as its own, under the system's name.

    All of them where the results name none: a study has a run per seed, and one per system is
    enough for a curve.
    """
    by_place = {run.place: run for run in runs}
    named = [
        replace(by_place[system["run"]], name=system["name"])
        for system in results["systems"]
        if system.get("run") in by_place
    ]
    return named or list(runs)


def training_charts(runs: Sequence[TrainingRun], accent: str | None) -> list[dict[str, Any]]:
    """Loss, throughput and whatever was measured while training, against the step, a line per run.

    Measured on the way is every number of the log whose name begins with one of ``ONLINE``; a level
    ``knn_chance`` or ``ris_chance@10`` that all lines of all runs share is drawn as chance.
    """
    roles: dict[str, Role] = {
        run.name: "accent" if run.name == accent or len(runs) == 1 else "trained" for run in runs
    }
    wanted = [
        ("Loss", "loss", "loss (nats)", False, "log_k1", 1.0),
        ("Throughput", "pairs_per_second", "pairs per second", True, "", 1.0),
        *(
            (
                metric_label(name),
                name,
                f"{metric_label(name)} (%)" if in_percent(name) else metric_label(name),
                False,
                name.replace("@", "_chance@") if "@" in name else f"{name}_chance",
                scale(name),
            )
            for name in online_fields(runs)
        ),
    ]
    charts = []
    for title, field, label, from_zero, level, by in wanted:
        lines = [
            Series(run.name, roles[run.name], thin([(x, by * y) for x, y in curve(run, field)]))
            for run in runs
        ]
        levels = {line[level] for run in runs for line in run.lines if _number(line.get(level))}
        chart = line_chart(
            lines,
            x_label="step",
            y_label=label,
            y_from_zero=from_zero,
            reference=(by * levels.pop(), "chance") if len(levels) == 1 else None,
        )
        if chart is not None:
            charts.append({"name": title, "chart": chart})
    return charts


def online_fields(runs: Sequence[TrainingRun]) -> list[str]:
    """The names in the logs that callbacks wrote, in order of first appearance."""
    names = dict.fromkeys(
        name
        for run in runs
        for line in run.lines
        for name, value in line.items()
        if name.startswith(ONLINE) and not name.endswith(ASIDE) and _number(value)
    )
    return list(names)


def curve(run: TrainingRun, field: str) -> list[tuple[float, float]]:
    """(step, value) of the lines that have a finite value of this field."""
    return [
        (float(line["step"]), float(line[field]))
        for line in run.lines
        if _number(line.get("step")) and _number(line.get(field))
    ]


def duration_text(seconds: float) -> str:
    """72.4 becomes "1 min 12 s"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _read_run(place: Path, root: Path) -> TrainingRun:
    config = place / "config.yaml"
    try:
        text = config.read_text(encoding="utf-8") if config.is_file() else None
    except (OSError, UnicodeDecodeError) as error:
        raise VidclError(f"Cannot read {config}: {error}.") from error
    name = place.relative_to(root / "runs").as_posix() if place != root else place.resolve().name
    return TrainingRun(
        name, place.relative_to(root).as_posix(), _read_lines(place / "metrics.jsonl"), text
    )


def _read_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON lines of a log; a last line cut short by a killed run is left out."""
    if not path.is_file():
        return []
    rows = path.read_text(encoding="utf-8", errors="replace").split("\n")
    lines = []
    for number, row in enumerate(rows):
        if not row.strip():
            continue
        try:
            value = json.loads(row)
        except ValueError as error:
            if number == len(rows) - 1:
                break
            raise VidclError(
                f"Line {number + 1} of {path} is not JSON ({error}): remove that line."
            ) from error
        if isinstance(value, dict):
            lines.append(value)
    return lines


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
