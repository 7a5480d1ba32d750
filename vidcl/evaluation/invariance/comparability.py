"""When two invariance scores may not be put side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

#: Fact -> what a difference in it does. The order is that of the warnings.
REASONS = {
    "ris_mode": "the two modes are different measures",
    "content_hash": "they were measured on different images",
    "labels_hash": "their rows or the rows' sets and classes differ",
    "images": "they were measured on different images",
    "sets": "they were measured on different sets",
    "set_size": "chance rises as sets get smaller",
    "classes": "the target firing rate and chance depend on the number of classes",
    "target_rate": "units fire on different shares of the images",
    "units": "chance rises with the width of the features",
}
WORDS = {
    "ris_mode": "mode",
    "content_hash": "content hash",
    "labels_hash": "labels",
    "set_size": "set sizes [min, median, max]",
    "target_rate": "target firing rate in per cent",
    "units": "feature width",
}


def comparability_warnings(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """One sentence for each fact in which scores differ that should not.

    Args:
        rows: per score its ``name`` and the facts that ``ris`` returns (``ris_mode``, ``images``,
            ``sets``, ``set_size``, ``classes``, ``target_rate``, ``units``), with ``content_hash``
            of the images and ``labels_hash`` of their sets and classes where they are known. Facts
            that a row lacks are not compared.

    Returns:
        Nothing where all scores may be compared.
    """
    warnings = []
    for fact, reason in REASONS.items():
        groups: dict[str, list[str]] = {}
        for row in rows:
            value = row.get(fact)
            if value is not None:
                groups.setdefault(_shown(fact, value), []).append(str(row["name"]))
        if len(groups) > 1:
            parts = "; ".join(f"{value}: {_listed(names)}" for value, names in groups.items())
            warnings.append(
                f"Scores of different {WORDS.get(fact, fact)} are not comparable, since {reason} "
                f"({parts})."
            )
    return warnings


def _shown(fact: str, value: Any) -> str:
    if fact.endswith("_hash"):
        return str(value)[:8]
    if isinstance(value, float):
        return f"{value:.4g}"
    return "[" + ", ".join(f"{v:g}" for v in value) + "]" if isinstance(value, list) else str(value)


def _listed(names: Sequence[str], most: int = 4) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
