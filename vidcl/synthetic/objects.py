"""Instances: a class template with its own sizes, textures and arrangement of the palette."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from vidcl.errors import VidclError
from vidcl.synthetic.config import ObjectsConfig, WorldConfig
from vidcl.synthetic.geometry import part_extents, rotation
from vidcl.synthetic.seeding import generator
from vidcl.synthetic.templates import TEMPLATES, PartTemplate, Primitive

Split = Literal["train", "report", "tune"]
Pattern = Literal["stripes", "checker", "dots"]
PATTERNS: tuple[Pattern, ...] = ("stripes", "checker", "dots")


@dataclass(frozen=True)
class Texture:
    """A two-colour solid texture: waves along two directions, combined by the pattern."""

    pattern: Pattern
    waves: np.ndarray  # float64 [2, 3]: cycles per object unit along the part's axes
    phases: np.ndarray  # float64 [2]: cycles
    colours: np.ndarray  # float64 [2, 3]: RGB in [0, 1]


@dataclass(frozen=True)
class Part:
    """One primitive in object axes, with its own look on its front and its back half."""

    kind: Primitive
    centre: np.ndarray  # float64 [3], object units
    half: np.ndarray  # float64 [3], half sizes along its own axes
    rotation: np.ndarray  # float64 [3, 3], part axes to object axes
    front: Texture
    back: Texture


@dataclass(frozen=True)
class Instance:
    """One object. Its radius (farthest point from the origin) is at most 1."""

    name: str
    class_name: str
    parts: tuple[Part, ...]


def instance_count(config: ObjectsConfig, split: Split) -> int:
    """Number of instances in a split."""
    per_class = {
        "train": config.train_per_class,
        "report": config.report_per_class,
        "tune": config.tune_per_class,
    }
    if split not in per_class:
        raise VidclError(f"Objects '{split}' do not exist: choose train, report or tune.")
    return per_class[split] * len(TEMPLATES)


def build_instances(config: WorldConfig, split: Split) -> list[Instance]:
    """All instances of a split, ordered class after class."""
    names = list(TEMPLATES)
    per_class = instance_count(config.objects, split) // len(names)
    return [
        build_instance(config, split, name, number) for name in names for number in range(per_class)
    ]


def build_instance(config: WorldConfig, split: Split, class_name: str, number: int) -> Instance:
    """Instance ``number`` of a class in a split. Splits never share an instance."""
    codes = {"train": 0, "report": 1, "tune": 2}
    index = (codes[split], list(TEMPLATES).index(class_name), number)
    rng = generator(config.seed, "instance", *index)
    template = TEMPLATES[class_name]
    shapes = _normalised([_vary(part, config.objects, rng) for part in template])
    colours = _arrange_colours([half for _, half, _ in shapes], config.objects, rng)
    parts = []
    for part, (centre, half, turn), pair in zip(template, shapes, colours, strict=True):
        front, back = _draw_textures(pair, config.objects, rng)
        parts.append(Part(part.kind, centre, half, turn, front, back))
    return Instance(f"{split}-{class_name}-{number:02d}", class_name, tuple(parts))


Shape = tuple[np.ndarray, np.ndarray, np.ndarray]


def _vary(part: PartTemplate, config: ObjectsConfig, rng: np.random.Generator) -> Shape:
    size = 1.0 + config.size_jitter * rng.uniform(-1, 1, 3)
    shift = config.offset_jitter * rng.uniform(-1, 1, 3)
    tilt = np.asarray(part.rotation) + rng.uniform(-6, 6, 3)
    turn = rotation(2, tilt[2]) @ rotation(1, tilt[1]) @ rotation(0, tilt[0])
    return np.asarray(part.centre) + shift, np.asarray(part.half) * size, turn


def _normalised(shapes: list[Shape]) -> list[Shape]:
    """Centre the object on its bounding box and bring its farthest corner to distance 1."""
    reach = [part_extents("box", turn * half) for _, half, turn in shapes]
    low = np.min([centre - r for (centre, _, _), r in zip(shapes, reach, strict=True)], axis=0)
    high = np.max([centre + r for (centre, _, _), r in zip(shapes, reach, strict=True)], axis=0)
    middle = (low + high) / 2
    corners = np.stack(np.meshgrid([-1, 1], [-1, 1], [-1, 1]), -1).reshape(8, 3)
    radius = max(
        np.linalg.norm(centre - middle + (corners * half) @ turn.T, axis=1).max()
        for centre, half, turn in shapes
    )
    return [((centre - middle) / radius, half / radius, turn) for centre, half, turn in shapes]


def _arrange_colours(
    halves: list[np.ndarray], config: ObjectsConfig, rng: np.random.Generator
) -> np.ndarray:
    """Colours of each part, [parts, 3, 3]: one all around, one on its front, one on its back.

    Of many random arrangements the one is kept that shows the object's colours in the most equal
    areas on its front and on its back, so that a colour histogram says little.
    """
    area = np.array([h[0] * h[1] + h[1] * h[2] + h[2] * h[0] for h in halves])
    area = area / area.sum()
    chosen = rng.permutation(len(config.palette))[: config.colours]
    keys = rng.uniform(size=(config.balance_draws, len(halves), config.colours))
    orders = keys.argsort(-1)[..., :3]  # [draws, parts, 3]
    amounts = np.eye(config.colours)[orders] * (area / 2)[:, None, None]
    all_around, front, back = amounts.sum(1).transpose(1, 0, 2)
    shares = np.stack([all_around + front, all_around + back])  # [2, draws, colours]
    best = orders[np.abs(shares - 1 / config.colours).sum((0, 2)).argmin()]
    return np.asarray(config.palette)[chosen[best]]


def _draw_textures(
    colours: np.ndarray, config: ObjectsConfig, rng: np.random.Generator
) -> tuple[Texture, Texture]:
    """One pattern, in two colours on the front half and in another pair on the back half.

    The two colours of a pair cover equal areas on average.
    """
    pattern = PATTERNS[rng.integers(len(PATTERNS))]
    waves = np.linalg.qr(rng.normal(size=(3, 3)))[0][:2] / rng.uniform(*config.texture_period)
    phases = rng.uniform(0, 1, 2)
    front = Texture(pattern, waves, phases, colours[[0, 1]])
    return front, Texture(pattern, waves, phases, colours[[0, 2]])
