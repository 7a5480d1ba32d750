"""The pictures of the overlay, one per followed frame."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from PIL import Image, ImageDraw

from vidcl.tracks.overlay import GREY, Colour, draw_boxes, font, track_colour
from vidcl.tracks.preview.follower import Piece
from vidcl.tracks.preview.layout import HEAD, Layout
from vidcl.tracks.preview.strip import Strip
from vidcl.tracks.preview.traces import Trace
from vidcl.video.frames import Frame

_PAPER, _INK, _FAINT = (24, 24, 24), (235, 235, 235), (150, 150, 150)
_FLASH: Colour = (213, 94, 0)
#: After these nothing goes on where it was, so no trace of the track stays on screen.
_ALL_END = ("cut", "end", "damage")


class Painter:
    """Draws pieces one after the other.

    Args:
        title: name of the video.
        layout: of the canvas.
        source: width and height of the video, the pixels in which boxes are given.
        linger: pictures for which the reason of an end stays, and a third of which a cut flashes.
    """

    def __init__(self, title: str, layout: Layout, source: tuple[int, int], linger: int) -> None:
        self._title = title
        self._layout = layout
        self._source = source
        self._linger = linger

    def __call__(
        self, frames: Iterable[Frame], piece: Piece, first_shot: int
    ) -> Iterator[np.ndarray]:
        """Yield one picture per frame, uint8 [H, W, 3] RGB, all of one size.

        Args:
            frames: the frames that ``piece`` was followed on.
            first_shot: number of the piece's first shot.
        """
        strip = Strip(self._layout, self._linger)
        steps = _steps_by_frame(piece.traces)
        ended = _ended_by_frame(piece.traces)
        index, since_cut = -1, self._linger
        for frame in frames:
            if frame.corrupt:
                yield self._canvas(
                    self._fit(frame.image), f"{frame.time:.2f} s   damaged frame", False
                )
                continue
            index += 1
            since_cut += 1
            if index > 0 and piece.shots[index] != piece.shots[index - 1]:
                since_cut = 0
                strip.clear()
            now = steps[index]
            self._feed(strip, frame.image, now, index)
            ghosts = [
                trace
                for before in range(max(0, index - self._linger), index)
                if piece.shots[before] == piece.shots[index]
                for trace in ended[before]
                if trace.end_reason not in _ALL_END
            ]
            image = self._boxes(frame.image, now, ghosts)
            stored = sum(trace.number is not None for trace, _ in now)
            shot = first_shot + int(piece.shots[index])
            flash = since_cut <= self._linger // 3
            text = (
                f"{frame.time:.2f} s   shot {shot}{' (cut)' if flash else ''}   "
                f"stored {stored}, too short {len(now) - stored}"
            )
            yield self._canvas(image, text, flash, strip, index)

    def _feed(
        self, strip: Strip, image: np.ndarray, now: list[tuple[Trace, int]], index: int
    ) -> None:
        scale = np.tile(np.array(image.shape[1::-1]) / self._source, 2)
        for trace, step in now:
            if trace.number is None:
                continue
            if trace.kept[step]:
                strip.keep(trace.number, image, trace.crop_boxes[step] * scale, index)
            if step == len(trace.frames) - 1:
                strip.end(trace.number, trace.end_reason, index)

    def _boxes(
        self, image: np.ndarray, now: list[tuple[Trace, int]], ghosts: list[Trace]
    ) -> np.ndarray:
        """The frame at its drawn size with the boxes on it: what is stored lies above."""
        now = sorted(now, key=lambda pair: pair[0].number is not None)
        gone = [(trace, len(trace.frames) - 1) for trace in ghosts]
        kept = [False] * len(gone) + [bool(trace.kept[step]) for trace, step in now]
        stored = [False] * len(gone) + [trace.number is not None for trace, _ in now]
        boxes = np.array([trace.boxes[step] for trace, step in gone + now]).reshape(-1, 4)
        colours = [
            GREY if trace.number is None else track_colour(trace.number) for trace, _ in gone + now
        ]
        return draw_boxes(
            self._fit(image),
            boxes * np.tile(np.array(self._layout.frame) / self._source, 2),
            [_last_words(trace) for trace in ghosts] + [_label(*pair) for pair in now],
            colours,
            thickness=[1 + is_stored + mark for is_stored, mark in zip(stored, kept, strict=True)],
            marked=kept,
        )

    def _fit(self, image: np.ndarray) -> np.ndarray:
        """The frame at its drawn size."""
        if image.shape[1::-1] == self._layout.frame:
            return image
        shrinks = self._layout.frame[0] < image.shape[1]
        mode = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return cv2.resize(image, self._layout.frame, interpolation=mode)

    def _canvas(
        self,
        image: np.ndarray,
        text: str,
        flash: bool,
        strip: Strip | None = None,
        index: int = 0,
    ) -> np.ndarray:
        layout = self._layout
        width, height = layout.frame
        canvas = Image.new("RGB", layout.canvas, _PAPER)
        canvas.paste(Image.fromarray(image), (layout.left, HEAD))
        draw = ImageDraw.Draw(canvas)
        draw.text((6, 4), text, _INK, font(13))
        room = layout.canvas[0] - 12 - draw.textlength(text, font(13)) - 12
        if draw.textlength(self._title, font(13)) <= room:
            draw.text((layout.canvas[0] - 6, 4), self._title, _FAINT, font(13), anchor="ra")
        if flash:
            corners = (layout.left, HEAD, layout.left + width - 1, HEAD + height - 1)
            draw.rectangle(corners, outline=_FLASH, width=6)
        if strip is not None:
            strip.draw(canvas, index, _INK, _FAINT)
        return np.asarray(canvas)


def _steps_by_frame(traces: list[Trace]) -> dict[int, list[tuple[Trace, int]]]:
    """Index of a frame -> the traces in it, each with its step there."""
    found: dict[int, list[tuple[Trace, int]]] = defaultdict(list)
    for trace in traces:
        for step, frame in enumerate(trace.frames):
            found[int(frame)].append((trace, step))
    return found


def _ended_by_frame(traces: list[Trace]) -> dict[int, list[Trace]]:
    """Index of a frame -> the traces for which it was the last."""
    found: dict[int, list[Trace]] = defaultdict(list)
    for trace in traces:
        found[int(trace.frames[-1])].append(trace)
    return found


def _label(trace: Trace, step: int) -> str:
    if trace.number is None:
        return ""
    name = "" if trace.stored is None else trace.stored.track.label
    words = f"{trace.number}{f' {name}' if name else ''} · {trace.scores[step]:.2f}"
    is_last = step == len(trace.frames) - 1
    return f"{words} · ends: {trace.end_reason}" if is_last else words


def _last_words(trace: Trace) -> str:
    if trace.number is None:
        return f"too short, {trace.end_reason}"
    return f"{trace.number} ended: {trace.end_reason}"
