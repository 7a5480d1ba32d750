import numpy as np

from vidcl.synthetic.background import background_canvas, window
from vidcl.synthetic.config import BackgroundConfig, ObjectsConfig

PALETTE = ObjectsConfig().palette


def test_canvases_differ_but_share_their_mean_colour():
    canvases = [
        background_canvas(BackgroundConfig(), PALETTE, 96, 64, np.random.default_rng(k))
        for k in (0, 0, 1)
    ]
    assert canvases[0].shape == (64, 96, 3) and canvases[0].dtype == np.float32
    assert np.array_equal(canvases[0], canvases[1])
    assert np.abs(canvases[0] - canvases[2]).mean() > 0.05
    for canvas in canvases:
        assert np.allclose(canvas.mean((0, 1)), 0.45, atol=1e-4)
        assert canvas.std() > 0.05


def test_a_window_is_bilinear():
    canvas = np.random.default_rng(0).uniform(size=(9, 9, 3)).astype(np.float32)
    assert np.array_equal(window(canvas, 2.0, 3.0, 4, 5), canvas[3:8, 2:6])
    view = window(canvas, 1.25, 2.5, 3, 3)
    for row in range(3):
        for column in range(3):
            cell = canvas[row + 2 : row + 4, column + 1 : column + 3]
            expected = (cell[0] + cell[1]) / 2
            expected = expected[0] * 0.75 + expected[1] * 0.25
            assert np.allclose(view[row, column], expected, atol=1e-6)
