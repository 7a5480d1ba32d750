import json

import av
import numpy as np
import pytest
from av.video.frame import PictureType

from vidcl.errors import VidclError
from vidcl.synthetic.clip import render_clip
from vidcl.synthetic.objects import build_instances
from vidcl.synthetic.videos import render_videos
from vidcl.tracks.given import read_given_boxes


@pytest.fixture(scope="module")
def folder(world, tmp_path_factory):
    return render_videos(world, tmp_path_factory.mktemp("world"))


def boxes(folder):
    return {path.name: path.read_bytes() for path in (folder / "boxes").iterdir()}


def test_clips_are_real_h264_with_b_frames(world, tmp_path):
    # Long enough that the light does not change like a cut from frame to frame.
    videos = world.videos.model_copy(update={"count": 1, "frames": 24})
    world = world.model_copy(update={"videos": videos})
    clip = render_clip(world, 0, build_instances(world, "train"))
    render_videos(world, tmp_path)
    with av.open(str(tmp_path / "videos" / "clip-00000.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        pictures = list(container.decode(stream))
    assert any(picture.pict_type == PictureType.B for picture in pictures)
    assert [p.time for p in pictures] == pytest.approx([k / 12 for k in range(24)])
    for picture, frame in zip(pictures, clip.frames, strict=True):
        decoded = picture.to_ndarray(format="rgb24").astype(float)
        assert np.abs(decoded - frame).mean() < 16


def test_boxes_are_given_boxes(world, folder):
    clip = render_clip(world, 0, build_instances(world, "train"))
    path = folder / "boxes" / "clip-00000.json"
    given = read_given_boxes(path)
    assert [thing.name for thing in given.objects] == [truth.name for truth in clip.objects]
    for thing, truth in zip(given.objects, clip.objects, strict=True):
        assert thing.times == pytest.approx(truth.frames / 12, abs=1e-6)
        assert np.array_equal(thing.boxes, truth.boxes)
        assert np.array_equal(thing.visible, truth.visible >= world.videos.min_visible)
    record = json.loads(path.read_text())["objects"][0]
    assert record["class"] in record["id"]
    assert len(record["azimuth"]) == len(record["visible_share"]) == len(record["times"])


def test_a_stopped_run_continues(world, folder):
    before = boxes(folder)
    assert len(before) == 3
    calls = []
    render_videos(world, folder, progress=lambda *c: calls.append(c))
    assert calls == [(3, 3)]
    for name in ("videos/clip-00000.mp4", "boxes/clip-00002.json"):
        (folder / name).unlink()
    kept = (folder / "videos" / "clip-00001.mp4").stat().st_mtime_ns
    calls.clear()
    render_videos(world, folder, progress=lambda *c: calls.append(c))
    assert calls == [(1, 3), (2, 3), (3, 3)]
    assert boxes(folder) == before
    assert (folder / "videos" / "clip-00001.mp4").stat().st_mtime_ns == kept


def test_workers_change_nothing(world, folder, tmp_path):
    calls = []
    render_videos(world, tmp_path, workers=2, progress=lambda *c: calls.append(c))
    assert calls[0] == (0, 3) and calls[-1] == (3, 3)
    assert boxes(tmp_path) == boxes(folder)
    for path in (folder / "videos").iterdir():
        assert path.read_bytes() == (tmp_path / "videos" / path.name).read_bytes()


def test_another_world_does_not_mix_in(world, folder):
    with pytest.raises(VidclError, match="other settings"):
        render_videos(world.model_copy(update={"seed": 99}), folder)
    with pytest.raises(VidclError, match="at least 1"):
        render_videos(world, folder, workers=0)
