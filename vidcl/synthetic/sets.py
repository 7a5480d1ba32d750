"""Labelled evaluation sets of held-out objects, one factor, all but one, or all of them varied.

Each image is a square crop around one object, its side the longer side of the object's tight box
times the margin, as an ideal tracker's box would give. Where scale varies, the object is smaller
within the crop by that factor. Where the background does not vary, all images of all objects show
the same window of one canvas of noise without shapes, so it tells nothing. Occluders are training
objects, another one in every image. Images pass through JPEG once, as crops in a track store do.
"""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image

from vidcl.config import dump_config
from vidcl.synthetic.background import background_canvas, window
from vidcl.synthetic.claim import claim_folder
from vidcl.synthetic.clip import paste, to_bytes
from vidcl.synthetic.config import WorldConfig
from vidcl.synthetic.factors import SET_NAMES, FactorValues, draw_factors, varying_factors
from vidcl.synthetic.geometry import light_vector, object_to_camera
from vidcl.synthetic.objects import Instance, build_instances
from vidcl.synthetic.occlusion import cover
from vidcl.synthetic.render import Patches, Poses, projected_extent, render_object
from vidcl.synthetic.seeding import generator

Progress = Callable[[int, int], None]
WriteSet = Callable[[Path, str, np.ndarray, dict[str, np.ndarray]], object]
Held = Literal["report", "tune"]
_CANVAS = 2  # side of a background canvas in crops


def evaluation_set(
    config: WorldConfig,
    name: str,
    *,
    objects: Held = "report",
    device: str | torch.device = "cpu",
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Render one labelled set.

    Args:
        config: the world.
        name: one of ``SET_NAMES``.
        objects: which held-out objects.
        device: where rays are traced.

    Returns:
        Images uint8 [N, S, S, 3] and label columns of N rows: ``instance``, ``class``, ``factor``
        (the set's name), ``view`` (number of the image within its object), ``azimuth``,
        ``elevation``, ``light_angle``, ``light_around`` (degrees), ``light_red``, ``light_green``,
        ``light_blue`` (gains), ``background`` (canvas number), ``occlusion`` (covered share) and
        ``scale``.

    Raises:
        VidclError: unknown ``name`` or ``objects``.
    """
    varying = varying_factors(name)
    instances = build_instances(config, objects)
    occluders = build_instances(config, "train")
    canvases = _Canvases(config)
    images, columns = [], []
    for number, instance in enumerate(instances):
        values = draw_factors(config, varying, objects, number, len(occluders))
        covering = [occluders[n] for n in values.occluder] if "occlusion" in varying else None
        pictures, covered = _draw_views(config, instance, values, covering, canvases, device)
        images.append(pictures)
        columns.append(_labels(config, name, instance, values, covered))
    labels = {key: np.concatenate([column[key] for column in columns]) for key in columns[0]}
    return np.concatenate(images), labels


def write_sets(
    config: WorldConfig,
    out: Path,
    names: Sequence[str] = SET_NAMES,
    objects: Held = "report",
    *,
    write: WriteSet,
    device: str | torch.device = "cpu",
    progress: Progress | None = None,
) -> Path:
    """Render sets to ``out/<name>.parquet``; those that are there are kept. Returns ``out``.

    Args:
        write: ``datasets.labelled.write_labelled_set`` (called with path, name, images, labels).
        progress: called with (sets done, sets in all).

    Raises:
        VidclError: unknown name, or ``out`` holds the sets of another world or of other objects.
    """
    out = Path(out)
    for name in names:
        varying_factors(name)
    claim_folder(out / "sets.yaml", f"objects: {objects}\n{dump_config(config)}")
    for done, name in enumerate(names):
        if progress:
            progress(done, len(names))
        path = out / f"{name}.parquet"
        if not path.is_file():
            write(path, name, *evaluation_set(config, name, objects=objects, device=device))
    if progress:
        progress(len(names), len(names))
    return out


class _Canvases:
    """Background canvases by number, each made when it is first asked for."""

    def __init__(self, config: WorldConfig) -> None:
        self.config = config
        self.made: dict[int, np.ndarray] = {}

    def window(self, number: int, corner: np.ndarray) -> np.ndarray:
        """Window of a canvas, float32 [S, S, 3]; corner in [0, 1) per axis."""
        size = self.config.sets.size
        if number not in self.made:
            clutter = self.config.background
            if number == 0:
                clutter = clutter.model_copy(update={"shapes": 0})
            self.made[number] = background_canvas(
                clutter,
                self.config.objects.palette,
                _CANVAS * size + 1,
                _CANVAS * size + 1,
                generator(self.config.seed, "set_background", number),
            )
        x, y = corner * (_CANVAS - 1) * size
        return window(self.made[number], float(x), float(y), size, size)


def _draw_views(
    config: WorldConfig,
    instance: Instance,
    values: FactorValues,
    occluders: list[Instance] | None,
    canvases: _Canvases,
    device: str | torch.device,
) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 [V, S, S, 3] of one object and the covered share [V] in each."""
    sets = config.sets
    light = light_vector(values.light_angles[:, 0], values.light_angles[:, 1])
    elevation = np.full(sets.views, sets.elevation)
    low, high = projected_extent(
        instance, object_to_camera(values.azimuth, elevation, np.zeros(sets.views))
    )
    radius = sets.size * values.scale / (sets.margin * (high - low).max(1))
    centre = sets.size / 2 - (low + high) / 2 * radius[:, None]

    def render(which: Instance, views: slice, turn: np.ndarray, size: np.ndarray) -> Patches:
        poses = Poses(
            azimuth=turn[views],
            elevation=elevation[views],
            roll=np.zeros_like(turn[views]),
            radius=size[views],
            centre=centre[views],
            light=light[views],
        )
        return render_object(
            which,
            poses,
            ambient=config.light.ambient,
            supersample=config.supersample,
            device=device,
        )

    patches = render(instance, slice(None), values.azimuth, radius)
    images = np.empty((sets.views, sets.size, sets.size, 3), np.uint8)
    covered = np.zeros(sets.views)
    for view in range(sets.views):
        picture = canvases.window(int(values.background[view]), values.corner[view])
        paste(picture, patches.pixels[view], patches.corner[view])
        if occluders is not None:
            sizes = radius * values.occluder_size
            only = slice(view, view + 1)
            shade = render(occluders[view], only, values.occluder_azimuth, sizes).pixels[0]
            corner, covered[view] = cover(
                patches.pixels[view, ..., 3],
                patches.corner[view],
                shade[..., 3],
                float(values.occluder_side[view]),
                float(values.occlusion[view]),
            )
            paste(picture, shade, corner)
        gains = values.light_colour[view].astype(np.float32)
        images[view] = _through_jpeg(to_bytes(picture * gains), sets.jpeg_quality)
    return images, covered


def _labels(
    config: WorldConfig, name: str, instance: Instance, values: FactorValues, covered: np.ndarray
) -> dict[str, np.ndarray]:
    views = config.sets.views
    return {
        "instance": np.full(views, instance.name),
        "class": np.full(views, instance.class_name),
        "factor": np.full(views, name),
        "view": np.arange(views),
        "azimuth": values.azimuth,
        "elevation": np.full(views, config.sets.elevation),
        "light_angle": values.light_angles[:, 0],
        "light_around": values.light_angles[:, 1],
        "light_red": values.light_colour[:, 0],
        "light_green": values.light_colour[:, 1],
        "light_blue": values.light_colour[:, 2],
        "background": values.background,
        "occlusion": covered,
        "scale": values.scale,
    }


def _through_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))
