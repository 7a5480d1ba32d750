"""Pairs of patches at a set distance."""

import numpy as np
import pytest
import torch

from vidcl.errors import VidclError
from vidcl.views.distance import distant_boxes


def draw(distance, size, n=4000, seed=0):
    generator = torch.Generator().manual_seed(seed)
    boxes = torch.zeros(n, 4)
    boxes[:, 2:] = torch.tensor(size)
    return distant_boxes(boxes, distance, generator)


@pytest.mark.parametrize("distance", [0.0, 0.5, 1.0, 2.5])
def test_boxes_lie_inside_at_the_distance(distance):
    size = torch.tensor([0.25, 0.2])
    query, key = draw(distance, (0.25, 0.2))
    for box in (query, key):
        assert box.min() >= 0 and box.max() <= 1 + 1e-6
        torch.testing.assert_close(box[:, 2:] - box[:, :2], size.expand(len(box), 2))
    apart = (key - query)[:, :2]
    torch.testing.assert_close(apart.abs(), (distance * size).expand(len(apart), 2))
    if distance:
        signs, counts = np.unique(torch.sign(apart).numpy(), axis=0, return_counts=True)
        assert len(signs) == 4
        assert np.abs(counts / len(apart) - 0.25).max() < 0.04  # 5.8 standard deviations


def test_places_are_even_over_all_that_fit():
    """Against rejection: draw both ends anywhere, keep the pairs that fit."""
    query, key = draw(1.5, (0.3, 0.2), n=20000)
    rng = np.random.default_rng(1)
    start = rng.uniform(0, 1, (200000, 2))
    end = start + rng.choice([-1, 1], (200000, 2)) * 1.5 * np.array([0.3, 0.2])
    size = np.array([0.3, 0.2])
    fits = ((start + size <= 1) & (end >= 0) & (end + size <= 1)).all(1)
    got = np.concatenate([query[:, :2].numpy(), key[:, :2].numpy()], 1)
    wanted = np.concatenate([start[fits], end[fits]], 1)
    for column in range(4):
        shares = np.linspace(0.02, 0.98, 25)
        ours, theirs = (np.quantile(x[:, column], shares) for x in (got, wanted))
        assert np.abs(ours - theirs).max() < 0.02


def test_distance_nought_is_the_same_patch_and_draws_repeat():
    query, key = draw(0.0, (0.4, 0.4))
    assert torch.equal(query, key)
    assert all(map(torch.equal, draw(1.0, (0.4, 0.4)), draw(1.0, (0.4, 0.4))))


def test_a_pair_that_does_not_fit_is_an_error():
    draw(1.5, (0.4, 0.1), n=5)  # 2.5 sides of 0.4: just fits
    with pytest.raises(VidclError, match=r"views.distance of at most 1.5"):
        draw(1.6, (0.4, 0.1), n=5)
