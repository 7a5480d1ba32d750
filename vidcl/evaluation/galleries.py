"""Retrieval galleries: some queries and what each system finds, as small pictures for the page.

``galleries.json`` holds every picture once, as base64 JPEG, and rows that refer to them.
"""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from vidcl.errors import VidclError
from vidcl.evaluation.images import ImageData, image_source
from vidcl.evaluation.retrieval.cross_view import right_answers
from vidcl.evaluation.retrieval.search import Backend, nearest
from vidcl.evaluation.table import table_column, table_features
from vidcl.files import write_atomic

THUMBNAIL = 80
QUALITY = 82


def build_gallery(
    name: str,
    tables: Mapping[str, pa.Table],
    data: ImageData,
    *,
    queries: int = 8,
    neighbours: int = 5,
    instance_column: str = "instance",
    position_column: str = "azimuth",
    min_gap: float = 45.0,
    circular: bool = True,
    protocol: str | None = None,
    backend: Backend = "auto",
    seed: int = 0,
) -> dict[str, Any]:
    """The same queries, of different instances, asked of every system.

    Args:
        name: of the set.
        tables: {system: embedding table of ``data``, row for row}.
        data: the images.
        position_column, min_gap, circular: as in ``cross_view_retrieval``; for tracks "position",
            0.5 and False.

    Returns:
        {"set", "protocol", "images": {row: base64 JPEG}, "systems": [{"name", "rows": [{"query",
        "label", "found": [{"image", "label", "right", "score"}]}]}]}.

    Raises:
        VidclError: a table and the images differ in number.
    """
    source = image_source(data)
    for system, table in tables.items():
        if len(table) != source.count:
            raise VidclError(
                f"The table of {system} has {len(table)} rows for {source.count} images of {name}: "
                f"embed this set again."
            )
    first = next(iter(tables.values()))
    instances = table_column(first, instance_column)
    has_positions = position_column in first.column_names
    positions = table_column(first, position_column) if has_positions else None
    answers = right_answers(instances, positions, min_gap, circular=circular)
    rows = _choose(instances, answers.queries, queries, seed)
    systems, used = [], set(rows.tolist())
    for system, table in tables.items():
        found, scores = nearest(
            table_features(table), rows, neighbours, answers.excluded, backend=backend
        )
        lines = []
        for row, hits, values in zip(rows, found, scores, strict=True):
            hits_in = [
                (int(hit), float(v)) for hit, v in zip(hits, values, strict=True) if hit >= 0
            ]
            used.update(hit for hit, _ in hits_in)
            lines.append(
                {
                    "query": str(row),
                    "label": str(instances[row]),
                    "found": [
                        {
                            "image": str(hit),
                            "label": str(instances[hit]),
                            "right": bool(instances[hit] == instances[row]),
                            "score": round(value, 4),
                        }
                        for hit, value in hits_in
                    ],
                }
            )
        systems.append({"name": system, "rows": lines})
    return {
        "set": name,
        "protocol": protocol or _protocol(answers.min_gap, circular),
        "images": {str(row): thumbnail(source.image(row)) for row in sorted(used)},
        "systems": systems,
    }


def write_galleries(galleries: Sequence[dict[str, Any]], run: str | Path) -> Path:
    """Write ``galleries.json`` into the run folder; the report reads it there."""
    path = Path(run) / "galleries.json"
    write_atomic(path, json.dumps({"galleries": list(galleries)}).encode())
    return path


def thumbnail(image: np.ndarray) -> str:
    """uint8 [H, W, 3] to a base64 JPEG of at most 80 px on its longer side."""
    picture = Image.fromarray(image)
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=QUALITY)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _choose(instances: np.ndarray, candidates: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Up to ``count`` queries, no instance twice."""
    order = np.random.default_rng(seed).permutation(candidates)
    _, first = np.unique(instances[order], return_index=True)
    return order[np.sort(first)[:count]]


def _protocol(min_gap: float, circular: bool) -> str:
    if min_gap == 0:
        return "all other images in the gallery"
    unit = "°" if circular else " of the track"
    return f"views of the same instance closer than {min_gap:g}{unit} are not in the gallery"
