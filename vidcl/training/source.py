"""Where the batches of a run come from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch

from vidcl.methods.wanted import ViewBatch, Wanted
from vidcl.training.config import TrainConfig
from vidcl.training.crops import Crops
from vidcl.training.image_folder import open_training_data
from vidcl.training.pair_views import Batch, PairViews
from vidcl.training.pairs import PairSampler
from vidcl.training.processes import Process, autocast_dtype


class Source(Protocol):
    """Makes the batch of any step, as a function of seed and step alone.

    What passes from ``read`` to ``make`` is the source's own affair, but for its attribute
    ``generator``, which draws what else the step draws.

    Attributes:
        crops: how many different images there are; bounds MoCo's queue.
        tracks: one more than the largest of the numbers that tell tracks apart.
        fingerprint: numbers that tell this data from other data, for a run that is resumed.
    """

    crops: int
    tracks: int
    fingerprint: dict[str, int]

    def read(self, step: int, wanted: Wanted) -> Any:
        """What a thread can do ahead."""

    def make(self, batch: Any) -> ViewBatch:
        """The rest, on the device."""

    def inputs(self, batch: Any) -> dict[str, Any]:
        """What to keep of a batch whose loss is no number: tensors by name."""

    def describe(self) -> list[str]:
        """Lines to read."""


#: Opens what a run trains on.
Opener = Callable[[TrainConfig, Process], Source]


class TrackSource:
    """Pairs of crops of a track store's or an image folder's tracks."""

    def __init__(self, path: str | Path, config: TrainConfig, process: Process) -> None:
        """Raises:
        VidclError: there is no such data, or it does not fit the configuration.
        """
        settings, device = config.training, process.device
        data = open_training_data(path)
        self.streams = config.pairs.streams
        self.sampler = PairSampler(
            data, config.pairs, settings.batch_size, config.seed, process.rank, process.world
        )
        cache = settings.decoded_cache_mb * 2**20
        self.loader = Crops(data, self.sampler.rows, device, cache, settings.max_bad_crops)
        self.views = PairViews(config, self.loader, autocast_dtype(settings.precision, device))
        self.crops, self.tracks = self.sampler.crops, len(data)
        self.fingerprint = {"tracks": len(self.sampler.rows), "crops": self.crops}

    def read(self, step: int, wanted: Wanted) -> Batch:
        return self.views.read(self.sampler.batch(step), step, wanted)

    def make(self, batch: Batch) -> ViewBatch:
        return self.views.make(batch)

    def inputs(self, batch: Batch) -> dict[str, Any]:
        """Tracks and steps int64, images uint8 [2N, 3, C, C], parameters of each view by name."""
        pairs = batch.crops.pairs
        return {
            "rows": torch.from_numpy(pairs.rows),
            "steps": torch.from_numpy(pairs.steps.copy()),
            "images": self.loader.finish(batch.crops)[0].cpu(),
            "params": [each.tensors() for each in batch.params],
            **({"patches": batch.patches[1].tensors()} if batch.patches else {}),
        }

    def describe(self) -> list[str]:
        pools, counts = self.sampler.pools, self.sampler.counts
        return [
            f"{count} {' or '.join(stream.kind)} pairs per step from {len(pool.rows)} tracks, "
            f"{stream.gap[0]:g} to {stream.gap[1]:g} s apart"
            + (
                f" ({pool.fallbacks} tracks have no such pair and give their nearest)"
                if pool.fallbacks
                else ""
            )
            for stream, pool, count in zip(self.streams, pools, counts, strict=True)
        ]


def tracks_of(path: str | Path) -> Opener:
    """Trains on a track store or a folder of images."""
    return lambda config, process: TrackSource(path, config, process)
