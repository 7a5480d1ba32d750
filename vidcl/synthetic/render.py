"""Draw one object in many poses: batched, device-agnostic, in patches that just hold it."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vidcl.synthetic.geometry import object_to_camera, part_extents
from vidcl.synthetic.objects import Instance
from vidcl.synthetic.raycast import MISS, Rays, entry_depth
from vidcl.synthetic.shading import albedo, lambert

# Sub-pixels traced at once: small enough for the intermediate pictures to stay in the CPU's cache.
_CHUNK_CPU, _CHUNK_GPU = 150_000, 20_000_000


@dataclass(frozen=True)
class Poses:
    """B poses of an object. All float64 [B], or [B, k] where said."""

    azimuth: np.ndarray  # degrees
    elevation: np.ndarray  # degrees
    roll: np.ndarray  # degrees
    radius: np.ndarray  # pixels per object unit
    centre: np.ndarray  # [B, 2] x, y of the object's origin, pixels of the frame
    light: np.ndarray  # [B, 3] unit vector to the light, camera axes


@dataclass(frozen=True)
class Patches:
    """The drawn object: patch k covers the frame's pixels from ``corner[k]`` on."""

    pixels: np.ndarray  # float32 [B, h, w, 4]: RGB times coverage, coverage in [0, 1]
    corner: np.ndarray  # int64 [B, 2] x, y of the upper left pixel; may be negative


def part_matrices(instance: Instance, rotations: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Per part: matrix [B, 3, 3] and offset [B, 3], camera axes to unit-primitive coordinates."""
    result = []
    for part in instance.parts:
        to_unit = (part.rotation / part.half).T  # diag(1 / half) @ rotation^T
        offset = np.broadcast_to(-to_unit @ part.centre, (len(rotations), 3))
        result.append((to_unit @ rotations.transpose(0, 2, 1), offset))
    return result


def projected_extent(instance: Instance, rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bounds [B, 2] (low, high) of the object in the picture, object units; never too small."""
    low, high = np.full((len(rotations), 2), np.inf), np.full((len(rotations), 2), -np.inf)
    for part in instance.parts:
        middle = (rotations @ part.centre)[:, :2]
        reach = part_extents(part.kind, rotations @ (part.rotation * part.half))[:, :2]
        low, high = np.minimum(low, middle - reach), np.maximum(high, middle + reach)
    return low, high


def render_object(
    instance: Instance,
    poses: Poses,
    *,
    ambient: float,
    supersample: int = 2,
    device: str | torch.device = "cpu",
) -> Patches:
    """Draw ``instance`` in every pose under white light.

    All patches have the size of the largest. A pixel's value depends only on its pose, not on the
    other poses of the call.
    """
    rotations = object_to_camera(poses.azimuth, poses.elevation, poses.roll)
    low, high = projected_extent(instance, rotations)
    radius = poses.radius[:, None]
    corner = np.floor(poses.centre + low * radius).astype(np.int64)
    last = np.ceil(poses.centre + high * radius).astype(np.int64)
    width, height = (int(n) for n in (last - corner).max(0))
    matrices = part_matrices(instance, rotations)

    pixels = np.empty((len(corner), height, width, 4), np.float32)
    limit = _CHUNK_CPU if torch.device(device).type == "cpu" else _CHUNK_GPU
    step = max(1, limit // (width * height * supersample**2))
    for start in range(0, len(corner), step):
        chunk = slice(start, start + step)
        offset = (corner - poses.centre)[chunk]
        grid_x = _grid(offset[:, 0], width, supersample) / radius[chunk]
        grid_y = _grid(offset[:, 1], height, supersample) / radius[chunk]
        rays = Rays(_tensor(grid_x, device), _tensor(grid_y, device))
        tensors = [(_tensor(m[chunk], device), _tensor(o[chunk], device)) for m, o in matrices]
        picture = _trace(instance, tensors, _tensor(poses.light[chunk], device), rays, ambient)
        pixels[chunk] = _shrink(picture, supersample).permute(0, 2, 3, 1).cpu().numpy()
    return Patches(pixels, corner)


def _trace(
    instance: Instance,
    matrices: list[tuple[Tensor, Tensor]],
    light: Tensor,
    rays: Rays,
    ambient: float,
) -> Tensor:
    """The nearest part of every ray, shaded: float32 [B, 4, H, W], colour and 0/1 coverage."""
    shape = (rays.u.shape[0], rays.v.shape[1], rays.u.shape[1])
    depth = torch.full(shape, MISS, device=light.device)
    owner = torch.full(shape, -1, dtype=torch.int8, device=light.device)
    for index, (part, (matrix, offset)) in enumerate(zip(instance.parts, matrices, strict=True)):
        entry = entry_depth(part.kind, matrix, offset, rays)
        owner = torch.where(entry < depth, index, owner)
        depth = torch.minimum(depth, entry)

    picture = torch.zeros((4, *shape), device=light.device)
    flat = picture.view(4, -1)
    owner, depth = owner.view(-1), depth.view(-1)
    for index, (part, (matrix, offset)) in enumerate(zip(instance.parts, matrices, strict=True)):
        hits = (owner == index).nonzero().view(-1)
        pose = hits.div(shape[1] * shape[2], rounding_mode="floor")
        row = hits.div(shape[2], rounding_mode="floor")
        u = rays.u.reshape(-1)[hits - row * shape[2] + pose * shape[2]]
        v = rays.v.reshape(-1)[row]
        t = depth[hits]
        m = matrix.reshape(-1, 9).t().contiguous()[:, pose]  # [9, n]
        o = offset.t().contiguous()[:, pose]
        x, y, z = (m[3 * k] * u + m[3 * k + 1] * v + m[3 * k + 2] * t + o[k] for k in range(3))
        towards = (matrix * light[:, None, :]).sum(2).t().contiguous()[:, pose]
        shade = lambert(part, (x, y, z), towards, ambient)
        flat[:3, hits] = albedo(part, (x, y, z)) * shade
        flat[3, hits] = 1.0
    return picture.transpose(0, 1)


def _shrink(picture: Tensor, factor: int) -> Tensor:
    """Mean over factor x factor sub-pixels, summed in a fixed order."""
    total = torch.zeros_like(picture[:, :, ::factor, ::factor])
    for y in range(factor):
        for x in range(factor):
            total = total + picture[:, :, y::factor, x::factor]
    return total / factor**2


def _grid(start: np.ndarray, pixels: int, factor: int) -> np.ndarray:
    """Sub-pixel centres [B, pixels * factor], in pixels from the object's origin."""
    return start[:, None] + (np.arange(pixels * factor) + 0.5) / factor


def _tensor(array: np.ndarray, device: str | torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)).to(device)
