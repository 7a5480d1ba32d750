"""Matrix, range and depth of Y'CbCr against the equations of ITU-R BT.601, BT.709 and BT.2020."""

from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame

from tests.video.encode import encode
from vidcl.video.colour import colour_names, refusal, treatment
from vidcl.video.convert import Converter
from vidcl.video.errors import VideoError
from vidcl.video.probe import probe
from vidcl.video.reader import VideoReader

#: Luma coefficients of red and blue, by the matrix's number in H.273.
LUMA = {
    1: (0.2126, 0.0722),
    2: (0.299, 0.114),  # untagged is taken for BT.601
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}

#: Pixel formats and bits per sample.
DEPTHS = {
    "yuv420p": 8,
    "yuv422p": 8,
    "yuv444p": 8,
    "yuv420p10le": 10,
    "yuv444p12le": 12,
}


def reference_rgb(code: tuple[int, int, int], matrix: int, full: bool, bits: int) -> np.ndarray:
    """R'G'B' in [0, 255] of one Y'CbCr code, by the recommendations' equations in floats."""
    scale = 2 ** (bits - 8)
    luma, blue, red = code
    if full:
        y = luma / (2**bits - 1)
        pb, pr = ((value - 128 * scale) / (2**bits - 1) for value in (blue, red))
    else:
        y = (luma - 16 * scale) / (219 * scale)
        pb, pr = ((value - 128 * scale) / (224 * scale) for value in (blue, red))
    k_red, k_blue = LUMA[matrix]
    r = y + 2 * (1 - k_red) * pr
    b = y + 2 * (1 - k_blue) * pb
    g = (y - k_red * r - k_blue * b) / (1 - k_red - k_blue)
    return np.clip(np.array([r, g, b]) * 255, 0, 255)


def flat_frame(pixels: str, code: tuple[int, ...], side: int = 32, **tags: int) -> VideoFrame:
    """A frame of one colour."""
    frame = VideoFrame(side, side, pixels)
    deep = DEPTHS.get(pixels, 8) > 8
    for plane, value in zip(frame.planes, code, strict=True):
        samples = np.frombuffer(plane, np.uint16 if deep else np.uint8)
        plane.update(np.full_like(samples, value).tobytes())
    for name, value in tags.items():
        setattr(frame, name, value)
    return frame


