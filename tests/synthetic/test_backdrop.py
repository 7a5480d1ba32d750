"""What lies behind the objects of a clip, against what every frame should show."""

import numpy as np
import pytest
import yaml

from vidcl.config import dump_config, parse_config
from vidcl.errors import VidclError
from vidcl.synthetic import clip as clip_module
from vidcl.synthetic.background import background_canvas, clip_canvas, window
from vidcl.synthetic.clip import render_clip, to_bytes
from vidcl.synthetic.config import WorldConfig
from vidcl.synthetic.motion import plan_clip
from vidcl.synthetic.objects import build_instances
from vidcl.synthetic.seeding import generator
from vidcl.synthetic.videos import render_videos


def with_videos(world, **values):
    return world.model_copy(update={"videos": world.videos.model_copy(update=values)})


@pytest.fixture(scope="module")
def instances(world):
    return build_instances(world, "train")


@pytest.fixture
def no_objects(monkeypatch):
    monkeypatch.setattr(clip_module, "paste", lambda *_: None)


def expected(world, index, instances, number_of):
    """Every frame: its window of the canvas whose number is ``number_of(step)``, in its light."""
    plan = plan_clip(world, len(instances), generator(world.seed, "clip", index))
    frames = []
    for step in range(world.videos.frames):
        rng = generator(world.seed, "clip_background", number_of(step))
        room = int(np.ceil(world.videos.camera_drift)) + 1
        canvas = background_canvas(
            world.background, world.objects.palette, 64 + room, 48 + room, rng
        )
        picture = window(canvas, *map(float, plan.camera[step]), 64, 48)
        frames.append(to_bytes(picture * plan.light_colour[step]))
    return np.stack(frames)


def test_by_default_each_clip_has_one_canvas_of_its_own(world, instances, no_objects):
    for index in (0, 2):
        frames = render_clip(world, index, instances).frames
        assert np.array_equal(frames, expected(world, index, instances, lambda _, n=index: n))


def test_a_canvas_for_every_frame(world, instances, no_objects):
    jittered = with_videos(world, backdrop="frame")
    frames = render_clip(jittered, 1, instances).frames
    assert np.array_equal(frames, expected(jittered, 1, instances, lambda step: 6 + step))
    few = with_videos(world, backdrop="frame", canvases=4)
    frames = render_clip(few, 1, instances).frames
    assert np.array_equal(frames, expected(few, 1, instances, lambda step: (6 + step) % 4))


def test_clips_share_canvases_in_turn(world, instances, no_objects):
    shared = with_videos(world, canvases=2)
    for index, number in ((0, 0), (1, 1), (2, 0)):
        frames = render_clip(shared, index, instances).frames
        assert np.array_equal(frames, expected(shared, index, instances, lambda _, n=number: n))


def test_a_plain_backdrop_is_the_mean_colour_of_all_canvases(world):
    plain = clip_canvas(with_videos(world, backdrop="plain"), 0)
    assert plain.shape == clip_canvas(world, 0).shape and plain.dtype == np.float32
    assert np.ptp(plain) == 0
    assert np.allclose(clip_canvas(world, 0).mean((0, 1)), plain[0, 0], atol=1e-4)


def test_the_backdrop_changes_nothing_else(world, instances):
    clips = [
        render_clip(with_videos(world, **values), 1, instances)
        for values in ({}, {"backdrop": "frame"}, {"backdrop": "plain"}, {"canvases": 1})
    ]
    for clip in clips[1:]:
        assert not np.array_equal(clip.frames, clips[0].frames)
        for truth, first in zip(clip.objects, clips[0].objects, strict=True):
            assert truth.name == first.name
            assert np.array_equal(truth.boxes, first.boxes)
            assert np.array_equal(truth.visible, first.visible)
            assert np.array_equal(truth.azimuth, first.azimuth)


def test_worlds_of_before_are_written_as_before(world, tmp_path):
    written = yaml.safe_load(dump_config(world))["videos"]
    assert "backdrop" not in written and "canvases" not in written
    assert set(written) == set(type(world.videos).model_fields) - {"backdrop", "canvases"}
    for values in ({"backdrop": "frame"}, {"canvases": 2}, {"backdrop": "plain", "canvases": 2}):
        other = with_videos(world, **values)
        text = dump_config(other)
        assert parse_config(yaml.safe_load(text), WorldConfig) == other
        assert {key: yaml.safe_load(text)["videos"][key] for key in values} == values
    (tmp_path / "world.yaml").write_text(dump_config(world))
    with pytest.raises(VidclError, match="other settings"):
        render_videos(with_videos(world, backdrop="frame"), tmp_path)


def test_wrong_backdrops_are_refused():
    for values in ({"backdrop": "none"}, {"canvases": 0}):
        with pytest.raises(VidclError, match=r"videos\."):
            parse_config({"videos": values}, WorldConfig)
