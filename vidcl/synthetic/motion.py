"""How the objects, the camera and the light of one clip move."""

from dataclasses import dataclass

import numpy as np

from vidcl.synthetic.config import LightConfig, VideosConfig, WorldConfig
from vidcl.synthetic.geometry import light_vector
from vidcl.synthetic.render import Poses

_DRAWS = 40


@dataclass(frozen=True)
class ClipPlan:
    """What is drawn where and when. T frames; the first object is the nearest to the camera."""

    objects: list[int]  # numbers of training instances
    poses: list[Poses]  # one per object, each over T frames
    camera: np.ndarray  # float64 [T, 2] corner of the window over the background, pixels
    light_colour: np.ndarray  # float32 [T, 3] gain of every pixel


def plan_clip(config: WorldConfig, instances: int, rng: np.random.Generator) -> ClipPlan:
    """Draw the plan of a clip with objects out of ``instances`` ones."""
    videos = config.videos
    count = int(rng.integers(videos.objects[0], videos.objects[1] + 1))
    objects = [int(n) for n in rng.choice(instances, count, replace=False)]
    centres, radii = _draw_paths(videos, count, rng)
    light = _draw_light_path(config.light, videos, rng)
    poses = [_draw_turn(videos, centres[k], radii[k], light, rng) for k in range(count)]
    camera = _between(rng.uniform(0, videos.camera_drift, (2, 2)), videos.frames)
    gains = _through(
        np.stack([draw_light_colour(config.light, rng) for _ in range(videos.light_knots)]),
        videos.frames,
    )
    return ClipPlan(objects, poses, camera, gains.astype(np.float32))


def draw_light_colour(config: LightConfig, rng: np.random.Generator) -> np.ndarray:
    """Gains [3] of red, green and blue; their geometric mean is 1."""
    logs = rng.uniform(-config.colour_range, config.colour_range, 3)
    return np.exp(logs - logs.mean())


def draw_light_angles(config: LightConfig, rng: np.random.Generator) -> np.ndarray:
    """Angles [2] of a light as ``light_vector`` takes them: from above, on either side."""
    return np.array([rng.uniform(config.min_angle, config.max_angle), rng.uniform(-20, 200)])


def _draw_light_path(
    light: LightConfig, videos: VideosConfig, rng: np.random.Generator
) -> np.ndarray:
    knots = np.stack([draw_light_angles(light, rng) for _ in range(videos.light_knots)])
    vectors = _through(light_vector(knots[:, 0], knots[:, 1]), videos.frames)
    return vectors / np.sqrt((vectors**2).sum(1, keepdims=True))


def _draw_turn(
    videos: VideosConfig,
    centre: np.ndarray,
    radius: np.ndarray,
    light: np.ndarray,
    rng: np.random.Generator,
) -> Poses:
    start, direction = rng.uniform(0, 360), rng.choice([-1.0, 1.0])
    turn = direction * rng.uniform(*videos.turn)
    return Poses(
        azimuth=_between(np.array([start, start + turn]), videos.frames),
        elevation=_between(rng.uniform(*videos.elevation, 2), videos.frames),
        roll=_between(rng.uniform(-videos.roll, videos.roll, 2), videos.frames),
        radius=radius,
        centre=centre,
        light=light,
    )


def _draw_paths(
    videos: VideosConfig, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Centres [count, T, 2] and radii [count, T].

    Objects may pass in front of each other, but a clip in which one hides another for long is drawn
    again; of too many crowded draws the least crowded one stands.
    """
    best, best_crowding = None, np.inf
    for _ in range(_DRAWS):
        paths = [_draw_path(videos, rng) for _ in range(count)]
        centres = np.stack([centre for centre, _ in paths])
        radii = np.stack([radius for _, radius in paths])
        crowding = _crowding(centres, radii)
        if best is None or crowding < best_crowding:
            best, best_crowding = (centres, radii), crowding
        if crowding <= videos.overlap:
            break
    assert best is not None
    return best


def _draw_path(videos: VideosConfig, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A bent way (a quadratic Bezier curve) that keeps most of the object in the frame."""
    radius = _between(rng.uniform(*videos.radius, 2), videos.frames)
    size = np.array([videos.width, videos.height])
    margin = 0.45 * videos.radius[1]
    knots = rng.uniform(0, 1, (3, 2)) * (size - 2 * margin) + margin
    t = np.linspace(0, 1, videos.frames)[:, None]
    return (1 - t) ** 2 * knots[0] + 2 * t * (1 - t) * knots[1] + t**2 * knots[2], radius


def _crowding(centres: np.ndarray, radii: np.ndarray) -> float:
    """Largest mean overlap depth of two discs of 0.7 radii, as a share of the smaller diameter."""
    worst = 0.0
    for i in range(len(centres)):
        for j in range(i):
            gap = np.sqrt(((centres[i] - centres[j]) ** 2).sum(-1))
            reach = 0.7 * (radii[i] + radii[j])
            depth = np.clip(reach - gap, 0, None) / (1.4 * np.minimum(radii[i], radii[j]))
            worst = max(worst, float(np.clip(depth, 0, 1).mean()))
    return worst


def _between(ends: np.ndarray, frames: int) -> np.ndarray:
    """Straight and even way from ends[0] to ends[1] in ``frames`` steps."""
    return _through(ends, frames)


def _through(knots: np.ndarray, frames: int) -> np.ndarray:
    """Straight lines through evenly spaced knots [k] or [k, n], in ``frames`` even steps."""
    at = np.linspace(0, len(knots) - 1, frames)
    low = np.minimum(at.astype(np.int64), len(knots) - 2)
    t = (at - low).reshape(-1, *[1] * (knots.ndim - 1))
    return knots[low] * (1 - t) + knots[low + 1] * t
