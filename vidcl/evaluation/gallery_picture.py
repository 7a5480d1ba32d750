"""A retrieval gallery as one PNG: a query per row, then what was found, framed right or wrong."""

import base64
import io
from collections.abc import Mapping
from typing import Any

from PIL import Image, ImageDraw

SIDE, GAP, FRAME = 80, 6, 3
PAPER, RIGHT, WRONG, QUERY = (250, 250, 248), (46, 140, 80), (200, 60, 50), (90, 90, 90)


def gallery_picture(gallery: Mapping[str, Any], system: int = 0) -> bytes:
    """One system's answers of a gallery made by ``build_gallery``, as the bytes of a PNG."""
    rows = gallery["systems"][system]["found"]
    columns = 1 + max((len(found) for found in rows), default=0)
    step = SIDE + GAP
    picture = Image.new("RGB", (GAP + columns * step + GAP, GAP + len(rows) * step), PAPER)
    draw = ImageDraw.Draw(picture)

    def place(image: int, row: int, column: int, colour: tuple[int, int, int]) -> None:
        # The answers stand a little apart from their query.
        left = GAP + column * step + (GAP if column else 0)
        top = GAP + row * step
        draw.rectangle((left, top, left + SIDE - 1, top + SIDE - 1), fill=colour)
        stored = Image.open(io.BytesIO(base64.b64decode(gallery["images"][image])))
        inner = SIDE - 2 * FRAME
        picture.paste(stored.resize((inner, inner)), (left + FRAME, top + FRAME))

    label = gallery["label"]
    for number, (query, found) in enumerate(zip(gallery["queries"], rows, strict=True)):
        place(query, number, 0, QUERY)
        for column, hit in enumerate(found, start=1):
            place(hit, number, column, RIGHT if label[hit] == label[query] else WRONG)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
