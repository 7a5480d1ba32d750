"""torchcodec behind the interface of the reference."""

from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from vidcl.errors import VidclError, require
from vidcl.video.backends.indexed import IndexedReader, check_first, with_backend
from vidcl.video.backends.packets import PacketScan, scan_packets
from vidcl.video.backends.trust import common_doubt, refused
from vidcl.video.convert import fitted_size
from vidcl.video.info import VideoInfo
from vidcl.video.open import backend_version
from vidcl.video.probe import probe


def open_torchcodec(
    path: str | Path, *, max_side: int | None = None, short_side: int | None = None
) -> IndexedReader:
    """A reader that decodes with torchcodec on the CPU, on one thread.

    Args:
        path: the file.
        max_side, short_side: longer or shorter side of the frames in pixels at most.

    Raises:
        VideoError: the file cannot be opened, or torchcodec would give other frames than the
            reference (kind ``refused``).
        VidclError: torchcodec is not installed, or finds no shared libraries of FFmpeg.
    """
    torchcodec = _require()
    info = with_backend(probe(path), backend_version("torchcodec"))
    scan = scan_packets(path)
    doubt = common_doubt(info, scan)
    if doubt is not None:
        raise refused(path, "torchcodec", doubt)
    check_first(path, info, scan)
    size = fitted_size(info.width, info.height, max_side, short_side)
    shown = None if size == (info.width, info.height) else size
    opened = partial(_TorchcodecSource, torchcodec, Path(path), scan, info, shown)
    return IndexedReader(path, info, scan, opened)


def _require() -> ModuleType:
    """The package with its video decoder.

    Raises:
        VidclError: it is not installed, or finds no shared libraries of FFmpeg.
    """
    try:
        package = require("torchcodec", "vidcl[torchcodec]")
        decoders = require("torchcodec.decoders", "vidcl[torchcodec]")
    except (OSError, RuntimeError) as error:
        raise _no_ffmpeg() from error
    # Its picture decoders work without FFmpeg, so that the import alone does not tell.
    if getattr(package, "ffmpeg_major_version", None) is None:
        raise _no_ffmpeg()
    return decoders


def _no_ffmpeg() -> VidclError:
    return VidclError(
        "torchcodec finds no shared libraries of FFmpeg 4 to 9, which it decodes with: run apt "
        "install ffmpeg or conda install ffmpeg, or use --decoder pyav."
    )


class _TorchcodecSource:
    """torchcodec's decoder of one file, whose times must be those of the packets."""

    def __init__(
        self,
        decoders: Any,
        path: Path,
        scan: PacketScan,
        info: VideoInfo,
        size: tuple[int, int] | None,
    ) -> None:
        self._times = scan.times
        # Half of the way to the nearer neighbour.
        gaps = np.diff(scan.times, prepend=-np.inf, append=np.inf)
        self._near = np.minimum(np.minimum(gaps[:-1], gaps[1:]) / 2, 0.5)
        width, height = size or (info.width, info.height)
        self._shape = (height, width, 3)
        try:
            transforms = None
            if size is not None:
                resize = require("torchcodec.transforms", "vidcl[torchcodec]").Resize
                transforms = [resize((height, width))]
            self._decoder: Any = decoders.VideoDecoder(
                str(path),
                stream_index=scan.stream_index,
                dimension_order="NHWC",
                num_ffmpeg_threads=1,
                device="cpu",
                seek_mode="exact",
                transforms=transforms,
            )
        except (RuntimeError, ValueError) as error:
            raise refused(
                path, "torchcodec", f"it does not open it: {_first_line(error)}"
            ) from error
        if len(self._decoder) != len(scan.times):
            raise refused(
                path,
                "torchcodec",
                f"it counts {len(self._decoder)} frames and the file has {len(scan.times)}",
            )

    def fetch(self, indices: np.ndarray) -> np.ndarray:
        try:
            batch = self._decoder.get_frames_at(indices.tolist())
        except (RuntimeError, ValueError, IndexError) as error:
            raise RuntimeError(_first_line(error)) from error
        images: np.ndarray = batch.data.numpy()
        off = np.abs(batch.pts_seconds.numpy() - self._times[indices])
        if (off > self._near[indices]).any():
            raise RuntimeError(f"a frame came {off.max():.3f} s beside its time")
        if images.shape[1:] != self._shape:
            raise RuntimeError(f"frames of {images.shape[1:]} came instead of {self._shape}")
        return images

    def close(self) -> None:
        self._decoder = None


def _first_line(error: BaseException) -> str:
    """The fault without torchcodec's stack."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return (lines or ["no reason given"])[0][:200]
