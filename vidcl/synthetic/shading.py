"""What a surface point looks like: two-colour solid textures and Lambert's law.

Only exactly rounded operations are used (no sine, no matrix product over pixels), so a pixel does
not depend on how many threads or which batch computed it.
"""

import torch
from torch import Tensor

from vidcl.synthetic.objects import Part, Texture

# min(s1, s2) > 1 - sqrt(2) holds on half of the area when s1 and s2 are uniform in [-1, 1].
_DOTS = 0.4142135623730951
_SHARPNESS = 4.0


def triangle_wave(x: Tensor) -> Tensor:
    """Period 1, range [-1, 1]: 1 at the integers, -1 half-way between them."""
    return 4.0 * (x - x.floor() - 0.5).abs() - 1.0


def texture_mix(texture: Texture, q: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Share of the second colour, in [0, 1], at points of a part (object units): float32 [n]."""
    value = triangle_wave(_phase(texture, 0, q))
    if texture.pattern != "stripes":
        other = triangle_wave(_phase(texture, 1, q))
        if texture.pattern == "checker":
            value = value * other * 2.0
        else:
            value = torch.minimum(value, other) + _DOTS
    return (value * _SHARPNESS + 0.5).clamp(0.0, 1.0)


def _phase(texture: Texture, wave: int, q: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    x, y, z = (float(w) for w in texture.waves[wave])
    return q[0] * x + q[1] * y + q[2] * z + float(texture.phases[wave])


def albedo(part: Part, p: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Colour of points of a part: float32 [3, n].

    Args:
        part: the part.
        p: its unit-primitive coordinates, three of float32 [n].
    """
    q = (p[0] * float(part.half[0]), p[1] * float(part.half[1]), p[2] * float(part.half[2]))
    frontness = [float(w) for w in part.rotation[2]]
    is_front = q[0] * frontness[0] + q[1] * frontness[1] + q[2] * frontness[2] > 0
    mix = torch.where(is_front, texture_mix(part.front, q), texture_mix(part.back, q))
    colours = []
    for channel in range(3):
        front, back = part.front.colours[:, channel], part.back.colours[:, channel]
        first = torch.where(is_front, float(front[0]), float(back[0]))
        step = torch.where(is_front, float(front[1] - front[0]), float(back[1] - back[0]))
        colours.append(first + step * mix)
    return torch.stack(colours)


def surface_gradient(kind: str, p: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Outward gradient (not normalised) of the unit primitive at surface points, three of [n]."""
    if kind == "ellipsoid":
        return p
    x, y, z = p
    if kind == "cylinder":
        on_side = x * x + z * z > y * y
        return x * on_side, torch.where(on_side, 0.0, y), z * on_side
    ax, ay, az = x.abs(), y.abs(), z.abs()
    on_x = (ax >= ay) & (ax >= az)
    on_y = ~on_x & (ay >= az)
    return x * on_x, y * on_y, z * ~(on_x | on_y)


def lambert(part: Part, p: tuple[Tensor, Tensor, Tensor], light: Tensor, ambient: float) -> Tensor:
    """Brightness of surface points, in [ambient, 1]: float32 [n].

    Args:
        part: the part.
        p: unit-primitive coordinates, three of float32 [n].
        light: float32 [3, n], matrix (camera to unit primitive) times the unit vector to the light.
        ambient: share of light without a direction.
    """
    g = surface_gradient(part.kind, p)
    # The camera-axes normal is matrix^T g; the rotations in it keep lengths, so |matrix^T g| is
    # |g / half| and normal . light is g . (matrix light) over it.
    dot = g[0] * light[0] + g[1] * light[1] + g[2] * light[2]
    h = [1.0 / float(s) for s in part.half]
    norm = ((g[0] * h[0]) ** 2 + (g[1] * h[1]) ** 2 + (g[2] * h[2]) ** 2).sqrt()
    return ambient + (1.0 - ambient) * (dot / norm).clamp(min=0.0)
