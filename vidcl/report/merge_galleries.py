"""Galleries of several folders as one, so that the explorer shows their systems side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from vidcl.report.sources import Source


def join_galleries(
    sources: Sequence[Source],
    sets: Sequence[Mapping[str, str]],
    systems: Sequence[Mapping[str, str]],
) -> tuple[list[dict[str, Any]], list[str]]:
    """Galleries of one set and one protocol together, on the queries that all of them asked.

    Args:
        sets, systems: per source, {name in its folder: name on the page}.

    Returns:
        The galleries, and a sentence about each that could not be joined.
    """
    joined: list[dict[str, Any]] = []
    warnings = []
    for number, source in enumerate(sources):
        for stored in source.galleries:
            name = sets[number].get(stored["set"], stored["set"])
            renamed = [
                {**system, "name": systems[number].get(system["name"], system["name"])}
                for system in stored["systems"]
            ]
            gallery = {**stored, "set": name, "systems": renamed}
            fitting = [
                k
                for k, other in enumerate(joined)
                if other["set"] == name
                and other["content_hash"] == gallery["content_hash"] is not None
                and other["protocol"] == gallery["protocol"]
            ]
            both = _joined(joined[fitting[0]], gallery) if fitting else None
            if both is not None:
                joined[fitting[0]] = both
                continue
            if any(other["set"] == name for other in joined):
                gallery["set"] = f"{name} ({source.name})"
                warnings.append(
                    f"What {source.name} found on “{name}” is shown apart: another run asked other "
                    f"queries, or by another protocol."
                )
            joined.append(gallery)
    return joined, warnings


def _joined(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any] | None:
    """Both galleries on the queries they share; None where they share none."""
    asked = [[g["rows"][query] for query in g["queries"]] for g in (first, second)]
    shared = sorted(set(asked[0]) & set(asked[1]))
    if not shared:
        return None
    place = {row: k for k, row in enumerate(sorted({*first["rows"], *second["rows"]}))}
    images, texts = [""] * len(place), [""] * len(place)
    systems: list[dict[str, Any]] = []
    for gallery, rows in zip((first, second), asked, strict=True):
        for row, image, label in zip(
            gallery["rows"], gallery["images"], gallery["label"], strict=True
        ):
            images[place[row]], texts[place[row]] = image, gallery["labels"][label]
        at = {row: k for k, row in enumerate(rows)}
        for system in gallery["systems"]:
            if system["name"] in {other["name"] for other in systems}:
                continue
            found = [system["found"][at[row]] for row in shared]
            systems.append(
                {
                    "name": system["name"],
                    "found": [[place[gallery["rows"][hit]] for hit in hits] for hits in found],
                    "scores": [system["scores"][at[row]] for row in shared],
                }
            )
    labels = sorted(set(texts))
    number = {text: k for k, text in enumerate(labels)}
    return {
        **first,
        "asked": max(first["asked"], second["asked"]),
        "rows": list(place),
        "images": images,
        "labels": labels,
        "label": [number[text] for text in texts],
        "queries": [place[row] for row in shared],
        "systems": systems,
    }
