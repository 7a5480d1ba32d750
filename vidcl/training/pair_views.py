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
        tracks: int64 [N].
        generator: for what else the step draws.
    """

    crops: CropBatch
    params: ViewParams
    tracks: Tensor
    generator: torch.Generator


class PairViews:
    """Reads crops and draws parameters ahead (``read``), and makes views of them (``make``)."""

    def __init__(
        self, config: TrainConfig, crops: Crops, rank: int = 0, dtype: torch.dtype | None = None
    ) -> None:
        """``dtype``: of the resampling; None is float32."""
        self.views, self.crops = Views(config.views), crops
        self.seed, self.rank, self.dtype = config.seed, rank, dtype
        self.channels_last = config.training.channels_last
        scales = [stream.crop_scale or config.views.crop_scale for stream in config.pairs.streams]
        self.scales = torch.tensor(scales)  # [streams, 2]

    def read(self, pairs: PairBatch, step: int) -> Batch:
        """What a thread can do ahead, as a function of seed, step and process alone."""
        words = np.random.SeedSequence((self.seed, step, self.rank)).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(words[0] >> np.uint64(1)))
        crops = self.crops.read(pairs)
        scale = self.scales[torch.from_numpy(pairs.stream)].repeat(2, 1)
        params = self.views.sample(2 * len(pairs.rows), generator, crops.sizes, scale)
        return Batch(crops, params, torch.from_numpy(pairs.rows), generator)

    def make(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Views of queries and keys, float [N, 3, S, S] each, on the device."""
        n = len(batch.tracks)
        images = self.crops.finish(batch.crops)
        params = batch.params.to(images.device)
        halves = slice(0, n), slice(n, None)
        x_q, x_k = (self.views.apply(images[half], params[half], self.dtype) for half in halves)
        if self.channels_last:
            layout = torch.channels_last
            return x_q.contiguous(memory_format=layout), x_k.contiguous(memory_format=layout)
        return x_q, x_k
