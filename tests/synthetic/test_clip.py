import hashlib
import subprocess
import sys

import numpy as np
import pytest

from vidcl.config import dump_config
from vidcl.synthetic import clip as clip_module
from vidcl.synthetic.clip import paste, render_clip, silhouette_box
from vidcl.synthetic.motion import plan_clip
from vidcl.synthetic.objects import build_instances
from vidcl.synthetic.render import render_object
from vidcl.synthetic.seeding import generator

HASH_CLIP = """
import hashlib, sys, yaml
from vidcl.synthetic.clip import render_clip
from vidcl.synthetic.config import WorldConfig
from vidcl.synthetic.objects import build_instances
world = WorldConfig.model_validate(yaml.safe_load(sys.stdin.read()))
frames = render_clip(world, 1, build_instances(world, "train")).frames
print(hashlib.sha256(frames.tobytes()).hexdigest())
"""


@pytest.fixture(scope="module")
def instances(world):
    return build_instances(world, "train")


def test_same_seed_same_pixels_in_this_and_another_process(world, instances):
    clips = [render_clip(world, 1, instances) for _ in range(2)]
    assert np.array_equal(clips[0].frames, clips[1].frames)
    command = [sys.executable, "-c", HASH_CLIP]
    other = subprocess.run(
        command, input=dump_config(world), capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == hashlib.sha256(clips[0].frames.tobytes()).hexdigest()
    assert not np.array_equal(clips[0].frames, render_clip(world, 2, instances).frames)
    reseeded = world.model_copy(update={"seed": 6})
    assert not np.array_equal(clips[0].frames, render_clip(reseeded, 1, instances).frames)


def test_boxes_are_those_of_the_pixels_that_an_object_changes(world, instances, monkeypatch):
    alone = world.model_copy(
        update={"videos": world.videos.model_copy(update={"objects": (1, 1), "radius": (20, 30)})}
    )
    clips = {index: render_clip(alone, index, instances) for index in range(4)}
    monkeypatch.setattr(clip_module, "paste", lambda *_: None)
    cut = 0
    for index, clip in clips.items():
        empty = render_clip(alone, index, instances).frames
        (truth,) = clip.objects
        assert truth.frames.tolist() == list(range(6))
        for step, box, visible in zip(truth.frames, truth.boxes, truth.visible, strict=True):
            changed = (clip.frames[step] != empty[step]).any(-1)
            assert silhouette_box(changed) == tuple(box)
            cut += visible < 1
            assert 0 < visible <= 1
    assert cut > 0  # some object leaves the picture in part


def test_visible_shares_count_what_nearer_objects_and_the_frame_hide(world, instances):
    config = world.model_copy(
        update={"videos": world.videos.model_copy(update={"objects": (3, 3), "overlap": 1.0})}
    )
    hidden = 0
    for index in range(3):
        clip = render_clip(config, index, instances)
        plan = plan_clip(config, len(instances), generator(config.seed, "clip", index))
        patches = [
            render_object(instances[n], poses, ambient=0.4)
            for n, poses in zip(plan.objects, plan.poses, strict=True)
        ]
        for step in (0, 3):
            free = np.ones((48, 64))
            for truth, patch in zip(clip.objects, patches, strict=True):
                cover = patch.pixels[step, ..., 3]
                total = seen = 0.0
                for row in range(cover.shape[0]):
                    for column in range(cover.shape[1]):
                        x, y = patch.corner[step] + (column, row)
                        total += cover[row, column]
                        if 0 <= x < 64 and 0 <= y < 48:
                            seen += cover[row, column] * free[y, x]
                            free[y, x] *= 1 - cover[row, column]
                at = truth.frames.tolist().index(step)
                assert truth.visible[at] == pytest.approx(seen / total, abs=1e-5)
                hidden += truth.visible[at] < 0.9
    assert hidden > 0


def test_paste_cuts_at_the_frame():
    patch = np.ones((4, 6, 4), np.float32)
    for corner, area in (((-3, -2), 6), ((8, 9), 2), ((2, 3), 24), ((50, 0), 0), ((-9, 0), 0)):
        picture = np.zeros((10, 10, 3), np.float32)
        paste(picture, patch, np.array(corner))
        assert picture[..., 0].sum() == area


def test_motion_keeps_its_promises(world):
    videos = world.videos
    for index in range(20):
        plan = plan_clip(world, 12, generator(world.seed, "clip", index))
        assert 1 <= len(plan.objects) == len(set(plan.objects)) <= 3
        for poses in plan.poses:
            turn = abs(poses.azimuth[-1] - poses.azimuth[0])
            assert videos.turn[0] <= turn <= videos.turn[1]
            assert (poses.radius >= 12).all() and (poses.radius <= 16).all()
            assert np.linalg.norm(poses.light, axis=1) == pytest.approx(1)
            assert (poses.light[:, 2] < 0).all()  # from the camera's side
        assert plan.camera.min() >= 0 and plan.camera.max() <= videos.camera_drift
        assert np.log(plan.light_colour).max() < 2 * world.light.colour_range
