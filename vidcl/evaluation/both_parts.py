"""Features of an image whose two parts the encoder was trained on (``views.split``)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from vidcl.models.encoder import Encoder
from vidcl.views.recipe import ViewConfig
from vidcl.views.split import split_view


class BothParts(nn.Module):
    """An encoder that is shown both parts of every image; their features stand side by side, each
    at unit length, so that neither outweighs the other in a cosine.

    Tian et al. 2020, section 4.1, concatenate the features of the two encoders. Without a split the
    feature is the encoder's own.
    """

    def __init__(self, encoder: Encoder, config: ViewConfig) -> None:
        """``config``: of the views that the encoder was trained on."""
        super().__init__()
        self.encoder, self.config = encoder, config
        self.preprocess, self.preprocessing = encoder.preprocess, encoder.preprocessing

    def forward(self, images: Tensor) -> Tensor:
        """Preprocessed images [N, 3, S, S] -> [N, D], or [N, 2 D] with a split."""
        if self.config.split == "none":
            return self.encoder(images)
        parts = [self.encoder(split_view(images, part, self.config)) for part in (0, 1)]
        return torch.cat([normalize(part) for part in parts], 1)
