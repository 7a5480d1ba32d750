"""A trained backbone together with the preprocessing it was trained for."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidcl.errors import VidclError
from vidcl.models.backbones import Stem, build_backbone

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Architecture:
    """What ``build_backbone`` needs to build the network again."""

    name: str
    stem: Stem = "imagenet"
    branches: int = 1
    channels: int = 3


@dataclass(frozen=True)
class Preprocessing:
    """Side of the input in pixels; channel means and standard deviations of images in [0, 1]."""

    size: int = 224
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


class Encoder(nn.Module):
    """``encoder(encoder.preprocess(images))`` gives features [N, feature_dim]."""

    def __init__(
        self,
        backbone: nn.Module,
        feature_dim: int,
        preprocessing: Preprocessing,
        architecture: Architecture,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.feature_dim = feature_dim
        self.preprocessing = preprocessing
        self.architecture = architecture

    def forward(self, images: Tensor) -> Tensor:
        """Normalised float [N, 3, H, W] -> [N, feature_dim]."""
        return self.backbone(images)

    def preprocess(self, images: Tensor) -> Tensor:
        """uint8 [N, 3, h, w] -> float32 [N, 3, size, size].

        Bilinear with antialiasing (the resize of the training views) to ``size`` on the shorter
        side, then the centre, then normalisation.

        Raises:
            VidclError: the network takes other channels than red, green and blue; whoever trained
                it knows how to make its input.
        """
        if self.architecture.channels != 3:
            raise VidclError(
                f"This network takes {self.architecture.channels} channels and an image has three: "
                "measure it with the study that trained it."
            )
        size = self.preprocessing.size
        height, width = images.shape[-2:]
        x = images.float() / 255
        if (height, width) != (size, size):
            scale = size / min(height, width)
            new = [max(size, round(height * scale)), max(size, round(width * scale))]
            x = F.interpolate(x, new, mode="bilinear", antialias=True, align_corners=False)
            top, left = (new[0] - size) // 2, (new[1] - size) // 2
            x = x[:, :, top : top + size, left : left + size]
        mean = torch.tensor(self.preprocessing.mean, device=x.device).view(3, 1, 1)
        std = torch.tensor(self.preprocessing.std, device=x.device).view(3, 1, 1)
        return (x - mean) / std


def build_encoder(architecture: Architecture, preprocessing: Preprocessing) -> Encoder:
    """A randomly initialised encoder for images of the preprocessing's size, in evaluation mode."""
    backbone, dim = build_backbone(
        architecture.name,
        stem=architecture.stem,
        size=preprocessing.size,
        branches=architecture.branches,
        channels=architecture.channels,
    )
    return Encoder(backbone, dim, preprocessing, architecture).eval()


def random_encoder(like: Encoder, seed: int) -> Encoder:
    """The same network untrained: the control that every table carries.

    Its BatchNorm statistics are those of initialisation (mean 0, variance 1). The caller's random
    state is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_encoder(like.architecture, like.preprocessing)
