"""decord 0.6 behind the interface of the reference."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vidcl.errors import require
from vidcl.video.backends.indexed import IndexedReader, check_first, with_backend
from vidcl.video.backends.packets import PacketScan, scan_packets
from vidcl.video.backends.trust import common_doubt, refused
from vidcl.video.convert import fitted_size
from vidcl.video.info import VideoInfo
from vidcl.video.open import backend_version
from vidcl.video.probe import probe

#: Codecs that its FFmpeg of 2021 does not decode.
_UNKNOWN_CODECS = ("av1", "libdav1d", "libaom-av1", "vvc")

#: Share of frames that decord may replace by others before it says so: none.
_FAULT_TOLERANCE = 1e-9


def open_decord(
    path: str | Path, *, max_side: int | None = None, short_side: int | None = None
) -> IndexedReader:
    """A reader that decodes with decord, on one thread.

    Args:
        path: the file.
        max_side, short_side: longer or shorter side of the frames in pixels at most.

    Raises:
        VideoError: the file cannot be opened, or decord would give other frames than the
            reference (kind ``refused``).
        VidclError: decord is not installed.
    """
    decord = require("decord", "vidcl[decord]")
    info = with_backend(probe(path), backend_version("decord"))
    scan = scan_packets(path)
    doubt = common_doubt(info, scan) or _doubt(info, scan)
    if doubt is not None:
        raise refused(path, "decord", doubt)
    check_first(path, info, scan)
    decord.logging.set_level(decord.logging.QUIET)
    width, height = fitted_size(info.width, info.height, max_side, short_side)
    # Its rows are padded to a multiple of 32 pixels, and it takes their length over the width,
    # rounded down, for the number of channels.
    if -(-width // 32) * 32 * 3 // width != 3:
        raise refused(path, "decord", f"it breaks pictures {width} pixels wide")
    opened = partial(_DecordSource, decord, Path(path), scan, width, height)
    return IndexedReader(path, info, scan, opened)


def _doubt(info: VideoInfo, scan: PacketScan) -> str | None:
    if info.codec in _UNKNOWN_CODECS:
        return f"it has no decoder for {info.codec}"
    if scan.unshown:
        return f"it would show the {scan.unshown} frames that an edit list leaves out"
    if not scan.is_best:
        return "it would take another of the picture streams"
    return None


class _DecordSource:
    """decord's reader of one file, which must know as many frames as the file has packets."""

    def __init__(self, decord: Any, path: Path, scan: PacketScan, width: int, height: int) -> None:
        self._shape = (height, width, 3)
        try:
            self._reader: Any = decord.VideoReader(
                str(path),
                ctx=decord.cpu(0),
                width=width,
                height=height,
                num_threads=1,
                fault_tol=_FAULT_TOLERANCE,
            )
        except (decord.DECORDError, AssertionError, RuntimeError) as error:
            raise refused(path, "decord", f"it does not open it: {_first_line(error)}") from error
        self._errors = (decord.DECORDError, decord.DECORDLimitReachedError)
        if len(self._reader) != len(scan.times):
            raise refused(
                path,
                "decord",
                f"it counts {len(self._reader)} frames and the file has {len(scan.times)}",
            )
        # Its jumps go by its own times, so they must be right, counted from the first frame.
        own = self._reader.get_frame_timestamp(range(len(self._reader)))[:, 0]
        if not np.allclose(own - own[0], scan.times - scan.times[0], rtol=0, atol=scan.grain):
            raise refused(path, "decord", "its times of the frames are wrong")

    def fetch(self, indices: np.ndarray) -> np.ndarray:
        try:
            images: np.ndarray = self._reader.get_batch(indices.tolist()).asnumpy()
        except self._errors as error:
            raise RuntimeError(_first_line(error)) from error
        if images.shape[1:] != self._shape:
            raise RuntimeError(f"frames of {images.shape[1:]} came instead of {self._shape}")
        return images

    def close(self) -> None:
        self._reader = None


def _first_line(error: BaseException) -> str:
    """The fault alone: below it decord prints its stack, and beside it bytes of the file."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return "".join(mark for mark in (lines or ["no reason given"])[0] if mark.isprintable())[:200]
