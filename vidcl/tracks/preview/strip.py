"""The crops kept so far: of every track on screen the first one and the newest."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from vidcl.tracks.crops import cut_replicated, resize_area
from vidcl.tracks.overlay import Colour, font, track_colour
from vidcl.tracks.preview.layout import CAPTION, Layout


@dataclass
class _Pair:
    slot: int
    first: np.ndarray
    newest: np.ndarray
    count: int = 1
    ended: str = ""
    last_index: int = 0


class Strip:
    """Pairs of crops below the frame, each in its place as long as its track is shown.

    Args:
        layout: of the canvas.
        linger: pictures for which a track that has ended is still shown.
    """

    def __init__(self, layout: Layout, linger: int) -> None:
        self._layout = layout
        self._linger = linger
        self._pairs: dict[int, _Pair] = {}

    def keep(self, number: int, image: np.ndarray, crop_box: np.ndarray, index: int) -> None:
        """A track keeps a crop: ``crop_box`` [4] in pixels of ``image``, uint8 [H, W, 3], in
        picture number ``index``. Without a free place it is not shown."""
        x0, y0, x1, y1 = (round(float(value)) for value in crop_box)
        cut = cut_replicated(image, (x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)))
        crop = resize_area(cut, self._layout.cell)
        if number in self._pairs:
            pair = self._pairs[number]
            pair.newest, pair.count = crop, pair.count + 1
        else:
            taken = {pair.slot for pair in self._pairs.values()}
            free = [slot for slot in range(self._layout.slots) if slot not in taken]
            if not free:
                return
            pair = self._pairs[number] = _Pair(free[0], crop, crop)
        pair.last_index = index

    def end(self, number: int, reason: str, index: int) -> None:
        """A track has ended in picture ``index``."""
        if number in self._pairs:
            self._pairs[number].ended, self._pairs[number].last_index = reason, index

    def clear(self) -> None:
        """Nothing is shown any more: a new shot begins."""
        self._pairs = {}

    def draw(self, canvas: Image.Image, index: int, ink: Colour, faint: Colour) -> None:
        """Draw the pairs of picture ``index``; those ended long before it give up their place."""
        self._pairs = {
            number: pair
            for number, pair in self._pairs.items()
            if not pair.ended or index <= pair.last_index + self._linger
        }
        draw = ImageDraw.Draw(canvas)
        cell = self._layout.cell
        for number, pair in self._pairs.items():
            x, y = self._layout.pair(pair.slot)
            crops = f"{pair.count} crop{'s' if pair.count > 1 else ''}"
            text = f"{number}  {crops}{f', {pair.ended}' if pair.ended else ''}"
            draw.text((x, y), text, faint if pair.ended else ink, font(12))
            for left, crop in ((x, pair.first), (x + cell, pair.newest)):
                canvas.paste(Image.fromarray(np.ascontiguousarray(crop)), (left, y + CAPTION))
            corners = (x, y + CAPTION, x + 2 * cell - 1, y + CAPTION + cell - 1)
            draw.rectangle(corners, outline=track_colour(number), width=2)
