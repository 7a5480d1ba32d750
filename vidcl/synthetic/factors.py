"""The factors that a labelled set varies, and their values for every image.

The values of a factor are drawn per object and view, whatever the set: "wild" and "all_but_scale"
show the same azimuths, lights, backgrounds and occluders, and differ in scale alone.
"""

from dataclasses import dataclass

import numpy as np

from vidcl.errors import VidclError
from vidcl.synthetic.config import WorldConfig
from vidcl.synthetic.motion import draw_light_angles, draw_light_colour
from vidcl.synthetic.objects import Split
from vidcl.synthetic.seeding import generator

FACTORS: tuple[str, ...] = (
    "viewpoint",
    "light_direction",
    "light_color",
    "background",
    "occlusion",
    "scale",
)
SET_NAMES: tuple[str, ...] = (*FACTORS, *(f"all_but_{factor}" for factor in FACTORS), "wild")


@dataclass(frozen=True)
class FactorValues:
    """The values of all factors for the V images of one object."""

    azimuth: np.ndarray  # float64 [V] degrees in [0, 360)
    light_angles: np.ndarray  # float64 [V, 2] degrees, see geometry.light_vector
    light_colour: np.ndarray  # float64 [V, 3] gains
    background: np.ndarray  # int64 [V] canvas; 0 is the plain one that all objects share
    corner: np.ndarray  # float64 [V, 2] place of the window in the canvas, each in [0, 1)
    occlusion: np.ndarray  # float64 [V] wanted covered share
    occluder: np.ndarray  # int64 [V] number of the training instance that covers it
    occluder_azimuth: np.ndarray  # float64 [V] degrees
    occluder_size: np.ndarray  # float64 [V] relative to the object
    occluder_side: np.ndarray  # float64 [V] degrees: where the occluder comes from
    scale: np.ndarray  # float64 [V] size relative to the full crop


def varying_factors(name: str) -> tuple[str, ...]:
    """The factors that the set ``name`` varies.

    Raises:
        VidclError: there is no such set.
    """
    if name == "wild":
        return FACTORS
    if name in FACTORS:
        return (name,)
    if name in SET_NAMES:
        return tuple(factor for factor in FACTORS if name != f"all_but_{factor}")
    raise VidclError(f"There is no set '{name}'; choose among {', '.join(SET_NAMES)}.")


def draw_factors(
    config: WorldConfig, varying: tuple[str, ...], split: Split, number: int, occluders: int
) -> FactorValues:
    """Values for object ``number`` of a split; factors that do not vary keep their fixed value.

    Args:
        config: the world.
        varying: out of ``FACTORS``.
        split: the object's split.
        number: its place in ``build_instances(config, split)``.
        occluders: number of training instances.
    """
    sets, views = config.sets, config.sets.views
    code = {"train": 0, "report": 1, "tune": 2}[split]
    rng = generator(config.seed, "factors", code, number)
    azimuth = (np.arange(views) + rng.uniform(0, 1, views)) * (360 / views)
    azimuth = (azimuth + rng.uniform(0, 360)) % 360
    light_angles = np.stack([draw_light_angles(config.light, rng) for _ in range(views)])
    light_colour = np.stack([draw_light_colour(config.light, rng) for _ in range(views)])
    background = rng.integers(1, sets.backgrounds + 1, views)
    corner = rng.uniform(0, 1, (views, 2))
    occlusion = _mostly_first(*sets.occlusion, rng.uniform(0, 1, views))
    occluder = rng.integers(0, occluders, views)
    occluder_azimuth, occluder_side = rng.uniform(0, 360, (2, views))
    occluder_size = rng.uniform(*sets.occluder_size, views)
    scale = _mostly_first(*sets.scale[::-1], rng.uniform(0, 1, views))

    def pick(factor: str, values: np.ndarray, fixed: float | tuple[float, ...]) -> np.ndarray:
        return values if factor in varying else np.broadcast_to(fixed, values.shape)

    return FactorValues(
        azimuth=pick("viewpoint", azimuth, sets.azimuth),
        light_angles=pick("light_direction", light_angles, sets.light_angles),
        light_colour=pick("light_color", light_colour, 1.0),
        background=pick("background", background, 0),
        corner=pick("background", corner, 0.0),
        occlusion=pick("occlusion", occlusion, 0.0),
        occluder=occluder,
        occluder_azimuth=occluder_azimuth,
        occluder_size=occluder_size,
        occluder_side=occluder_side,
        scale=pick("scale", scale, 1.0),
    )


def _mostly_first(first: float, last: float, uniform: np.ndarray) -> np.ndarray:
    """From ``first`` to ``last``, denser near ``first``: hard images are not the rule."""
    return first + (last - first) * uniform**2