@pytest.mark.parametrize("pixels", DEPTHS)
@pytest.mark.parametrize("value_range", [0, 1, 2])
@pytest.mark.parametrize("matrix", sorted(LUMA))
def test_matrix_and_range_are_those_of_the_tags(pixels: str, value_range: int, matrix: int) -> None:
    """swscale's fast tables round down: within 3.5 levels where chroma is not full. Another matrix
    or range is wrong by 6 to 50."""
    generator = np.random.default_rng(matrix)
    bits = DEPTHS[pixels]
    errors = []
    converters = Converter(), Converter(12)
    for _ in range(8):
        luma = generator.integers(40, 220)
        chroma = generator.integers(90, 167, 2)
        code = tuple(int(v) << (bits - 8) for v in (luma, *chroma))
        frame = flat_frame(pixels, code, colorspace=matrix, color_range=value_range)
        expected = reference_rgb(code, matrix, value_range == 2, bits)
        for convert in converters:
            image = convert(frame)
            assert np.ptp(image.reshape(-1, 3), axis=0).max() <= 1
            errors.append(image[image.shape[0] // 2, image.shape[1] // 2] - expected)
    worst, mean = np.abs(errors).max(), np.abs(np.mean(errors, axis=0)).max()
    assert worst <= (1.5 if "444" in pixels else 3.5)
    assert mean <= 2.6


@pytest.mark.parametrize("matrix", [1, 6, 9])
def test_yuvj_is_full_range_whatever_its_tag(matrix: int) -> None:
    for value_range in (0, 1, 2):
        frame = flat_frame("yuvj420p", (200, 100, 150), colorspace=matrix, color_range=value_range)
        image = Converter()(frame)
        expected = reference_rgb((200, 100, 150), matrix, True, 8)
        assert np.abs(image[0, 0] - expected).max() <= 2
        assert colour_names(frame)[1] == "pc"


def test_black_and_white_are_reached() -> None:
    for value_range, black, white in ((1, 16, 235), (2, 0, 255)):
        for luma, level in ((black, 0), (white, 255)):
            for side in (None, 12):
                frame = flat_frame(
                    "yuv420p", (luma, 128, 128), colorspace=1, color_range=value_range
                )
                assert np.abs(Converter(side)(frame).astype(int) - level).max() <= 2


def test_grey_formats_keep_their_levels() -> None:
    """As FFmpeg has it: a picture of luma alone is full range, whatever its tag."""
    for level, value_range in ((0, 0), (77, 1), (255, 2)):
        frame = flat_frame("gray", (level,), color_range=value_range)
        assert np.abs(Converter()(frame).astype(int) - level).max() <= 1


@pytest.mark.parametrize(("matrix", "primaries"), [(1, 1), (6, 6), (5, 5)])
@pytest.mark.parametrize("value_range", [1, 2])
@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx265")])
def test_a_tagged_file_gives_the_colours_it_was_made_of(
    tmp_path: Path, matrix: int, primaries: int, value_range: int, name: str, codec: str
) -> None:
    """Through encoder, container and decoder: the chart is converted by the reference itself."""
    chart = np.array(
        [
            [200, 40, 40],
            [40, 180, 60],
            [50, 60, 200],
            [230, 220, 60],
            [128, 128, 128],
            [20, 90, 120],
        ]
    )
    pictures = []
    for rgb in chart:
        code = reference_code(rgb / 255, matrix, value_range == 2)
        pictures.append(flat_frame("yuv444p", code, 64, colorspace=matrix, color_range=value_range))
    tags = {
        "colorspace": matrix,
        "color_range": value_range,
        "color_trc": matrix if matrix in (1, 6) else 6,
        "color_primaries": primaries,
    }
    options = {"x265-params": "log-level=none", "crf": "8"} if codec == "libx265" else {"crf": "4"}
    path = encode(
        tmp_path / name, pictures, codec=codec, pixel_format="yuv444p", tags=tags, options=options
    )
    info = probe(path)
    assert (info.color_space, info.color_range) == (
        {1: "bt709", 5: "bt470bg", 6: "smpte170m"}[matrix],
        {1: "tv", 2: "pc"}[value_range],
    )
    with VideoReader(path) as reader:
        shown = [frame.image[32, 32] for frame in reader.frames()]
    assert np.abs(np.array(shown, float) - chart).max() <= 3


def reference_code(rgb: np.ndarray, matrix: int, full: bool) -> tuple[int, int, int]:
    """8-bit Y'CbCr of R'G'B' in [0, 1]."""
    k_red, k_blue = LUMA[matrix]
    y = k_red * rgb[0] + (1 - k_red - k_blue) * rgb[1] + k_blue * rgb[2]
    pb, pr = (rgb[2] - y) / (2 * (1 - k_blue)), (rgb[0] - y) / (2 * (1 - k_red))
    if full:
        values = (255 * y, 255 * pb + 128, 255 * pr + 128)
    else:
        values = (219 * y + 16, 224 * pb + 128, 224 * pr + 128)
    return tuple(round(value) for value in values)  # type: ignore[return-value]


@pytest.mark.parametrize("matrix", [8, 10, 11, 12, 13, 14, 15])
def test_matrices_that_cannot_be_undone_are_refused(tmp_path: Path, matrix: int) -> None:
    """swscale would take them for BT.601 without a word."""
    frame = flat_frame("yuv420p", (100, 90, 160), colorspace=matrix)
    with pytest.raises(VideoError, match="coded as") as caught:
        Converter()(frame)
    assert caught.value.kind == ("hdr" if matrix in (14, 15) else "unsupported")
    path = encode(
        tmp_path / "a.mkv", [flat_frame("yuv420p", (100, 90, 160))], tags={"colorspace": matrix}
    )
    with pytest.raises(VideoError, match=r"a\.mkv.*coded as.*BT\.709") as caught:
        probe(path)
    assert caught.value.kind == ("hdr" if matrix in (14, 15) else "unsupported")


def test_treatments() -> None:
    def told(**tags: int) -> str:
        return treatment(flat_frame("yuv420p", (1, 2, 3), **tags))

    assert told() == "plain"
    assert told(colorspace=1, color_trc=1, color_primaries=1) == "plain"
    assert told(colorspace=9, color_trc=16, color_primaries=9) == "pq"
    assert told(colorspace=9, color_trc=18, color_primaries=9) == "hlg"
    assert told(colorspace=9, color_trc=14, color_primaries=9) == "wide"
    assert told(colorspace=1, color_trc=13, color_primaries=12) == "plain"
    assert refusal(flat_frame("yuv420p", (1, 2, 3), color_trc=16, color_primaries=8)) is not None
    assert refusal(flat_frame("yuv420p", (1, 2, 3), color_trc=16, color_primaries=9)) is None
