"""Backbone and projection head together: what a contrastive method trains."""

from torch import Tensor, nn

from vidcl.models.backbones import build_backbone
from vidcl.models.config import ModelConfig
from vidcl.models.heads import build_head
from vidcl.models.split_bn import split_batch_norm


class Tower(nn.Module):
    """[N, 3, size, size] -> [N, dim].

    Args:
        size: side of the images in pixels; networks of convolutions work at others too.

    Attributes:
        width: of the backbone's feature.
    """

    def __init__(self, config: ModelConfig, size: int = 224) -> None:
        super().__init__()
        backbone, width = build_backbone(config.backbone, stem=config.stem, size=size)
        head = build_head(
            config.head, width, config.dim, hidden=config.hidden, batch_norm=config.head_batch_norm
        )
        self.backbone = split_batch_norm(backbone, config.bn_shards)
        self.head = split_batch_norm(head, config.bn_shards)
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.backbone(x))
