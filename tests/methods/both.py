"""A network as a method's encoder: its output is the feature and the projection at once."""

from torch import Tensor, nn


class Both(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z = self.net(x)
        return z, z
