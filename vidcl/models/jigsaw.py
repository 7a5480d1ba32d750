"""A tower that projects patches too (Misra & van der Maaten 2020, section 3.2)."""

from torch import Tensor, nn

from vidcl.models.backbones import feature_width
from vidcl.models.config import ModelConfig
from vidcl.models.split_bn import split_batch_norm
from vidcl.models.tower import Tower, projection_head


class JigsawHead(nn.Module):
    """Features of patches [N, J, width] -> one projection of each image [N, dim].

    Each patch is projected to ``dim`` by a head of its own kind; the J projections, one after the
    other, go through a linear layer.

    Args:
        config: of the tower; ``head`` is the kind of the patches' head.
        width: of the backbone's feature.
        patches: J.
    """

    def __init__(self, config: ModelConfig, width: int, patches: int) -> None:
        super().__init__()
        self.patch = projection_head(config, width)
        self.image = nn.Linear(patches * config.dim, config.dim)

    def forward(self, features: Tensor) -> Tensor:
        projections = self.patch(features.flatten(0, 1))
        return self.image(projections.view(len(features), -1))


class JigsawTower(Tower):
    """A ``Tower`` with a second head, for the patches of an image.

    Images alone give what ``Tower`` gives. With patches [N, J, 3, P, P] beside them one forward
    gives features [N, width], projections [N, dim], and the patches' projections [N, dim]. The
    patches pass the same backbone by themselves, so that BatchNorm has statistics of their own.

    Args:
        config, size: as of ``Tower``.
        patches: J, of an image.
        patch: P, side of a patch in pixels.

    Raises:
        VidclError: the backbone cannot work on patches of this size.
    """

    def __init__(
        self, config: ModelConfig, size: int = 224, *, patches: int = 9, patch: int = 64
    ) -> None:
        super().__init__(config, size)
        feature_width(self.backbone, config.backbone, patch)  # raises where it cannot
        # after all that a Tower has: one seed gives the same backbone and head with and without
        self.jigsaw = split_batch_norm(JigsawHead(config, self.width, patches), config.bn_shards)

    def forward(  # type: ignore[override]
        self, x: Tensor, patches: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        features, z = super().forward(x)
        if patches is None:
            return features, z
        pieces = self.backbone(patches.flatten(0, 1))
        return features, z, self.jigsaw(pieces.unflatten(0, patches.shape[:2]))
