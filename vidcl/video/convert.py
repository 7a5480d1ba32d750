"""Decoded frames to RGB arrays of the size asked for."""

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from vidcl.video.colour import Treatment, colour_names, refusal, treatment
from vidcl.video.errors import VideoError
from vidcl.video.hdr import Source, ToneMap
from vidcl.video.orientation import orientation_of, upright

#: swscale's bilinear filter widens with the shrinking, so it is antialiased.
_FILTER = int(Interpolation.BILINEAR)

#: 16-bit R, G, B for the tone map. In planes: packed 48 bits are up to 3 levels off by swscale's
#: fast tables, and wrong altogether with its flag for full chroma (FFmpeg 8).
_DEEP = "gbrp16le"

#: What swscale makes of the white of limited range in 16 bits.
_DEEP_WHITE = 65280

#: Formats of four bytes a pixel of which the last is its opacity.
_ALPHA_LAST = ("rgba", "bgra")

_BT2020 = 9  # H.273's number of the matrix


def fitted_size(
    width: int, height: int, max_side: int | None = None, short_side: int | None = None
) -> tuple[int, int]:
    """(width, height) of a picture shrunk to a longer or a shorter side; never enlarged."""
    if max_side is not None and max(width, height) > max_side:
        scale = max_side / max(width, height)
    elif short_side is not None and min(width, height) > short_side:
        scale = short_side / min(width, height)
    else:
        return width, height
    return max(1, round(width * scale)), max(1, round(height * scale))


class Converter:
    """Resize, RGB of BT.709 and rotation: one pass of swscale and at most one turn of the array.

    Matrix and range are those of the frame's tags; where it has none, BT.601 and limited range,
    as FFmpeg has it. High dynamic range and the primaries of BT.2020 are mapped to BT.709 after the
    resize (``hdr.ToneMap``). What is transparent shows black.

    Every picture of a stream comes out in one size, also where the coded size changes on the way:
    that of ``first``, or else of the first frame that is converted, shrunk as asked. A frame of
    another shape is stretched to it.

    Args:
        max_side: longer side of the output in pixels at most.
        short_side: shorter side of the output in pixels at most.
        first: (width, height) of the stream's first picture as it is shown, so that a read that
            begins in the middle gives the same size.

    Raises:
        ValueError: both sides are given, or one is not positive.
    """

    def __init__(
        self,
        max_side: int | None = None,
        short_side: int | None = None,
        *,
        first: tuple[int, int] | None = None,
    ) -> None:
        if max_side is not None and short_side is not None:
            raise ValueError("give max_side or short_side, not both")
        for side in (max_side, short_side):
            if side is not None and side < 1:
                raise ValueError(f"a side of {side} pixels is no picture; give 1 or more")
        self._max_side = max_side
        self._short_side = short_side
        self._size = None if first is None else fitted_size(*first, max_side, short_side)
        self._reformatter = VideoReformatter()
        self._ways: dict[tuple[object, ...], tuple[Treatment, bool]] = {}
        self._orientations: dict[int, tuple[int, bool]] = {}
        self._tone_maps: dict[tuple[Source, str, int], ToneMap] = {}

    def __call__(self, frame: VideoFrame) -> np.ndarray:
        """A frame as uint8 [H, W, 3] RGB, upright.

        Rows may lie apart in memory (swscale's lines are padded); what needs them in one piece
        calls ``np.ascontiguousarray``. A copy here would cost as much as a small conversion.

        Raises:
            VideoError: its colours cannot be honoured; kind ``hdr`` or ``unsupported``.
        """
        rotation, mirrored = self._orientation(frame)
        turned = rotation in (90, 270)
        if self._size is None:
            shown = (frame.height, frame.width) if turned else (frame.width, frame.height)
            self._size = fitted_size(*shown, self._max_side, self._short_side)
        width, height = self._size
        if turned:
            width, height = height, width
        return upright(self._pixels(frame, width, height), rotation, mirrored)

    def _orientation(self, frame: VideoFrame) -> tuple[int, bool]:
        """``orientation_of``, looked up by the angle that FFmpeg tells: a frame whose side data
        were looked at is in a reference cycle, and its pixels stay until those are collected."""
        angle = frame.rotation
        if angle not in self._orientations:
            self._orientations[angle] = orientation_of(frame)
        return self._orientations[angle]

    def _pixels(self, frame: VideoFrame, width: int, height: int) -> np.ndarray:
        # Asking for each frame anew what its tags mean costs as much as a small conversion.
        tags = (
            frame.format.name,
            frame.colorspace,
            frame.color_range,
            frame.color_trc,
            frame.color_primaries,
        )
        known = self._ways.get(tags)
        if known is None:
            known = self._ways[tags] = _way(frame)
        way, opaque = known
        if way != "plain":
            return self._mapped(frame, way, width, height)
        if not opaque:
            frame = _on_black(frame)
        picture = self._reformatter.reformat(
            frame, width, height, "rgb24", interpolation=_FILTER, threads=1
        )
        return picture.to_ndarray()

    def _mapped(self, frame: VideoFrame, way: Source, width: int, height: int) -> np.ndarray:
        space, value_range, _, primaries = colour_names(frame)
        full = value_range == "pc" or frame.format.is_rgb
        key = (way, primaries, 65535 if full else _DEEP_WHITE)
        tone_map = self._tone_maps.get(key)
        if tone_map is None:
            tone_map = self._tone_maps[key] = ToneMap(*key)
        matrix = _BT2020 if space == "unknown" else None
        picture = self._reformatter.reformat(
            frame,
            width,
            height,
            _DEEP,
            src_colorspace=matrix,
            interpolation=_FILTER,
            threads=1,
        )
        return tone_map(picture.to_ndarray())


def _way(frame: VideoFrame) -> tuple[Treatment, bool]:
    """How a frame is converted, and whether its format has no room for transparency."""
    refused = refusal(frame)
    if refused is not None:
        kind, words = refused
        raise VideoError(f"A frame cannot be shown: {words}.", kind)
    transparent = any(part.is_alpha for part in frame.format.components)
    return treatment(frame), not (frame.format.has_palette or transparent)


def _on_black(frame: VideoFrame) -> VideoFrame:
    """A frame with transparency over black, at its own size; itself where nothing shows through.

    Resizing first would mix the colours that are hidden into the edges.
    """
    if frame.format.name in _ALPHA_LAST:
        stored = frame.to_ndarray()
        if stored.strides[1:] == (4, 1) and stored.view("<u4").min() >= 0xFF000000:
            return frame
    layers = frame.reformat(format="rgba", threads=1).to_ndarray()
    opacity = layers[..., 3:].astype(np.uint16)
    if opacity.min() == 255:
        return frame
    image = ((layers[..., :3] * opacity + 127) // 255).astype(np.uint8)
    return VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
