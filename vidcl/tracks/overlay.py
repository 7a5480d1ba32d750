"""Draw boxes and their labels over a picture, in colours that stay apart for colour-blind eyes."""

import itertools
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Rectangle = tuple[float, float, float, float]

#: The bright colours of Okabe and Ito ("Color Universal Design", 2008), RGB.
PALETTE: tuple[Colour, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (213, 94, 0),
    (204, 121, 167),
    (0, 114, 178),
)
#: For what is not stored.
GREY: Colour = (150, 150, 150)

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


def track_colour(number: int) -> Colour:
    """RGB of a track, by its number: neighbouring numbers differ."""
    return PALETTE[number % len(PALETTE)]


@lru_cache(maxsize=8)
def font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Pillow's own font, about ``size`` pixels high."""
    return ImageFont.load_default(size)


def draw_boxes(
    image: np.ndarray,
    boxes: np.ndarray,
    labels: Sequence[str],
    colours: Sequence[Colour],
    *,
    thickness: int | Sequence[int] = 2,
    marked: Sequence[bool] | None = None,
    text_size: int = 13,
) -> np.ndarray:
    """A copy of a picture with boxes on it, uint8 [H, W, 3]; later boxes lie over earlier ones.

    Every line has a dark rim, so it shows on any ground. A label goes above its box, or where it
    neither leaves the picture nor covers an earlier label.

    Args:
        image: uint8 [H, W, 3], RGB.
        boxes: float [N, 4], xyxy in pixels of the picture; they may reach outside.
        labels: N texts; an empty one is not drawn.
        colours: N RGB colours, see ``track_colour``.
        thickness: pixels of the lines, one for all or N.
        marked: N; a filled square in the lower right corner where True.
        text_size: pixels.

    Raises:
        ValueError: the numbers of boxes, labels, colours, thicknesses and marks differ, or a box
            is not finite.
    """
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    widths = [thickness] * len(boxes) if isinstance(thickness, int) else list(thickness)
    marks = [False] * len(boxes) if marked is None else list(marked)
    if {len(labels), len(colours), len(widths), len(marks)} != {len(boxes)}:
        raise ValueError(
            f"{len(boxes)} boxes need as many labels ({len(labels)}), colours ({len(colours)}), "
            f"thicknesses ({len(widths)}) and marks ({len(marks)})"
        )
    if not np.isfinite(boxes).all():
        raise ValueError("boxes must be finite")
    picture = Image.fromarray(np.ascontiguousarray(image))
    draw = ImageDraw.Draw(picture)
    for box, colour, width, mark in zip(boxes, colours, widths, marks, strict=True):
        _outline(draw, _whole_pixels(box, picture.size), colour, width, mark)
    taken: list[Rectangle] = []
    for box, text, colour in zip(boxes, labels, colours, strict=True):
        if text:
            place = _free_place(draw, box, text, picture.size, taken, text_size)
            taken.append(place)
            _label(draw, place, text, colour, text_size)
    return np.asarray(picture)


def _whole_pixels(box: np.ndarray, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """First and last pixel of a box along x and y, at most a little outside the picture."""
    width, height = size
    near = np.clip(box, -8, np.array([width, height, width, height]) + 8)
    x0, y0, x1, y1 = (round(float(value)) for value in near)
    return x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)


def _outline(
    draw: ImageDraw.ImageDraw,
    box: tuple[int, int, int, int],
    colour: Colour,
    width: int,
    mark: bool,
) -> None:
    x0, y0, x1, y1 = box
    draw.rectangle((x0 - 1, y0 - 1, x1 + 1, y1 + 1), outline=_BLACK, width=width + 2)
    draw.rectangle(box, outline=colour, width=width)
    if mark:
        side = min(4 + 2 * width, x1 - x0, y1 - y0)
        draw.rectangle((x1 - side, y1 - side, x1, y1), fill=colour, outline=_BLACK)


def _free_place(
    draw: ImageDraw.ImageDraw,
    box: np.ndarray,
    text: str,
    size: tuple[int, int],
    taken: Sequence[Rectangle],
    text_size: int,
) -> Rectangle:
    """Where a label goes: above the box, inside it, below it, or the next free row from there."""
    x0, y0, _, y1 = (float(value) for value in box)
    width = draw.textlength(text, font(text_size)) + 6
    height = text_size + 4
    left = min(max(x0, 0.0), max(0.0, size[0] - width))
    lowest = max(0.0, size[1] - height)
    rows = itertools.chain.from_iterable(
        (y0 + k * height, y0 - k * height) for k in range(1, size[1] // height + 1)
    )
    places = (
        (left, top, left + width, top + height)
        for top in (min(max(y, 0.0), lowest) for y in (y0 - height, y0, y1, *rows))
    )
    first = next(places)
    return next(
        (p for p in itertools.chain([first], places) if not any(_overlap(p, t) for t in taken)),
        first,
    )


def _overlap(first: Rectangle, second: Rectangle) -> bool:
    across = min(first[2], second[2]) > max(first[0], second[0])
    return across and min(first[3], second[3]) > max(first[1], second[1])


def _label(
    draw: ImageDraw.ImageDraw, place: Rectangle, text: str, colour: Colour, text_size: int
) -> None:
    red, green, blue = colour
    ink = _BLACK if 0.299 * red + 0.587 * green + 0.114 * blue > 110 else _WHITE
    draw.rectangle(place, fill=colour)
    draw.text((place[0] + 3, place[1] + 1), text, ink, font(text_size))
