"""From drawn pairs to two batches of views."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vidcl.training.config import TrainConfig
from vidcl.training.crops import CropBatch, Crops
from vidcl.training.pairs import PairBatch
from vidcl.views.views import ViewParams, Views


@dataclass(frozen=True)
class Batch:
    """All that one step needs.

    Attributes:
        crops: of N pairs, queries first, then keys.
        params: of their 2N views.
        generator: for what else the step draws.
    """

    crops: CropBatch
    params: ViewParams
    generator: torch.Generator


class PairViews:
    """Reads crops and draws parameters ahead (``read``), and makes views of them (``make``)."""

    def __init__(self, config: TrainConfig, crops: Crops, dtype: torch.dtype | None = None) -> None:
        """``dtype``: of the resampling; None is float32."""
        self.views, self.crops = Views(config.views), crops
        self.seed, self.dtype = config.seed, dtype
        self.channels_last = config.training.channels_last
        scales = [stream.crop_scale or config.views.crop_scale for stream in config.pairs.streams]
        self.scales = torch.tensor(scales)  # [streams, 2]

    def read(self, pairs: PairBatch, step: int) -> Batch:
        """What a thread can do ahead, as a function of seed and step alone.

        Of several processes each draws the parameters of all and takes those of its pairs, so that
        views do not depend on how many processes there are.
        """
        words = np.random.SeedSequence((self.seed, step, 0)).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(words[0] >> np.uint64(1)))
        crops = self.crops.read(pairs)
        whole = pairs.everyone or pairs
        sizes = crops.sizes if whole is pairs else self.crops.sizes_of(whole)
        scale = self.scales[torch.from_numpy(whole.stream)].repeat(2, 1)
        params = self.views.sample(2 * len(whole), generator, sizes, scale)
        if pairs.places is not None:
            both = np.concatenate([pairs.places, pairs.places + len(whole)])
            params = params[torch.from_numpy(both)]
        return Batch(crops, params, generator)

    def make(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Views of queries and keys, float [N, 3, S, S] each, and the tracks they show, int64 [N],
        on the device."""
        images, rows = self.crops.finish(batch.crops)
        n, tracks = len(rows), torch.from_numpy(rows).to(images.device)
        params = batch.params.to(images.device)
        halves = slice(0, n), slice(n, None)
        x_q, x_k = (self.views.apply(images[half], params[half], self.dtype) for half in halves)
        if self.channels_last:
            layout = torch.channels_last
            x_q, x_k = (x.contiguous(memory_format=layout) for x in (x_q, x_k))
        return x_q, x_k, tracks
