"""Retrieval galleries: queries and what each system finds, with small pictures, for the page.

``galleries.json`` is {"version": 2, "galleries": [gallery, ...]}. A gallery holds every picture
once and refers to it by its position; scores are whole thousandths.

    {"set", "content_hash": hex or null, "protocol": one sentence, "format": "webp",
     "asked": queries before thinning,
     "rows": [row of the set, per picture], "images": [base64, per picture],
     "labels": [distinct label, ...], "label": [position in labels, per picture],
     "queries": [picture, per query],
     "systems": [{"name", "found": [[picture, ...] per query], "scores": [[1000 x cosine, ...]]}]}

A neighbour is right where it has its query's label.
"""

import base64
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from vidcl.errors import VidclError
from vidcl.evaluation.images import ImageData, image_source
from vidcl.evaluation.retrieval.cross_view import right_answers
from vidcl.evaluation.retrieval.search import Backend, nearest
from vidcl.evaluation.table import table_column, table_features, table_metadata
from vidcl.files import write_atomic

VERSION = 2
#: Pictures of one set that are kept by default.
MOST = 5000
#: Longer side of a picture in pixels, and its WebP quality: photographs take 1.4 kB on average.
THUMBNAIL, QUALITY = 96, 65
SCORE_STEPS = 1000

#: Per system: rows found, int [Q, K] with -1 for none, and their scores, float [Q, K].
Found = Mapping[str, tuple[np.ndarray, np.ndarray]]


def build_gallery(
    name: str,
    tables: Mapping[str, pa.Table],
    data: ImageData,
    *,
    queries: int | None = None,
    most: int = MOST,
    neighbours: int = 10,
    instance_column: str = "instance",
    position_column: str = "azimuth",
    polar_column: str = "polar",
    min_gap: float = 45.0,
    circular: bool = True,
    protocol: str | None = None,
    backend: Backend = "auto",
    seed: int = 0,
) -> dict[str, Any]:
    """The same queries asked of every system, by cross-view retrieval.

    Args:
        name: of the set.
        tables: {system: embedding table of ``data``, row for row}.
        data: the images.
        queries: None asks every image that has a right answer, thinned evenly to ``most`` pictures;
            a number asks so many, of different instances, drawn by ``seed``.
        position_column, polar_column, min_gap, circular: as in ``cross_view_retrieval``, where the
            table has these columns; for tracks "position", any, 0.5 and False.

    Returns:
        A gallery as at the top of this file.

    Raises:
        VidclError: a table and the images differ in number.
    """
    count = image_source(data).count
    for system, table in tables.items():
        if len(table) != count:
            raise VidclError(
                f"The table of {system} has {len(table)} rows for {count} images of {name}: "
                f"embed this set again."
            )
    first = next(iter(tables.values()))
    instances = table_column(first, instance_column)
    positions, polar = (
        table_column(first, column) if column in first.column_names else None
        for column in (position_column, polar_column)
    )
    answers = right_answers(instances, positions, min_gap, circular=circular, polar=polar)
    if queries is None:
        rows = answers.queries[np.sort(spread_order(len(answers.queries))[:most])]
    else:
        rows = _of_different_instances(instances, answers.queries, queries, seed)
    found = {
        system: nearest(table_features(table), rows, neighbours, answers.excluded, backend=backend)
        for system, table in tables.items()
    }
    gallery = pack_gallery(
        name,
        data,
        instances,
        rows,
        found,
        protocol=protocol or _protocol(answers.min_gap, circular),
        content_hash=table_metadata(first).get("content_hash"),
        most=most,
    )
    gallery["asked"] = len(answers.queries) if queries is None else len(rows)
    return gallery


