"""What a plan gives is what a full decode gives, bit by bit, whatever the stream is made of."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.video.clips import decode_all, encode, first_at_ticks, grain, on_screen
from vidcl.video.frames import Frame
from vidcl.video.reader import VideoReader

X264 = "keyint={}:min-keyint=1:scenecut=0:bframes={}:b-pyramid={}:open-gop={}:b-adapt=0:mbtree=0"
X265 = "log-level=none:keyint={}:min-keyint=1:scenecut=0:bframes={}:b-pyramid={}:open-gop={}"
VPX = {"auto-alt-ref": "1", "lag-in-frames": "10", "deadline": "realtime", "cpu-used": "8"}
RATES = [0.4, 1.0, 2.0, 6.5, 13.0]


def uneven(count: int, seed: int = 1) -> list[int]:
    """Times in ms with gaps and bursts, the first at 5 s."""
    steps = np.random.default_rng(seed).choice([10, 33, 40, 50, 300], count)
    return [int(time) for time in 5000 + np.cumsum(steps)]


def x264(gop: int, b_frames: int, pyramid: int, open_gop: int, **more: Any) -> dict[str, Any]:
    options = {"x264-params": X264.format(gop, b_frames, pyramid, open_gop), "preset": "veryfast"}
    return {"gop": gop, "b_frames": b_frames, "options": options, **more}


def x265(gop: int, b_frames: int, pyramid: int, open_gop: int, extra: str = "") -> dict[str, Any]:
    options = {"x265-params": X265.format(gop, b_frames, pyramid, open_gop) + extra}
    options["preset"] = "ultrafast"
    return {"codec": "libx265", "gop": gop, "b_frames": b_frames, "options": options}


CLIPS: dict[str, dict[str, Any]] = {
    "closed.mp4": x264(12, 2, 0, 0),
    "pyramid.mp4": x264(20, 5, 2, 0),
    "open.mkv": x264(12, 2, 0, 1),
    "open_pyramid.mp4": x264(15, 4, 2, 1),
    "open_pyramid.ts": x264(15, 4, 2, 1),
    "no_b.mkv": x264(10, 0, 0, 0),
    "one_key.mp4": x264(1000, 3, 2, 0),
    "all_keys.mp4": x264(1, 0, 0, 0),
    "uneven.mp4": x264(12, 3, 2, 0, stamps=uneven(60)),
    "uneven.mkv": x264(9, 2, 0, 1, stamps=uneven(60, seed=2)),
    "transport.ts": x264(12, 2, 0, 0),
    "hevc_open.mp4": x265(15, 4, 1, 1),
    "hevc_closed.mkv": x265(12, 3, 0, 0),
    "hevc_layers.mp4": x265(15, 4, 1, 1, ":temporal-layers=3"),
    "mpeg2.ts": {"codec": "mpeg2video", "gop": 12, "b_frames": 2, "rate": 25},
    "mpeg2.mpg": {"codec": "mpeg2video", "gop": 10, "b_frames": 1, "rate": 25},
    "mpeg1.mpg": {"codec": "mpeg1video", "gop": 10, "b_frames": 2, "rate": 25},
    "mpeg2.mkv": {"codec": "mpeg2video", "gop": 12, "b_frames": 2, "rate": 25},
    "mpeg1.mov": {"codec": "mpeg1video", "gop": 10, "b_frames": 2, "rate": 25},
    "mpeg4.mp4": {"codec": "mpeg4", "gop": 12, "b_frames": 2},
    "mpeg4.avi": {"codec": "mpeg4", "gop": 12, "b_frames": 2},
    "jpeg.avi": {"codec": "mjpeg", "b_frames": 0},
    "jpeg.mkv": {"codec": "mjpeg", "b_frames": 0, "stamps": uneven(60, seed=3)},
    "vp8.webm": {"codec": "libvpx", "gop": 15, "options": VPX},
    "vp9.webm": {"codec": "libvpx-vp9", "gop": 15, "options": VPX},
    "av1.mkv": {"codec": "libsvtav1", "gop": 16, "options": {"preset": "12"}},
    "animation.gif": {"codec": "gif"},
}  # fmt: skip


class Clip:
    """A file, and its full decode."""

    def __init__(self, path: Path, setting: dict[str, Any]) -> None:
        self.path = encode(path, **setting)
        self.times, self.images = decode_all(path)
        self.slack = grain(path)
        self.seed = sum(path.name.encode())

    def check(self, frames: list[Frame], chosen: list[int]) -> None:
        assert [frame.time for frame in frames] == [self.times[index] for index in chosen]
        for frame, index in zip(frames, chosen, strict=True):
            assert np.array_equal(frame.image, self.images[index])
            assert not frame.corrupt


@pytest.fixture(scope="module", params=list(CLIPS))
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return Clip(tmp_path_factory.mktemp("plan") / request.param, CLIPS[request.param])


def test_a_rate_gives_the_pictures_of_a_full_decode(clip: Clip) -> None:
    with VideoReader(clip.path) as reader:
        for rate in RATES:
            frames = list(reader.frames(rate=rate))
            clip.check(frames, first_at_ticks(clip.times, rate, clip.slack))
            assert reader.result.reason == "end"
            assert reader.result.frames_decoded <= len(clip.times)


def test_a_part_gives_the_pictures_of_that_part(clip: Clip) -> None:
    generator = np.random.default_rng(clip.seed)
    with VideoReader(clip.path) as reader:
        for rate in RATES:
            start, end = np.sort(generator.uniform(clip.times[0] - 0.2, clip.times[-1] + 0.2, 2))
            frames = list(reader.frames(rate=rate, start=start, end=end))
            clip.check(frames, first_at_ticks(clip.times, rate, clip.slack, start, end))
            assert reader.result.reason == ("limit" if end <= clip.times[-1] else "end")


def test_times_give_the_pictures_on_screen(clip: Clip) -> None:
    generator = np.random.default_rng(clip.seed)
    with VideoReader(clip.path) as reader:
        for count in (1, 2, 5, 30):
            moments = np.sort(generator.uniform(clip.times[0] - 0.2, clip.times[-1] + 0.2, count))
            frames = list(reader.at(moments))
            clip.check(frames, on_screen(clip.times, list(moments), clip.slack))


@pytest.mark.parametrize(("rate", "tolerance"), [(2.0, 0.25), (0.4, 0.5), (6.5, 0.076), (3, 0.05)])
def test_a_tolerance_is_kept(clip: Clip, rate: float, tolerance: float) -> None:
    exact = first_at_ticks(clip.times, rate, clip.slack)
    with VideoReader(clip.path) as reader:
        frames = list(reader.frames(rate=rate, tolerance=tolerance))
        decoded = reader.result.frames_decoded
        list(reader.frames(rate=rate))
        assert decoded <= reader.result.frames_decoded
    chosen = [clip.times.index(frame.time) for frame in frames]
    clip.check(frames, chosen)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == len(exact)
    gaps = [abs(clip.times[a] - clip.times[b]) for a, b in zip(chosen, exact, strict=True)]
    assert max(gaps) <= tolerance + 1e-6


@pytest.mark.parametrize("rate", [2.0, 6.5])
def test_pieces_with_a_tolerance_are_the_whole(clip: Clip, rate: float) -> None:
    generator = np.random.default_rng(clip.seed)
    tolerance = 0.5 / rate
    cuts = [None, *np.sort(generator.uniform(clip.times[0], clip.times[-1], 3)), None]
    with VideoReader(clip.path) as reader:
        whole = [frame.time for frame in reader.frames(rate=rate, tolerance=tolerance)]
        parts = []
        for start, end in itertools.pairwise(cuts):
            frames = reader.frames(rate=rate, start=start, end=end, tolerance=tolerance)
            parts += [frame.time for frame in frames]
    assert parts == whole


def test_times_with_a_tolerance_are_near_the_pictures_on_screen(clip: Clip) -> None:
    generator = np.random.default_rng(clip.seed)
    moments = list(np.sort(generator.uniform(clip.times[0], clip.times[-1], 6)))
    with VideoReader(clip.path) as reader:
        times = [frame.time for frame in reader.at(moments, tolerance=0.2)]
    exact = [clip.times[index] for index in on_screen(clip.times, moments, clip.slack)]
    assert len(times) == len(exact)
    assert all(abs(one - other) <= 0.2 + 1e-6 for one, other in zip(times, exact, strict=True))
    assert times == sorted(times)
    same = [a == b for a, b in itertools.pairwise(exact)]
    assert [a == b for a, b in itertools.pairwise(times)] == same
