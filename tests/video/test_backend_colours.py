"""Every decoder honours the tags of matrix and range as the reference does, or refuses the file."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame

from tests.video.backend_child import Child
from tests.video.encode import encode
from vidcl.video.reader import VideoReader

#: Side of a flat patch in pixels, and patches side by side.
PATCH, ACROSS = 16, 12
LEVELS = (16, 80, 144, 208, 250)

#: Charts: matrix and range by their numbers in H.273 (2 and 0 are "does not say"), pixel format,
#: codec, container.
CHARTS: dict[str, tuple[int, int, str, str, str]] = {
    "untagged": (2, 0, "yuv420p", "libx264", "mp4"),
    "untagged full": (2, 2, "yuv420p", "libx264", "mp4"),
    "601 limited": (6, 1, "yuv420p", "libx264", "mp4"),
    "709 limited": (1, 1, "yuv420p", "libx264", "mp4"),
    "709 full": (1, 2, "yuv420p", "libx264", "mp4"),
    "709 full 4:4:4": (1, 2, "yuv444p", "libx264", "mp4"),
    "709 limited 10 bit": (1, 1, "yuv420p10le", "libx264", "mp4"),
    "709 full 10 bit": (1, 2, "yuv420p10le", "libx264", "mp4"),
    "2020 limited": (9, 1, "yuv420p", "libx264", "mp4"),
    "HEVC 709 limited": (1, 1, "yuv420p", "libx265", "mp4"),
    "VP9 709 limited": (1, 1, "yuv420p", "libvpx-vp9", "webm"),
    "Motion JPEG": (2, 0, "yuvj420p", "mjpeg", "avi"),
    "ProRes": (1, 1, "yuv422p10le", "prores_ks", "mov"),
}
#: Levels by which a patch may be off on average, and at most. The wrong matrix is 8 off on
#: average, the wrong range 10; a rounding of 10 bit another way is one.
MEAN, MOST = 1.5, 4.0


def chart() -> np.ndarray:
    """uint8 [H, W, 3]: 120 flat colours."""
    colours = list(itertools.product(LEVELS, repeat=3))[:120]
    image = np.array(colours, np.uint8).reshape(-1, ACROSS, 3)
    return image.repeat(PATCH, 0).repeat(PATCH, 1)


def patches(image: np.ndarray) -> np.ndarray:
    """float64 [120, 3]: means of the middles of the patches, away from the edges."""
    side = image.shape[1] // ACROSS
    parts = image.reshape(-1, side, ACROSS, side, 3)[:, side // 4 : -(side // 4), :, side // 4 :]
    return parts[:, :, :, : side // 2].astype(float).mean((1, 3)).reshape(-1, 3)


def make(name: str, folder: Path) -> Path:
    """The chart coded as its name says."""
    matrix, value_range, pixels, codec, container = CHARTS[name]
    tags = {"colorspace": matrix} if matrix != 2 else {}
    tags |= {"color_range": value_range} if value_range else {}
    options = {"libx264": {"crf": "4"}, "libx265": {"x265-params": "log-level=none"}}
    return encode(
        folder / f"a.{container}",
        [chart()] * 3,
        codec=codec,
        pixel_format=pixels,
        tags=tags,
        options=options.get(codec),
    )


def shown(path: Path, side: int) -> np.ndarray:
    with VideoReader(path, max_side=side) as reader:
        return patches(next(iter(reader.frames())).image)


@pytest.mark.parametrize("name", CHARTS)
def test_colours_are_those_of_the_reference(child: Child, tmp_path: Path, name: str) -> None:
    path = make(name, tmp_path)
    for side in (PATCH * ACROSS, PATCH * ACROSS // 2):
        answer = child.ask(path, tmp_path / "frames.npy", side, timeout=60)
        assert "times" in answer, answer
        off = np.abs(patches(np.load(tmp_path / "frames.npy")[0]) - shown(path, side))
        assert off.mean() <= MEAN and off.max() <= MOST, (side, off.mean(), off.max())


def test_a_tag_that_is_not_honoured_would_be_seen(tmp_path: Path) -> None:
    """The bounds lie well below what another matrix or range makes of the same samples."""
    samples = VideoFrame.from_ndarray(chart(), format="rgb24").reformat(format="yuv420p")

    def stated(**tags: int) -> np.ndarray:
        path = encode(tmp_path / "a.mp4", [samples] * 3, tags=tags, options={"crf": "4"})
        return shown(path, PATCH * ACROSS)

    plain = stated(colorspace=6, color_range=1)
    for other in ({"colorspace": 1, "color_range": 1}, {"colorspace": 6, "color_range": 2}):
        off = np.abs(stated(**other) - plain)
        assert off.mean() > 4 * MEAN and off.max() > 4 * MOST
