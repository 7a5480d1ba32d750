"""Cluttered background canvases, and windows that move over them."""

import numpy as np

from vidcl.synthetic.config import BackgroundConfig, Colour, WorldConfig
from vidcl.synthetic.seeding import generator

_MEAN = 0.45
_REFERENCE_AREA = 256 * 192


def background_canvas(
    config: BackgroundConfig,
    palette: tuple[Colour, ...],
    width: int,
    height: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """A canvas of colour noise under half-transparent textured shapes: float32 [height, width, 3].

    The shapes use the objects' palette, and every canvas is shifted to the same mean colour, so a
    background tells neither object from ground nor one video from another by its tone.
    """
    period = rng.uniform(*config.noise_period)
    noise = _smooth_noise(width, height, period, rng)
    canvas = np.ascontiguousarray(_MEAN + np.float32(config.noise_contrast) * noise, np.float32)
    colours = np.asarray(palette, np.float32)
    for _ in range(round(config.shapes * width * height / _REFERENCE_AREA)):
        _draw_shape(canvas, config, colours, rng)
    return canvas - canvas.mean((0, 1), dtype=np.float64).astype(np.float32) + np.float32(_MEAN)


def clip_canvas(config: WorldConfig, clip: int, step: int = 0) -> np.ndarray:
    """What the camera drifts over in a frame of a clip: float32 [height + r, width + r, 3] with r
    pixels of room for the drift.

    Args:
        step: number of the frame; of account with ``videos.backdrop`` 'frame' alone.
    """
    videos = config.videos
    room = int(np.ceil(videos.camera_drift)) + 1
    width, height = videos.width + room, videos.height + room
    if videos.backdrop == "plain":
        return np.full((height, width, 3), _MEAN, np.float32)
    number = clip * videos.frames + step if videos.backdrop == "frame" else clip
    if videos.canvases is not None:
        number %= videos.canvases
    rng = generator(config.seed, "clip_background", number)
    return background_canvas(config.background, config.objects.palette, width, height, rng)


def window(canvas: np.ndarray, x: float, y: float, width: int, height: int) -> np.ndarray:
    """The picture [height, width, 3] whose upper left corner lies at (x, y), bilinear."""
    column, row = int(np.floor(x)), int(np.floor(y))
    right, down = np.float32(x - column), np.float32(y - row)
    part = canvas[row : row + height + 1, column : column + width + 1]
    part = part[:, :-1] * (1 - right) + part[:, 1:] * right
    return part[:-1] * (1 - down) + part[1:] * down


def _smooth_noise(width: int, height: int, period: float, rng: np.random.Generator) -> np.ndarray:
    """Noise [height, width, 3] of brightness, and half as much of colour."""
    spacing = period / 2
    rows, columns = int(np.ceil(height / spacing)) + 2, int(np.ceil(width / spacing)) + 2
    knots = rng.normal(size=(rows, columns, 1)) + 0.5 * rng.normal(size=(rows, columns, 3))
    knots = knots.astype(np.float32)
    shift = rng.uniform(0, 1, 2)
    y, x = np.arange(height) / spacing + shift[1], np.arange(width) / spacing + shift[0]
    knots = _interpolate(knots, y)
    return _interpolate(knots.transpose(1, 0, 2), x).transpose(1, 0, 2)


def _interpolate(knots: np.ndarray, at: np.ndarray) -> np.ndarray:
    low = np.floor(at).astype(np.int64)
    step = (at - low).astype(np.float32)[:, None, None]
    step = step * step * (3 - 2 * step)
    return knots[low] * (1 - step) + knots[low + 1] * step


def _draw_shape(
    canvas: np.ndarray, config: BackgroundConfig, colours: np.ndarray, rng: np.random.Generator
) -> None:
    """Blend one striped or plain, rotated ellipse or rectangle into the canvas, in place."""
    height, width = canvas.shape[:2]
    half = rng.uniform(*config.shape_radius, 2)
    centre = rng.uniform(0, 1, 2) * (width, height)
    angle, stripe_angle = rng.uniform(0, np.pi, 2)
    is_round, is_striped = rng.uniform(size=2) < (0.5, 0.7)
    period, phase = rng.uniform(6.0, 16.0), rng.uniform()
    opacity = np.float32(rng.uniform(*config.shape_opacity))
    first, second = colours[rng.permutation(len(colours))[:2]]

    reach = float(np.hypot(*half)) + 1
    x0, y0 = np.maximum(np.floor(centre - reach), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(centre + reach), (width, height)).astype(int)
    x = (np.arange(x0, x1, dtype=np.float32) + np.float32(0.5 - centre[0]))[None, :]
    y = (np.arange(y0, y1, dtype=np.float32) + np.float32(0.5 - centre[1]))[:, None]
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    a, b = x * cos + y * sin, y * cos - x * sin
    if is_round:
        distance = (np.sqrt((a / half[0]) ** 2 + (b / half[1]) ** 2) - 1) * half.min()
    else:
        distance = np.maximum(np.abs(a) - half[0], np.abs(b) - half[1])
    cover = (opacity * np.clip(0.5 - distance, 0, 1)).astype(np.float32)[..., None]
    if is_striped:
        wave = (x * np.cos(stripe_angle) + y * np.sin(stripe_angle)) / period + phase
        value = 4 * np.abs(wave - np.floor(wave) - 0.5) - 1
        mix = np.clip(0.5 + 2 * value, 0, 1).astype(np.float32)[..., None]
        colour = first + (second - first) * mix
    else:
        colour = first
    area = canvas[y0:y1, x0:x1]
    area += (colour - area) * cover
