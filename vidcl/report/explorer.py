"""The retrieval explorer's part of the page: data blocks, the script, and a view without script."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from vidcl.evaluation.galleries import spread_within

#: Pictures of one page, over all sets.
PICTURES = 5000
#: Characters of the explorer's data, so that a page stays under 25 MB whatever its pictures.
CHARACTERS = 20_000_000
#: Without a script: queries per set, neighbours of each, characters of pictures of all sets.
STATIC_QUERIES, STATIC_FOUND, STATIC_CHARACTERS = 4, 5, 1_600_000
#: Characters that one neighbour takes beside its picture: two numbers and two commas.
NEIGHBOUR = 9

Gallery = dict[str, Any]


@dataclass(frozen=True)
class Explorer:
    """What the template needs; ``script_hash`` is the CSP source of the inline script."""

    blocks: list[Markup]
    names: list[str]
    static: list[dict[str, Any]]
    script: Markup
    script_hash: str


def explorer(galleries: Sequence[Gallery], accent: str | None) -> Explorer | None:
    """The explorer of these galleries; None where no gallery has a query.

    Sets beyond ``PICTURES`` or ``CHARACTERS`` lose queries evenly, each the same share. A query is
    kept with all its neighbours.
    """
    galleries = [gallery for gallery in galleries if gallery["queries"]]
    if not galleries:
        return None
    pictures = sum(len(gallery["images"]) for gallery in galleries)
    weight = sum(_weight(gallery) for gallery in galleries)
    kept = [
        thinned(
            gallery,
            most=int(len(gallery["images"]) * min(1.0, PICTURES / pictures)),
            heaviest=int(_weight(gallery) * min(1.0, CHARACTERS / weight)),
        )
        for gallery in galleries
    ]
    script = (Path(__file__).parent / "explorer.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return Explorer(
        [Markup(json_block(_data(gallery, accent))) for gallery in kept],
        [str(gallery["set"]).replace("_", " ") for gallery in kept],
        _static(kept),
        Markup(script),
        f"sha256-{digest}",
    )


def thinned(gallery: Gallery, most: int, heaviest: int) -> Gallery:
    """A gallery with evenly fewer queries: at most ``most`` pictures, ``heaviest`` characters.

    Every query that is left keeps its neighbours, and their pictures.
    """
    systems = gallery["systems"]
    shown = [
        {query, *(hit for system in systems for hit in system["found"][q])}
        for q, query in enumerate(gallery["queries"])
    ]
    if len(gallery["images"]) <= most and _weight(gallery) <= heaviest:
        return gallery
    kept = spread_within(
        shown,
        most,
        weights=[len(image) for image in gallery["images"]],
        each=_neighbours(gallery) // len(shown),
        heaviest=heaviest,
    ).tolist()
    used = sorted(set().union(*(shown[q] for q in kept)))
    place = {picture: k for k, picture in enumerate(used)}
    return {
        **gallery,
        "rows": [gallery["rows"][picture] for picture in used],
        "images": [gallery["images"][picture] for picture in used],
        "label": [gallery["label"][picture] for picture in used],
        "queries": [place[gallery["queries"][q]] for q in kept],
        "systems": [
            {
                **system,
                "found": [[place[hit] for hit in system["found"][q]] for q in kept],
                "scores": [system["scores"][q] for q in kept],
            }
            for system in systems
        ],
    }


def json_block(data: Any) -> str:
    """JSON in ASCII that cannot end the ``script`` it stands in; U+2028 becomes an escape."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _data(gallery: Gallery, accent: str | None) -> Gallery:
    keys = ("protocol", "format", "asked", "rows", "images", "labels", "label", "queries")
    systems = [
        {
            "name": system["name"],
            "accent": system["name"] == accent,
            "found": system["found"],
            "scores": system["scores"],
        }
        for system in gallery["systems"]
    ]
    return {key: gallery[key] for key in keys} | {"systems": systems}


def _neighbours(gallery: Gallery) -> int:
    return NEIGHBOUR * sum(len(hits) for s in gallery["systems"] for hits in s["found"])


def _weight(gallery: Gallery) -> int:
    return sum(len(image) for image in gallery["images"]) + _neighbours(gallery)


def _static(galleries: Sequence[Gallery]) -> list[dict[str, Any]]:
    """Some queries of every set turned round, per query what each system found."""
    chosen = [_of_different_labels(gallery, STATIC_QUERIES) for gallery in galleries]
    turned = [
        [_turned(gallery, q) for q in queries]
        for gallery, queries in zip(galleries, chosen, strict=True)
    ]
    weight = sum(query["weight"] for queries in turned for query in queries)
    share = min(1.0, STATIC_CHARACTERS / max(weight, 1))
    return [
        {
            "set": str(gallery["set"]).replace("_", " "),
            "protocol": gallery["protocol"],
            "format": gallery["format"],
            "images": gallery["images"],
            "queries": queries[: max(1, int(share * len(queries)))],
            "asked": gallery["asked"],
        }
        for gallery, queries in zip(galleries, turned, strict=True)
    ]


def _of_different_labels(gallery: Gallery, count: int) -> list[int]:
    labels = [gallery["label"][query] for query in gallery["queries"]]
    order = np.random.default_rng(0).permutation(len(labels))
    _, first = np.unique(np.asarray(labels)[order], return_index=True)
    return [int(q) for q in order[np.sort(first)[:count]]]


def _turned(gallery: Gallery, q: int) -> dict[str, Any]:
    query, label = gallery["queries"][q], gallery["label"]
    systems = [
        {
            "name": system["name"],
            "found": [
                {
                    "image": hit,
                    "label": gallery["labels"][label[hit]],
                    "right": label[hit] == label[query],
                    "score": score / 1000,
                }
                for hit, score in list(zip(system["found"][q], system["scores"][q], strict=True))[
                    :STATIC_FOUND
                ]
            ],
        }
        for system in gallery["systems"]
    ]
    pictures = [query, *(hit["image"] for system in systems for hit in system["found"])]
    return {
        "image": query,
        "label": gallery["labels"][label[query]],
        "systems": systems,
        "weight": sum(len(gallery["images"][picture]) for picture in pictures),
    }
