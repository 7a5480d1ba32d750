"""Which network is trained."""

from typing import Annotated

from pydantic import Field

from vidcl.config import Config
from vidcl.models.backbones import Stem
from vidcl.models.heads import HeadKind

Count = Annotated[int, Field(ge=1)]


class ModelConfig(Config):
    """A backbone and its projection head."""

    backbone: str = "resnet50"
    """A network of torchvision (resnet50), of timm (timm:vit_small_patch16_224; extra timm), or
    resnet_tiny, conv_tiny."""
    stem: Stem = "imagenet"
    """small: a 3x3 stride-1 first convolution and no pooling, for images of 32 to 64 pixels; of a
    ResNet only."""
    channels: Count = 3
    """Of the images; more than 3 only where a study's own source of batches gives more."""
    head: HeadKind = "mlp"
    """linear (MoCo v1) or mlp (MoCo v2)."""
    head_layers: Annotated[int, Field(ge=2, le=8)] = 2
    """Layers of an mlp head: 2 has one hidden layer."""
    dim: Count = 128
    """Width of the space of the loss."""
    hidden: Count | None = None
    """Width of the head's hidden layer; by default the backbone's."""
    head_batch_norm: bool = False
    """BatchNorm in the head. Small networks with AdamW need it to leave the loss's plateau."""
    bn_shards: Count = 1
    """Virtual shards of the batch in every BatchNorm, over all processes (at least two in each),
    with the keys shuffled: what shuffle-BN is for, on one device too. 1 is plain BatchNorm."""
