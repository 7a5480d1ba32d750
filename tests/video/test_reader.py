"""Frames, their times, and why decoding stopped."""

from pathlib import Path

import numpy as np
import pytest

from vidcl.errors import VidclError
from vidcl.video.errors import VideoError
from vidcl.video.probe import probe
from vidcl.video.reader import VideoReader
from vidcl.video.writer import write_video


def moving_bar(count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """A bright bar whose left edge stands at column ``k`` in frame ``k``."""
    frames = []
    for k in range(count):
        image = np.full((height, width, 3), 40, np.uint8)
        image[:, k : k + 6] = (230, 60, 60)
        frames.append(image)
    return frames


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "bar.mp4"
    write_video(path, moving_bar(40), rate=20, crf=12)
    return path


def bar_position(image: np.ndarray) -> float:
    weight = np.clip(image[:, :, 0].astype(float).mean(0) - 100, 0, None)
    return float((weight * np.arange(len(weight))).sum() / weight.sum()) - 2.5


def test_frames_come_in_order_with_their_times(clip: Path) -> None:
    with VideoReader(clip) as reader:
        frames = list(reader.frames())
        assert reader.result.reason == "end"
        assert reader.result.frames_decoded == 40
    assert np.allclose([frame.time for frame in frames], np.arange(40) / 20)
    assert np.allclose([bar_position(frame.image) for frame in frames], np.arange(40), atol=0.5)


def test_info_describes_the_file(clip: Path) -> None:
    info = probe(clip)
    assert (info.width, info.height, info.rotation) == (64, 48, 0)
    assert (info.rate, info.codec, info.declared_frames) == (20.0, "h264", 40)
    assert info.duration == pytest.approx(2.0)
    assert info.start == 0.0


@pytest.mark.parametrize("rate", [None, 20.0, 7.0, 3.0, 100.0])
@pytest.mark.parametrize("cut", [0.21, 0.5, 1.3, 1.55])
def test_a_video_read_in_pieces_gives_the_same_frames(
    clip: Path, rate: float | None, cut: float
) -> None:
    with VideoReader(clip) as reader:
        whole = list(reader.frames(rate=rate))
        first = list(reader.frames(rate=rate, end=cut))
        assert reader.result.reason == "limit"
        second = list(reader.frames(rate=rate, start=cut))
    assert [frame.time for frame in whole] == [frame.time for frame in first + second]
    for one, other in zip(whole, first + second, strict=True):
        assert np.array_equal(one.image, other.image)


def test_a_rate_picks_the_first_frame_at_or_after_each_tick(clip: Path) -> None:
    rate = 7.0
    with VideoReader(clip) as reader:
        every = [frame.time for frame in reader.frames()]
        picked = [frame.time for frame in reader.frames(rate=rate)]
    ticks = np.arange(0, every[-1] + 1e-6, 1 / rate)
    expected = [min(time for time in every if time >= tick - 1e-4) for tick in ticks]
    assert picked == expected


def test_at_gives_the_frame_on_screen(clip: Path) -> None:
    times = [-1.0, 0.0, 0.049, 0.05, 0.31, 0.31, 1.2, 99.0]
    with VideoReader(clip) as reader:
        shown = [frame.time for frame in reader.at(times)]
    assert np.allclose(shown, [0.0, 0.0, 0.0, 0.05, 0.3, 0.3, 1.2, 1.95])


def test_at_refuses_unsorted_times(clip: Path) -> None:
    with VideoReader(clip) as reader, pytest.raises(ValueError, match="sort"):
        next(reader.at([1.0, 0.5]))


def test_frames_are_shrunk_to_the_longer_side(clip: Path) -> None:
    with VideoReader(clip, max_side=32) as reader:
        assert next(iter(reader.frames())).image.shape == (24, 32, 3)
    with VideoReader(clip, max_side=320) as reader:
        assert next(iter(reader.frames())).image.shape == (48, 64, 3)


def test_a_truncated_file_gives_its_good_frames_and_says_so(clip: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.mkv"
    noise = np.random.default_rng(0).integers(0, 255, (40, 48, 64, 3), dtype=np.uint8)
    write_video(whole, noise, rate=20)
    part = tmp_path / "part.mkv"
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with VideoReader(part) as reader:
        frames = list(reader.frames())
        assert 5 < len(frames) < 35
        assert reader.result.reason == "error"
        assert reader.result.error is not None
        assert reader.result.error.kind in ("truncated", "corrupt")
    with VideoReader(whole) as reader:
        reference = list(reader.frames())
    for one, other in zip(frames[:-1], reference, strict=False):
        assert np.array_equal(one.image, other.image)


def test_at_gives_nothing_after_an_error(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 48, 64, 3), dtype=np.uint8)
    whole = tmp_path / "whole.mkv"
    write_video(whole, noise, rate=20)
    part = tmp_path / "part.mkv"
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with VideoReader(part) as reader:
        assert len(list(reader.at([0.0, 0.1, 1.9]))) == 2
        assert reader.result.error is not None


@pytest.mark.parametrize(
    ("name", "content", "kind", "words"),
    [
        ("missing.mp4", None, "missing", "does not exist"),
        ("empty.mp4", b"", "not_video", "empty"),
        ("text.mp4", b"these are only words\n" * 50, "not_video", "not a video"),
        ("zeros.mp4", bytes(5000), "not_video", "not a video"),
    ],
)
def test_bad_files_are_named_in_one_sentence(
    tmp_path: Path, name: str, content: bytes | None, kind: str, words: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VideoError, match=words) as caught:
        VideoReader(path)
    assert caught.value.kind == kind
    assert name in str(caught.value)


def test_a_folder_is_not_a_video(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="folder"):
        probe(tmp_path)


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format", "size"),
    [
        ("ten_bit.mkv", "libx265", "yuv420p10le", (48, 64)),
        ("full_chroma.mp4", "libx264", "yuv444p", (47, 63)),
        ("transport.ts", "libx264", "yuv420p", (48, 64)),
        ("animation.gif", "gif", "rgb8", (48, 64)),
        ("old.avi", "mpeg4", "yuv420p", (48, 64)),
    ],
)
def test_other_formats_are_ordinary_input(
    tmp_path: Path, name: str, codec: str, pixel_format: str, size: tuple[int, int]
) -> None:
    path = tmp_path / name
    write_video(
        path, moving_bar(20, *size), rate=20, codec=codec, crf=12, pixel_format=pixel_format
    )
    with VideoReader(path) as reader:
        frames = list(reader.frames())
        assert reader.result.reason == "end"
    assert len(frames) == 20
    assert frames[0].image.shape == (*size, 3)
    times = np.array([frame.time for frame in frames])
    assert np.allclose(np.diff(times), 0.05, atol=0.011)
    assert np.allclose([bar_position(f.image) for f in frames], np.arange(20), atol=1.0)


def test_writing_refuses_no_frames_and_mixed_sizes(tmp_path: Path) -> None:
    with pytest.raises(VidclError, match="at least one"):
        write_video(tmp_path / "a.mp4", [], rate=10)
    mixed = [np.zeros((32, 32, 3), np.uint8), np.zeros((32, 48, 3), np.uint8)]
    with pytest.raises(VidclError, match="Frame 1"):
        write_video(tmp_path / "b.mp4", mixed, rate=10)
    assert list(tmp_path.iterdir()) == []
