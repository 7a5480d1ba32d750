"""One clip: its frames, and the exact box and visibility of every object in them."""

from dataclasses import dataclass

import numpy as np
import torch

from vidcl.synthetic.background import clip_canvas, window
from vidcl.synthetic.config import WorldConfig
from vidcl.synthetic.motion import plan_clip
from vidcl.synthetic.objects import Instance
from vidcl.synthetic.render import Patches, render_object
from vidcl.synthetic.seeding import generator


@dataclass(frozen=True)
class ObjectTruth:
    """Where one object is. Frames in which it lies outside the picture are left out."""

    name: str
    class_name: str
    frames: np.ndarray  # int64 [n] frame numbers
    boxes: np.ndarray  # float64 [n, 4] xyxy: its whole silhouette, hidden or not, cut at the frame
    visible: np.ndarray  # float64 [n] seen share of the whole silhouette, in [0, 1]
    azimuth: np.ndarray  # float64 [n] degrees in [0, 360)


@dataclass(frozen=True)
class Clip:
    """A clip before encoding."""

    frames: np.ndarray  # uint8 [T, H, W, 3] RGB
    objects: list[ObjectTruth]  # nearest first


def render_clip(
    config: WorldConfig,
    index: int,
    instances: list[Instance],
    device: str | torch.device = "cpu",
) -> Clip:
    """Draw clip ``index`` with objects out of ``instances``. It depends on nothing else."""
    videos = config.videos
    plan = plan_clip(config, len(instances), generator(config.seed, "clip", index))
    canvas = clip_canvas(config, index)
    chosen = [instances[n] for n in plan.objects]
    patches = [
        render_object(
            instance,
            poses,
            ambient=config.light.ambient,
            supersample=config.supersample,
            device=device,
        )
        for instance, poses in zip(chosen, plan.poses, strict=True)
    ]
    frames = np.empty((videos.frames, videos.height, videos.width, 3), np.uint8)
    seen = np.zeros((len(chosen), videos.frames))
    for step in range(videos.frames):
        if step and videos.backdrop == "frame":
            canvas = clip_canvas(config, index, step)
        x, y = plan.camera[step]
        picture = window(canvas, float(x), float(y), videos.width, videos.height)
        free = np.ones(picture.shape[:2], np.float32)
        for order, patch in enumerate(patches):
            seen[order, step] = _seen_share(patch, step, free)
        for patch in reversed(patches):
            paste(picture, patch.pixels[step], patch.corner[step])
        frames[step] = to_bytes(picture * plan.light_colour[step])
    truths = [
        _truth(instance, poses.azimuth, patch, seen[order], frames.shape[1:3])
        for order, (instance, poses, patch) in enumerate(
            zip(chosen, plan.poses, patches, strict=True)
        )
    ]
    return Clip(frames, truths)


def paste(picture: np.ndarray, patch: np.ndarray, corner: np.ndarray) -> None:
    """Lay a patch [h, w, 4] (premultiplied) over a picture [H, W, 3] in place."""
    inner, outer = _overlap(patch.shape[:2], corner, picture.shape[:2])
    part = patch[inner]
    picture[outer] = picture[outer] * (1 - part[..., 3:]) + part[..., :3]


def to_bytes(picture: np.ndarray) -> np.ndarray:
    """Floats in [0, 1] (others are clipped) to uint8, rounded to nearest."""
    return (np.clip(picture, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)


def silhouette_box(coverage: np.ndarray) -> tuple[int, int, int, int] | None:
    """Tight box x0, y0, x1, y1 (outer pixel edges) of a coverage picture; None if it is empty."""
    rows, columns = np.flatnonzero(coverage.any(1)), np.flatnonzero(coverage.any(0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _seen_share(patch: Patches, step: int, free: np.ndarray) -> float:
    """Share of a silhouette that nearer objects leave free; takes its place out of ``free``."""
    coverage = patch.pixels[step, ..., 3]
    inner, outer = _overlap(coverage.shape, patch.corner[step], free.shape)
    seen = float((coverage[inner] * free[outer]).sum(dtype=np.float64))
    free[outer] *= 1 - coverage[inner]
    return seen / float(coverage.sum(dtype=np.float64))


def _truth(
    instance: Instance,
    azimuth: np.ndarray,
    patch: Patches,
    seen: np.ndarray,
    size: tuple[int, ...],
) -> ObjectTruth:
    frames, boxes = [], []
    for step in range(len(seen)):
        box = silhouette_box(patch.pixels[step, ..., 3])
        if box is None:
            continue
        x, y = patch.corner[step]
        x0, x1 = np.clip([box[0] + x, box[2] + x], 0, size[1])
        y0, y1 = np.clip([box[1] + y, box[3] + y], 0, size[0])
        if x0 < x1 and y0 < y1:
            frames.append(step)
            boxes.append([x0, y0, x1, y1])
    at = np.array(frames, np.int64)
    return ObjectTruth(
        instance.name,
        instance.class_name,
        at,
        np.array(boxes, np.float64).reshape(-1, 4),
        seen[at],
        azimuth[at] % 360,
    )


def _overlap(
    inner: tuple[int, ...], corner: np.ndarray, outer: tuple[int, ...]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of a patch and of the picture under it, for the part that they share."""
    x, y = int(corner[0]), int(corner[1])
    x0, x1 = min(max(x, 0), outer[1]), max(min(x + inner[1], outer[1]), 0)
    y0, y1 = min(max(y, 0), outer[0]), max(min(y + inner[0], outer[0]), 0)
    x1, y1 = max(x0, x1), max(y0, y1)
    return (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x)), (slice(y0, y1), slice(x0, x1))
