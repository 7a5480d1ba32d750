"""Texture randomisation by random convolutions, a stand-in for style transfer.

LooC and Stylized-ImageNet exchange textures by a style-transfer network and a set of paintings.
Without either, a random convolution (RandConv, Xu et al. 2021) changes local texture and keeps
shapes: each image is filtered by its own 3-channel kernel of normal weights, given its own colours'
means and standard deviations back (so that this changes texture and ``color`` changes colour), and
mixed with itself. It does not bring the structured strokes of a painting.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def randomise_texture(images: Tensor, kernel: Tensor, share: Tensor) -> Tensor:
    """Mix images with a random filtering of themselves.

    Args:
        images: float [N, 3, H, W] in [0, 1].
        kernel: [N, 3, 3, K, K] (out, in, rows, columns), K odd and below twice the side.
        share: [N] in [0, 1], of the filtered image.
    """
    n, channels, height, width = images.shape
    side = kernel.shape[-1]
    flat = images.reshape(1, n * channels, height, width)
    edge = [side // 2] * 4
    filtered = F.conv2d(
        F.pad(flat, edge, mode="reflect"),
        kernel.to(images.dtype).reshape(n * channels, channels, side, side),
        groups=n,
    ).view(n, channels, height, width)
    spread, mean = torch.std_mean(images, (2, 3), keepdim=True, correction=0)
    new_spread, new_mean = torch.std_mean(filtered, (2, 3), keepdim=True, correction=0)
    filtered = (filtered - new_mean) * (spread / new_spread.clamp(min=1e-6)) + mean
    part = share.to(images.dtype).view(-1, 1, 1, 1)
    return (images + part * (filtered - images)).clamp(0, 1)
