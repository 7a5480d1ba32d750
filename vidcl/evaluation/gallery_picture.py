"""A retrieval gallery as one PNG: a query per row, then what was found, framed right or wrong."""

import base64
import io
from collections.abc import Mapping
from typing import Any

from PIL import Image, ImageDraw

SIDE, GAP, FRAME = 80, 6, 3
PAPER, RIGHT, WRONG, QUERY = (250, 250, 248), (46, 140, 80), (200, 60, 50), (90, 90, 90)


def gallery_picture(gallery: Mapping[str, Any], system: int = 0) -> bytes:
    """One system's rows of a gallery made by ``build_gallery``, as the bytes of a PNG."""
    rows = gallery["systems"][system]["rows"]
    columns = 1 + max(len(row["found"]) for row in rows)
    step = SIDE + GAP
    picture = Image.new("RGB", (GAP + columns * step + GAP, GAP + len(rows) * step), PAPER)
    draw = ImageDraw.Draw(picture)

    def place(name: str, row: int, column: int, colour: tuple[int, int, int]) -> None:
        # The answers stand a little apart from their query.
        left = GAP + column * step + (GAP if column else 0)
        top = GAP + row * step
        draw.rectangle((left, top, left + SIDE - 1, top + SIDE - 1), fill=colour)
        image = Image.open(io.BytesIO(base64.b64decode(gallery["images"][name])))
        inner = SIDE - 2 * FRAME
        picture.paste(image.resize((inner, inner)), (left + FRAME, top + FRAME))

    for number, row in enumerate(rows):
        place(row["query"], number, 0, QUERY)
        for column, found in enumerate(row["found"], start=1):
            place(found["image"], number, column, RIGHT if found["right"] else WRONG)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
