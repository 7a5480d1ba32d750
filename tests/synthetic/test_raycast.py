"""The closed forms against intersections written out for one ray at a time."""

import math

import numpy as np
import pytest
import torch

from vidcl.synthetic.geometry import rotation
from vidcl.synthetic.raycast import Rays, entry_depth

KINDS = ("ellipsoid", "box", "cylinder")


@pytest.mark.parametrize("kind", KINDS)
def test_entry_depth_equals_one_ray_at_a_time(kind, references):
    rng = np.random.default_rng(0)
    poses, size = 6, 12
    angles = rng.uniform(0, 360, (poses, 3))
    turns = np.stack([rotation(0, a) @ rotation(1, b) @ rotation(2, c) for a, b, c in angles])
    matrix = np.stack([np.diag(1 / rng.uniform(0.3, 1, 3)) @ turn for turn in turns])
    offset = rng.uniform(-0.4, 0.4, (poses, 3))
    u, v = rng.uniform(-1, 1, (poses, size)), rng.uniform(-1, 1, (poses, size))
    tensors = [torch.tensor(x, dtype=torch.float32) for x in (matrix, offset, u, v)]
    depth = entry_depth(kind, tensors[0], tensors[1], Rays(*tensors[2:])).double().numpy()

    hits = grazing = 0
    for b in range(poses):
        for i in range(size):
            for j in range(size):
                o = matrix[b] @ (u[b, j], v[b, i], 0.0) + offset[b]
                expected = references[kind](o, matrix[b][:, 2])
                if math.isinf(expected) or math.isinf(depth[b, i, j]):
                    grazing += expected != depth[b, i, j]
                else:
                    hits += 1
                    assert depth[b, i, j] == pytest.approx(expected, abs=2e-3)
    assert hits > 100
    assert grazing <= 1  # a ray along the very edge may round either way


@pytest.mark.parametrize("kind", KINDS)
def test_rays_along_an_axis_do_not_divide_by_zero(kind):
    matrix, offset = torch.eye(3)[None], torch.zeros(1, 3)
    rays = Rays(torch.tensor([[0.0, 0.5, 1.5]]), torch.tensor([[0.0]]))
    depth = entry_depth(kind, matrix, offset, rays)[0, 0]
    assert depth[0] == pytest.approx(-1.0)
    assert depth[1] == pytest.approx(-1.0 if kind == "box" else -math.sqrt(0.75), abs=1e-6)
    assert torch.isinf(depth[2])


def test_a_cylinder_seen_along_its_axis_is_a_disc():
    matrix = torch.tensor(rotation(0, 90.0), dtype=torch.float32)[None]
    rays = Rays(torch.tensor([[0.0, 0.6, 0.8]]), torch.tensor([[0.0, 0.7]]))
    depth = entry_depth("cylinder", matrix, torch.zeros(1, 3), rays)[0]
    assert torch.allclose(depth[0], torch.full((3,), -1.0), atol=1e-3)
    assert torch.isinf(depth[1]).tolist() == [False, False, True]
