"""Backbone and projection head together: what a contrastive method trains."""

from torch import Tensor, nn

from vidcl.models.backbones import build_backbone
from vidcl.models.config import ModelConfig
from vidcl.models.heads import build_head
from vidcl.models.spaces import Spaces
from vidcl.models.split_bn import split_batch_norm


class Tower(nn.Module):
    """Images [N, channels, size, size] -> features [N, width] and projections [N, dim], or
    [N, spaces, dim].

    Args:
        size: side of the images in pixels; networks of convolutions work at others too.
        spaces: projections into so many spaces, for methods that have several; None is one.
        branches: last stages of the backbone; with several, each space sees its own.

    Attributes:
        width: of the backbone's feature.
    """

    def __init__(
        self,
        config: ModelConfig,
        size: int = 224,
        spaces: int | None = None,
        branches: int = 1,
    ) -> None:
        super().__init__()
        backbone, width = build_backbone(
            config.backbone,
            stem=config.stem,
            size=size,
            branches=branches,
            channels=config.channels,
        )
        head = projection_head(config, width) if spaces is None else None
        if head is None:
            heads = [projection_head(config, width // branches) for _ in range(spaces or 0)]
            head = Spaces(heads, private=branches > 1)
        self.backbone = split_batch_norm(backbone, config.bn_shards)
        self.head = split_batch_norm(head, config.bn_shards)
        self.width = width

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.backbone(x)
        return features, self.head(features)


def projection_head(config: ModelConfig, width: int) -> nn.Module:
    """[N, width] -> [N, dim], as the settings say."""
    return build_head(
        config.head,
        width,
        config.dim,
        hidden=config.hidden,
        batch_norm=config.head_batch_norm,
        layers=config.head_layers,
    )
