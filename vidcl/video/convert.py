"""Decoded frames to RGB arrays of the size asked for."""

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from vidcl.video.probe import rotation_of


class Converter:
    """Resize, RGB and rotation: one pass of swscale and at most one turn of the array."""

    def __init__(self, max_side: int | None) -> None:
        self._max_side = max_side
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> np.ndarray:
        width, height = frame.width, frame.height
        if self._max_side is not None and max(width, height) > self._max_side:
            scale = self._max_side / max(width, height)
            width, height = max(1, round(width * scale)), max(1, round(height * scale))
        picture = self._reformatter.reformat(frame, width, height, "rgb24", threads=1)
        image = picture.to_ndarray()
        turns = rotation_of(frame) // 90
        return np.ascontiguousarray(np.rot90(image, turns)) if turns else image
