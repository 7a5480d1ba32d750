"""Scenes for the tests of tracks."""

import pytest

from tests.tracks.clips import texture
from vidcl.tracks.motion.scene import Scene


@pytest.fixture()
def still() -> Scene:
    """A scene of 160 x 120 without motion, whose mask a test may draw."""
    scene = Scene(120, with_flow=True)
    for _ in range(2):
        scene.advance(texture(0, 120, 160))
    assert scene.mask.sum() == 0
    return scene
