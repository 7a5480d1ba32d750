"""Edges lie on the borders of things and not in texture."""

import cv2
import numpy as np

from vidcl.tracks.proposers.edges import edge_map, thin


def test_edges_lie_on_the_border_of_a_thing_and_point_across_it() -> None:
    image = np.full((80, 100, 3), 90, np.uint8)
    image[20:60, 30:70] = 200
    edges = edge_map(image)
    assert edges.strength.dtype == np.float32
    assert edges.strength.max() <= 1
    ys, xs = np.nonzero(edges.strength > 0.5)
    across = np.minimum(np.abs(xs - 29.5), np.abs(xs - 69.5))
    down = np.minimum(np.abs(ys - 19.5), np.abs(ys - 59.5))
    assert (np.minimum(across, down) <= 1.5).all()
    left = edges.strength[30:50, 20:40]
    assert ((left > 0.5).sum(axis=1) <= 2).all()  # thin
    assert left.max(axis=1).min() > 0.5  # and whole
    middle = edges.normal[40, 29]
    assert min(middle, np.pi - middle) < 0.1
    assert abs(edges.normal[19, 50] - np.pi / 2) < 0.1


def test_texture_is_weaker_than_a_border_of_the_same_contrast() -> None:
    image = np.full((120, 160, 3), 60, np.uint8)
    image[:, 80:] = np.where(np.arange(80)[None, :, None] // 4 % 2, 160, 60).astype(np.uint8)
    image[30:90, 20:50] = 160
    strength = edge_map(image).strength
    border, stripes = strength[40:80, 16:24].max(axis=1), strength[40:80, 100:140].max(axis=1)
    assert stripes.max() < 0.7 * border.min()


def test_a_flat_picture_has_no_edges() -> None:
    noise = np.random.default_rng(0).integers(0, 2, (60, 60, 1), np.uint8)
    assert not edge_map(np.full((60, 60, 3), 77, np.uint8)).strength.any()
    assert edge_map(np.repeat(100 + noise, 3, axis=2)).strength.mean() < 0.1


def test_thinning_equals_a_slow_reference() -> None:
    generator = np.random.default_rng(1)
    strength = cv2.GaussianBlur(generator.random((14, 17)).astype(np.float32), (0, 0), 1.0)
    normal = generator.uniform(0, np.pi, strength.shape).astype(np.float32)

    def at(x: float, y: float) -> float:
        height, width = strength.shape
        x0, y0 = int(np.floor(x)), int(np.floor(y))
        total = 0.0
        for dy in (0, 1):
            for dx in (0, 1):
                weight = (1 - abs(x - x0 - dx)) * (1 - abs(y - y0 - dy))
                row, column = np.clip(y0 + dy, 0, height - 1), np.clip(x0 + dx, 0, width - 1)
                total += weight * float(strength[row, column])
        return total

    out = thin(strength, normal)
    sure = 0
    for y in range(strength.shape[0]):
        for x in range(strength.shape[1]):
            cos, sin = np.cos(normal[y, x]), np.sin(normal[y, x])
            higher = max(at(x + cos, y + sin), at(x - cos, y - sin))
            if abs(higher - strength[y, x]) > 0.02:  # OpenCV samples at 1/32 pixel
                sure += 1
                assert out[y, x] == (strength[y, x] if strength[y, x] > higher else 0)
    assert sure > 100
