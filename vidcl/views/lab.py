"""CIELAB (CIE 1976) of sRGB images under the white D65, there and back."""

import torch
from torch import Tensor

from vidcl.views.color import constant

#: Linear sRGB to XYZ (IEC 61966-2-1), and the white that its rows sum to.
_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
_WHITE = tuple(sum(row) for row in _XYZ)
#: Below this the cube root gives way to a line.
_EDGE = 6.0 / 29.0


def rgb_to_lab(images: Tensor) -> Tensor:
    """sRGB in [0, 1] -> lightness in [0, 100] and a, b about [-110, 110]; float [N, 3, H, W]."""
    linear = torch.where(
        images <= 0.04045, images / 12.92, ((images.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4
    )
    xyz = torch.einsum("ij,njhw->nihw", constant(_XYZ, images), linear)
    share = xyz / constant(_WHITE, images).view(3, 1, 1)
    root = share.clamp(min=_EDGE**3) ** (1 / 3)
    f = torch.where(share > _EDGE**3, root, share / (3 * _EDGE**2) + 4 / 29)
    x, y, z = f.split(1, 1)
    return torch.cat([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """The reverse; colours that sRGB does not have are cut to [0, 1] channel by channel."""
    lightness, a, b = lab.split(1, 1)
    y = (lightness + 16) / 116
    f = torch.cat([y + a / 500, y, y - b / 200], 1)
    share = torch.where(f > _EDGE, f**3, 3 * _EDGE**2 * (f - 4 / 29))
    xyz = share * constant(_WHITE, lab).view(3, 1, 1)
    back = torch.linalg.inv(torch.tensor(_XYZ, dtype=torch.float64)).tolist()
    linear = torch.einsum("ij,njhw->nihw", constant(back, lab), xyz).clamp(0.0, 1.0)
    curved = 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, linear * 12.92, curved).clamp(0.0, 1.0)
