"""Clusters of locations painted back on their images: a row per image, a column per layer."""

import colorsys
import io
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vidcl.errors import VidclError

SIDE, GAP, HEAD, LETTERS = 144, 6, 20, 12
PAPER, INK = (250, 250, 248), (40, 40, 40)
#: The first colours, far apart for most eyes (Okabe & Ito 2008, and two greys); then hues.
FIRST = (
    *((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233)),
    *((213, 94, 0), (240, 228, 66), (90, 90, 90), (200, 200, 200)),
)
_GOLDEN = 0.6180339887  # turn of the hue between two further colours


def cluster_colours(count: int) -> np.ndarray:
    """Colours of clusters 0, 1, ..., all different, uint8 [count, 3]; fewer are the first of
    more."""
    colours = list(FIRST)
    for number in range(count - len(FIRST)):
        light = (0.4, 0.6, 0.78)[number % 3]
        red, green, blue = colorsys.hls_to_rgb((number * _GOLDEN + 0.03) % 1, light, 0.7)
        colours.append((round(255 * red), round(255 * green), round(255 * blue)))
    return np.asarray(colours[:count], np.uint8).reshape(count, 3)


def painted(
    assignments: np.ndarray, side: int, *, image: np.ndarray | None = None, blend: float = 0.0
) -> np.ndarray:
    """One map of clusters as colours, each location enlarged to its share of the picture.

    Args:
        assignments: int [h, w] from 0.
        side: of the picture, in pixels.
        image: uint8 [H, W, 3] that shows through.
        blend: its share, from 0 (colours alone) to 1.

    Returns:
        uint8 [side, side, 3].

    Raises:
        VidclError: ``blend`` is outside [0, 1].
    """
    if not 0 <= blend <= 1:
        raise VidclError(f"Blend between 0 and 1 of the image in, not {blend}.")
    colours = cluster_colours(int(assignments.max()) + 1)[assignments]
    picture = Image.fromarray(colours).resize((side, side), Image.Resampling.NEAREST)
    if image is not None and blend:
        picture = Image.blend(picture, _enlarged(image, side), blend)
    return np.asarray(picture)


def cluster_picture(
    images: np.ndarray,
    columns: Mapping[str, np.ndarray],
    *,
    blend: float = 0.0,
    side: int = SIDE,
) -> bytes:
    """The images, and beside each its clusters by every layer.

    Colours are by number: they mean the same down a column and nothing across columns.

    Args:
        images: uint8 [N, S, S, 3].
        columns: heading -> int [N, h, w].
        blend: share of the image that shows through the colours, in [0, 1].
        side: of every picture, in pixels.

    Returns:
        PNG; the same bytes for the same arguments.

    Raises:
        VidclError: there are no images, or a column has another number of them.
    """
    counts = {len(images), *(len(column) for column in columns.values())}
    if len(counts) > 1 or not len(images):
        raise VidclError("Give at least one image, and every column a map for each.")
    step = side + GAP
    width = GAP + (1 + len(columns)) * step
    sheet = Image.new("RGB", (width, HEAD + GAP + len(images) * step), PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(LETTERS)
    for place, title in enumerate(("image", *columns)):
        draw.text((GAP + place * step, GAP), _fitting(title, font, side), fill=INK, font=font)
    for row, image in enumerate(images):
        top = HEAD + GAP + row * step
        sheet.paste(_enlarged(image, side), (GAP, top))
        for place, assignments in enumerate(columns.values(), start=1):
            colours = painted(assignments[row], side, image=image, blend=blend)
            sheet.paste(Image.fromarray(colours), (GAP + place * step, top))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def _enlarged(image: np.ndarray, side: int) -> Image.Image:
    # Small images keep their pixels visible, large ones are shrunk smoothly.
    small = max(image.shape[:2]) <= side
    how = Image.Resampling.NEAREST if small else Image.Resampling.LANCZOS
    return Image.fromarray(image).resize((side, side), how)


def _fitting(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """The text, cut with an ellipsis where it is wider than its column."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"
