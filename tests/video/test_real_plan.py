"""A plan against the full decode of every real clip and of the matrix of codecs."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from tests.video.clips import first_at_ticks, grain
from vidcl.video.clock import Clock
from vidcl.video.convert import Converter
from vidcl.video.errors import VideoError
from vidcl.video.probe import DECODE_ERRORS, is_dts_only, open_stream
from vidcl.video.reader import VideoReader

#: Clips that hold no picture.
_UNREADABLE = {"bad_empty.mp4", "bad_header_only.mp4", "bad_nomoov.mp4"}


def decode_until_error(path: Path) -> tuple[list[float], list[np.ndarray]]:
    """Times and 32-pixel pictures of a plain decode, up to the first error."""
    times: list[float] = []
    images: list[np.ndarray] = []
    with open_stream(path) as (container, stream):
        clock, convert = Clock(stream, is_dts_only(container)), Converter(32)
        try:
            for frame in container.decode(stream):
                times.append(clock(frame))
                images.append(convert(frame))
        except DECODE_ERRORS:
            return times, images
    return times, images


@pytest.mark.real_data
def test_real_clips_give_the_pictures_of_a_full_decode(real_data: Path) -> None:
    paths = sorted((real_data / "videos").iterdir())
    paths += sorted((real_data / "codec_matrix_blackswan").iterdir())
    checked = skipped = 0
    for path in paths:
        if path.suffix in (".json", ".npz") or path.name in _UNREADABLE:
            continue
        if path.stat().st_size > 1_300_000:  # three like the others, and slow
            continue
        times, images = decode_until_error(path)
        middle = times[0] + 0.6 * (times[-1] - times[0])
        with VideoReader(path, max_side=32) as reader:
            small = path.stat().st_size < 700_000
            requests = [(2.0, None), (5.0, middle)] if small else [(2.0, None)]
            for rate, start in requests:
                frames = list(reader.frames(rate=rate, start=start))
                skipped += reader.result.plan == "skip"
                begin = -np.inf if start is None else start
                wanted = first_at_ticks(times, rate, grain(path), begin)
                assert [frame.time for frame in frames] == [times[i] for i in wanted], path.name
                for frame, index in zip(frames, wanted, strict=True):
                    assert np.array_equal(frame.image, images[index]), (path.name, frame.time)
            exact = first_at_ticks(times, 2.0, grain(path))
            frames = list(reader.frames(rate=2.0, tolerance=0.25))
        assert len(frames) == len(exact), path.name
        assert all(one.time < other.time for one, other in itertools.pairwise(frames))
        for frame, index in zip(frames, exact, strict=True):
            assert abs(frame.time - times[index]) <= 0.25 + 1e-6, path.name
            assert np.array_equal(frame.image, images[times.index(frame.time)]), path.name
        checked += 1
    assert checked >= 45
    assert skipped >= 40


@pytest.mark.real_data
@pytest.mark.parametrize("name", sorted(_UNREADABLE))
def test_files_without_pictures_are_refused(real_data: Path, name: str) -> None:
    with pytest.raises(VideoError):
        VideoReader(real_data / "codec_matrix_blackswan" / name)