def pack_gallery(
    name: str,
    data: ImageData,
    labels: np.ndarray,
    queries: np.ndarray,
    answers: Found,
    *,
    protocol: str,
    content_hash: str | None = None,
    most: int = MOST,
) -> dict[str, Any]:
    """A gallery of neighbours that were found elsewhere, with the pictures it needs.

    Args:
        labels: [N], per row of ``data``; a neighbour is right where it has the query's label.
        queries: int [Q], rows of ``data``; those without a right answer do not belong here.
        answers: what each system found, rows of ``data``, best first.
        most: pictures kept; queries beyond are left out evenly, and ``asked`` counts all.

    Raises:
        VidclError: a system has answers for another number of queries.
    """
    for system, (found, scores) in answers.items():
        if len(found) != len(queries) or found.shape != scores.shape:
            raise VidclError(
                f"{system} answers {len(found)} queries of {name}, not the {len(queries)} asked."
            )
    asked = len(queries)
    shown = [
        {int(row), *(int(hit) for found, _ in answers.values() for hit in found[q] if hit >= 0)}
        for q, row in enumerate(queries)
    ]
    kept = spread_within(shown, most)
    used = np.asarray(sorted(set().union(*(shown[q] for q in kept))), dtype=np.int64)
    names, label = np.unique(np.asarray(labels)[used].astype(str), return_inverse=True)
    source = image_source(data)
    return {
        "set": name,
        "content_hash": content_hash,
        "protocol": protocol,
        "format": "webp",
        "asked": asked,
        "rows": used.tolist(),
        "images": [thumbnail(source.image(int(row))) for row in used],
        "labels": names.tolist(),
        "label": label.tolist(),
        "queries": np.searchsorted(used, np.asarray(queries)[kept]).tolist(),
        "systems": [
            {"name": system, **_lines(found[kept], scores[kept], used)}
            for system, (found, scores) in answers.items()
        ],
    }


def write_galleries(galleries: Sequence[dict[str, Any]], run: str | Path) -> Path:
    """Write ``galleries.json`` into the run folder; the report reads it there."""
    path = Path(run) / "galleries.json"
    text = json.dumps({"version": VERSION, "galleries": list(galleries)}, separators=(",", ":"))
    write_atomic(path, text.encode())
    return path


def thumbnail(image: np.ndarray) -> str:
    """uint8 [H, W, 3] to a base64 WebP of at most 96 px on its longer side."""
    picture = Image.fromarray(image)
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    buffer = io.BytesIO()
    picture.save(buffer, format="WEBP", quality=QUALITY)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def spread_order(count: int) -> np.ndarray:
    """0..count-1 int64 [count] so ordered that every beginning of it is spread evenly.

    By reversed bits (van der Corput): a longer beginning holds every shorter one.
    """
    numbers = np.arange(count)
    bits = max(count - 1, 0).bit_length()
    reversed_bits = np.zeros(count, dtype=np.int64)
    for bit in range(bits):
        reversed_bits |= ((numbers >> bit) & 1) << (bits - 1 - bit)
    return np.argsort(reversed_bits, kind="stable")


def spread_within(
    shown: Sequence[Iterable[int]],
    most: int,
    weights: Sequence[int] | None = None,
    each: int = 0,
    heaviest: int | None = None,
) -> np.ndarray:
    """The queries, evenly thinned, whose pictures number at most ``most``; one at least.

    Args:
        shown: per query, the pictures it shows.
        weights: of each picture, where their sum, and ``each`` for every query, must not exceed
            ``heaviest`` either.

    Returns:
        Ascending int64 [queries kept].
    """
    used: set[int] = set()
    kept: list[int] = []
    weight = 0
    for query in spread_order(len(shown)):
        new = set(shown[query]) - used
        added = each + (sum(weights[k] for k in new) if weights is not None else 0)
        over = len(used) + len(new) > most or (heaviest is not None and weight + added > heaviest)
        if over and kept:
            break
        used |= new
        weight += added
        kept.append(int(query))
    return np.asarray(sorted(kept), dtype=np.int64)


def _lines(found: np.ndarray, scores: np.ndarray, used: np.ndarray) -> dict[str, Any]:
    """Rows of the set as positions among the pictures, and scores as whole thousandths."""
    lines: dict[str, list[list[int]]] = {"found": [], "scores": []}
    for hits, values in zip(found, scores, strict=True):
        there = hits >= 0
        lines["found"].append(np.searchsorted(used, hits[there]).tolist())
        lines["scores"].append(np.rint(SCORE_STEPS * values[there]).astype(int).tolist())
    return lines


def _of_different_instances(
    instances: np.ndarray, candidates: np.ndarray, count: int, seed: int
) -> np.ndarray:
    order = np.random.default_rng(seed).permutation(candidates)
    _, first = np.unique(instances[order], return_index=True)
    return order[np.sort(first)[:count]]


def _protocol(min_gap: float, circular: bool) -> str:
    if min_gap == 0:
        return "all other images in the gallery"
    unit = "°" if circular else " of the track"
    return f"views of the same instance closer than {min_gap:g}{unit} are not in the gallery"
