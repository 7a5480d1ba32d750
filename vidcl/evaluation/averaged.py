"""Features averaged over random views of an image (Foster et al. 2021, section 4)."""

import zlib
from pathlib import Path

import torch
import yaml
from torch import Tensor, nn

from vidcl.config import parse_config
from vidcl.errors import VidclError
from vidcl.models.checkpoint import FORMAT, LAST, load_checkpoint
from vidcl.models.encoder import Encoder, Preprocessing
from vidcl.models.weights import read_weights
from vidcl.views.recipe import ViewConfig, recipe
from vidcl.views.views import Views

#: Images worked on at once, over all views of them.
_VIEWS_AT_ONCE = 512


class AveragedViews(nn.Module):
    """``module(module.preprocess(images))`` is the mean feature of ``count`` views of each image.

    An image's views depend on its pixels and the seed alone, so that they are the same whatever
    batch it comes in. Images are taken to have their true shapes.
    """

    def __init__(self, encoder: Encoder, views: ViewConfig, count: int, seed: int = 0) -> None:
        """Raises:
        VidclError: ``count`` is not positive.
        """
        super().__init__()
        if count < 1:
            raise VidclError(f"An average over {count} views is none: give 1 or more.")
        self.encoder, self.views = encoder, Views(views)
        self.count, self.seed = count, seed
        self.preprocessing = encoder.preprocessing
        self.feature_dim = encoder.feature_dim

    def preprocess(self, images: Tensor) -> Tensor:
        """uint8 [N, 3, h, w] -> normalised float [N * count, 3, S, S], the views of each image
        together."""
        return torch.cat([self._views_of(image) for image in images])

    def _views_of(self, image: Tensor) -> Tensor:
        """uint8 [3, h, w] -> [count, 3, S, S]."""
        # a CPU's generator takes 32 bits of its seed
        own = zlib.crc32(image.cpu().contiguous().numpy().tobytes(), self.seed)
        generator = torch.Generator().manual_seed(own)
        height, width = image.shape[1:]
        sizes = torch.tensor([[float(width), float(height)]]).repeat(self.count, 1)
        params = self.views.sample(self.count, generator, sizes).to(image.device)
        return self.views.apply(image.expand(self.count, -1, -1, -1), params)

    def forward(self, views: Tensor) -> Tensor:
        """[N * count, 3, S, S] -> [N, feature_dim]."""
        features = torch.cat([self.encoder(part) for part in views.split(_VIEWS_AT_ONCE)])
        return features.unflatten(0, (-1, self.count)).mean(1)


def training_views(source: str | Path, preprocessing: Preprocessing) -> ViewConfig:
    """The views that a run was trained with; MoCo v2's for weights that do not say."""
    path = Path(source)
    path = path / LAST if path.is_dir() else path
    facts = {"size": preprocessing.size, "mean": preprocessing.mean, "std": preprocessing.std}
    if read_weights(path).get("format") != FORMAT:
        return recipe("moco_v2", preprocessing.size).model_copy(update=facts)
    config = yaml.safe_load(load_checkpoint(path)["config"])
    return parse_config(config["views"], ViewConfig, str(path))
