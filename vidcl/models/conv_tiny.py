"""The small convolutional network of the feature-suppression experiments."""

import torch
from torch import Tensor, nn

#: Channels of its three convolutions, and width of its feature.
CHANNELS, WIDTH = (32, 64, 64), 128


class ConvTiny(nn.Module):
    """Three 3x3 convolutions of stride 2 with BatchNorm and ReLU, and a dense layer.

    As in the notebook of Chen, Luo, Li (2021) on random bits. Nothing is pooled, so the feature
    keeps where things are. At 28 px with three channels some 1.7 million multiply-adds.
    """

    def __init__(self, size: int, channels: int = 3) -> None:
        """``size``: side of the images in pixels; it works at no other."""
        super().__init__()
        layers: list[nn.Module] = []
        before, side = channels, size
        for width in CHANNELS:
            conv = nn.Conv2d(before, width, 3, 2, 1, bias=False)
            layers += [conv, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            before, side = width, (side + 1) // 2
        self.features = nn.Sequential(*layers)
        self.dense = nn.Linear(before * side * side, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """[N, channels, size, size] -> [N, 128]."""
        return self.dense(torch.flatten(self.features(x), 1))
