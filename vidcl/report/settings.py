"""Settings on the page: as lines, and as a table of what differs between runs."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from vidcl.errors import VidclError
from vidcl.report.runs import TrainingRun


def flat_settings(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as (dotted name, text) lines."""
    lines: list[tuple[str, str]] = []
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            lines += flat_settings(value, f"{name}.")
        elif isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
            lines += flat_settings({str(k): part for k, part in enumerate(value)}, f"{name}.")
        elif isinstance(value, list):
            lines.append((name, ", ".join(str(part) for part in value)))
        else:
            lines.append((name, "–" if value is None else str(value)))
    return lines


def settings_diffs(columns: Sequence[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Settings side by side, a table for all sections that the same runs have.

    Args:
        columns: (name, nested settings) per run.

    Returns:
        Per table {"columns": [name, ...], "differing": [(dotted name, [text or None, ...]), ...],
        "same": ...}; rows in the order of their first appearance, None where a run lacks the name.
        Sections that one run alone has are in no table.
    """
    having: dict[str, list[int]] = {}
    for number, (_, settings) in enumerate(columns):
        for section in settings:
            having.setdefault(section, []).append(number)
    tables: dict[tuple[int, ...], list[str]] = {}
    for section, numbers in having.items():
        if len(numbers) > 1:
            tables.setdefault(tuple(numbers), []).append(section)
    return [_side_by_side([columns[k] for k in chosen], names) for chosen, names in tables.items()]


def _side_by_side(
    columns: Sequence[tuple[str, Mapping[str, Any]]], sections: Sequence[str]
) -> dict[str, Any]:
    flat = [
        dict(flat_settings({section: settings[section] for section in sections}))
        for _, settings in columns
    ]
    names = list(dict.fromkeys(name for column in flat for name in column))
    rows = [(name, [column.get(name) for column in flat]) for name in names]
    return {
        "columns": [name for name, _ in columns],
        "differing": [row for row in rows if len(set(row[1])) > 1],
        "same": [row for row in rows if len(set(row[1])) == 1],
    }


def training_settings(runs: Sequence[TrainingRun]) -> list[tuple[str, Mapping[str, Any]]]:
    """(name, configuration) of every run that has one.

    Raises:
        VidclError: a configuration is not YAML with named values.
    """
    found = []
    for run in runs:
        if run.config is None:
            continue
        try:
            settings = yaml.safe_load(run.config)
        except yaml.YAMLError as error:
            reason = " ".join(str(error).split())
            raise VidclError(
                f"The config.yaml of {run.name} is not YAML ({reason}): repair or remove it."
            ) from error
        if not isinstance(settings, Mapping):
            raise VidclError(f"The config.yaml of {run.name} names no settings: remove it.")
        found.append((run.name, settings))
    return found
