import numpy as np
import pytest

from vidcl.synthetic.occlusion import cover


def disc(size):
    at = (np.arange(size) + 0.5) / size * 2 - 1
    return (at[None] ** 2 + at[:, None] ** 2 < 1).astype(np.float32)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.6])
@pytest.mark.parametrize("side", [0.0, 77.0, 200.0])
def test_the_occluder_hides_about_the_wanted_share(share, side):
    thing, occluder = disc(24), disc(22)
    corner, hidden = cover(thing, np.array([5, 7]), occluder, side, share)
    canvas = np.zeros((100, 100))
    x, y = corner + 40
    canvas[y : y + 22, x : x + 22] = occluder
    under = canvas[47:71, 45:69] * thing
    assert hidden == pytest.approx(under.sum() / thing.sum())
    assert hidden == pytest.approx(share, abs=0.05)
    if share:
        way = corner + 11 - np.array([17, 19])
        expected = np.array([np.cos(np.radians(side)), np.sin(np.radians(side))])
        assert way @ expected > 0
