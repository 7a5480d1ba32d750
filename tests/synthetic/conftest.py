import math

import pytest

from vidcl.synthetic.config import ObjectsConfig, SetsConfig, VideosConfig, WorldConfig


@pytest.fixture(scope="session")
def world():
    """A world small enough for tests, with every kind of thing in it."""
    return WorldConfig(
        seed=5,
        objects=ObjectsConfig(train_per_class=1, report_per_class=1, tune_per_class=1),
        videos=VideosConfig(
            count=3, width=64, height=48, frames=6, objects=(1, 3), radius=(12.0, 16.0)
        ),
        sets=SetsConfig(size=32, views=4, backgrounds=3, jpeg_quality=95),
    )


def enter_ellipsoid(o, d):
    a, b, c = d @ d, 2 * (o @ d), o @ o - 1
    root = b * b - 4 * a * c
    return math.inf if root < 0 else (-b - math.sqrt(root)) / (2 * a)


def enter_box(o, d):
    near, far = -math.inf, math.inf
    for k in range(3):
        first, second = sorted(((-1 - o[k]) / d[k], (1 - o[k]) / d[k]))
        near, far = max(near, first), min(far, second)
    return near if near < far else math.inf


def enter_cylinder(o, d):
    """Nearest point on the side or on a cap."""
    found = []
    a = d[0] ** 2 + d[2] ** 2
    b = 2 * (o[0] * d[0] + o[2] * d[2])
    c = o[0] ** 2 + o[2] ** 2 - 1
    root = b * b - 4 * a * c
    if root >= 0:
        for sign in (-1, 1):
            t = (-b + sign * math.sqrt(root)) / (2 * a)
            if abs(o[1] + t * d[1]) <= 1:
                found.append(t)
    for cap in (-1, 1):
        t = (cap - o[1]) / d[1]
        if (o[0] + t * d[0]) ** 2 + (o[2] + t * d[2]) ** 2 <= 1:
            found.append(t)
    return min(found, default=math.inf)


@pytest.fixture(scope="session")
def references():
    """Depth at which one ray o + t d enters each unit primitive, or inf."""
    return {"ellipsoid": enter_ellipsoid, "box": enter_box, "cylinder": enter_cylinder}
