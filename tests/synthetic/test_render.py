import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from vidcl.synthetic.geometry import light_vector, object_to_camera
from vidcl.synthetic.objects import build_instance
from vidcl.synthetic.render import Poses, projected_extent, render_object


def some_poses(count, radius=12.0):
    rng = np.random.default_rng(1)
    return Poses(
        azimuth=rng.uniform(0, 360, count),
        elevation=rng.uniform(0, 40, count),
        roll=rng.uniform(-20, 20, count),
        radius=rng.uniform(0.8, 1.0, count) * radius,
        centre=rng.uniform(10, 30, (count, 2)),
        light=light_vector(rng.uniform(0, 60, count), rng.uniform(0, 360, count)),
    )


def one_pose(poses, k):
    return Poses(**{key: value[k : k + 1] for key, value in vars(poses).items()})


def wave(x):
    return 4 * abs(x - math.floor(x) - 0.5) - 1


def reference_pixel(references, instance, poses, k, x, y, ambient):
    """Colour and coverage of one ray, in object coordinates, from first principles."""
    turn = object_to_camera(poses.azimuth, poses.elevation, poses.roll)[k]
    u, v = (np.array([x, y]) - poses.centre[k]) / poses.radius[k]
    best = SimpleNamespace(t=math.inf)
    for part in instance.parts:
        start = part.rotation.T @ (turn.T @ (u, v, 0.0) - part.centre) / part.half
        way = part.rotation.T @ (turn.T @ (0.0, 0.0, 1.0)) / part.half
        t = references[part.kind](start, way)
        if t < best.t:
            best = SimpleNamespace(t=t, part=part, p=start + t * way)
    if math.isinf(best.t):
        return np.zeros(4)
    part, p = best.part, best.p
    if part.kind == "ellipsoid":
        normal = p / part.half
    elif part.kind == "box":
        axis = int(np.abs(p).argmax())
        normal = np.eye(3)[axis] * np.sign(p[axis])
    elif abs(p[1]) > math.hypot(p[0], p[2]):
        normal = np.array([0, np.sign(p[1]), 0])
    else:
        normal = np.array([p[0] / part.half[0], 0, p[2] / part.half[2]])
    normal = turn @ part.rotation @ (normal / np.linalg.norm(normal))
    shade = ambient + (1 - ambient) * max(0.0, normal @ poses.light[k])
    q = p * part.half
    texture = part.front if (part.rotation @ q)[2] > 0 else part.back
    first, second = (
        wave(w @ q + phase) for w, phase in zip(texture.waves, texture.phases, strict=True)
    )
    value = {
        "stripes": first,
        "checker": 2 * first * second,
        "dots": min(first, second) + math.sqrt(2) - 1,
    }[texture.pattern]
    mix = min(max(4 * value + 0.5, 0), 1)
    colour = texture.colours[0] * (1 - mix) + texture.colours[1] * mix
    return np.append(colour * shade, 1.0)


@pytest.mark.parametrize("class_name", ["snowman", "bird", "truck"])
def test_pixels_equal_rays_computed_one_by_one(world, references, class_name):
    instance = build_instance(world, "train", class_name, 0)
    poses = some_poses(2)
    patches = render_object(instance, poses, ambient=0.4, supersample=1)
    wrong = 0
    for k in range(2):
        for row in range(patches.pixels.shape[1]):
            for column in range(patches.pixels.shape[2]):
                x, y = patches.corner[k] + (column + 0.5, row + 0.5)
                expected = reference_pixel(references, instance, poses, k, x, y, 0.4)
                wrong += np.abs(patches.pixels[k, row, column] - expected).max() > 5e-3
    # Float32 may put a ray on the other side of an edge between parts, faces or halves.
    assert wrong <= 0.01 * patches.pixels[..., 3].size


def test_supersampling_is_the_mean_of_finer_pixels(world):
    instance = build_instance(world, "train", "teapot", 0)
    poses = one_pose(some_poses(1), 0)
    coarse = render_object(instance, poses, ambient=0.4, supersample=2)
    finer = Poses(**{**vars(poses), "radius": poses.radius * 2, "centre": poses.centre * 2})
    fine = render_object(instance, finer, ambient=0.4, supersample=1)
    canvas = np.zeros((120, 120, 4), np.float32)
    x, y = fine.corner[0]
    canvas[y : y + fine.pixels.shape[1], x : x + fine.pixels.shape[2]] = fine.pixels[0]
    mean = canvas.reshape(60, 2, 60, 2, 4).mean((1, 3))
    x, y = coarse.corner[0]
    height, width = coarse.pixels.shape[1:3]
    difference = np.abs(mean[y : y + height, x : x + width] - coarse.pixels[0])
    assert np.quantile(difference, 0.99) < 1e-3


def test_a_pose_looks_the_same_alone_in_a_batch_and_on_any_number_of_threads(world):
    instance = build_instance(world, "train", "robot", 0)
    poses = some_poses(5)
    together = render_object(instance, poses, ambient=0.4)
    threads = torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            for k in range(5):
                alone = render_object(instance, one_pose(poses, k), ambient=0.4)
                height, width = alone.pixels.shape[1:3]
                assert np.array_equal(alone.corner[0], together.corner[k])
                assert np.array_equal(alone.pixels[0], together.pixels[k, :height, :width])
                assert not together.pixels[k, height:].any()
                assert not together.pixels[k, :, width:].any()
    finally:
        torch.set_num_threads(threads)


def test_the_projected_extent_is_the_silhouettes(world):
    poses = some_poses(4, radius=40.0)
    for name in ("lamp", "camera", "mushroom"):
        instance = build_instance(world, "tune", name, 0)
        turns = object_to_camera(poses.azimuth, poses.elevation, poses.roll)
        low, high = projected_extent(instance, turns)
        patches = render_object(instance, poses, ambient=0.4)
        for k in range(4):
            cover = patches.pixels[k, ..., 3] > 0
            rows, columns = np.flatnonzero(cover.any(1)), np.flatnonzero(cover.any(0))
            start = patches.corner[k] + (columns[0], rows[0])
            stop = patches.corner[k] + (columns[-1] + 1, rows[-1] + 1)
            radius, centre = poses.radius[k], poses.centre[k]
            assert np.abs(start - (centre + low[k] * radius)).max() < 1.5
            assert np.abs(stop - (centre + high[k] * radius)).max() < 1.5
