"""From pairs to images: JPEG bytes out of the store, decoded, and kept if they all fit."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vidcl.training.bad_crops import BadCrops
from vidcl.training.image_folder import TrainingData
from vidcl.training.pairs import PairBatch


@dataclass(frozen=True)
class CropBatch:
    """The crops of B pairs: queries first, then keys.

    Attributes:
        sizes: float32 [2B, 2], width and height of each crop before squaring.
        images: uint8 [2B, 3, C, C] on the device; or, where crops are not kept,
        files: the JPEG files, each once, and
        index: int64 [2B], which file each crop is, and
        crops: row and step of each file, int64 [F, 2].
    """

    pairs: PairBatch
    sizes: Tensor
    images: Tensor | None = None
    files: tuple[bytes, ...] = ()
    index: Tensor | None = None
    crops: np.ndarray | None = None


class Crops:
    """Reads crops of chosen tracks.

    With ``cache_bytes`` enough for all of them decoded, each is decoded once, when it is first
    drawn; a step then only copies pixels. Otherwise every batch is decoded anew.
    """

    def __init__(
        self,
        store: TrainingData,
        rows: np.ndarray,
        device: torch.device,
        cache_bytes: int,
        max_bad: int = 0,
    ) -> None:
        """``max_bad``: so many different crops may turn out not to decode."""
        self.bad = BadCrops(store, max_bad)
        self.store, self.device, self.canvas = store, device, store.canvas
        self.counts: Counter[str] = Counter()
        lengths = store.lengths[rows]
        first = np.concatenate([[0], np.cumsum(lengths)])
        #: number of each track's first crop among all crops of the chosen tracks
        self.first = np.full(len(store), -1, np.int64)
        self.first[rows] = first[:-1]
        total = int(first[-1])
        self.cached = total * 3 * self.canvas**2 <= cache_bytes
        if self.cached:
            # memory is touched, and so used, only where a crop is written
            self.pixels = torch.empty(
                (total, 3, self.canvas, self.canvas), dtype=torch.uint8, device=device
            )
            self.decoded = np.zeros(total, bool)

    def sizes_of(self, pairs: PairBatch) -> Tensor:
        """float32 [2B, 2], width and height of each crop before squaring, queries first."""
        rows, steps = _split(pairs)
        known = {row: self.store.sizes(row) for row in set(rows.tolist())}
        sizes = [known[row][step] for row, step in zip(rows.tolist(), steps.tolist(), strict=True)]
        return torch.from_numpy(np.array(sizes, np.float32))

    def read(self, pairs: PairBatch) -> CropBatch:
        """What can be done ahead: fetch bytes; on the CPU and with a cache, pixels."""
        rows, steps = _split(pairs)
        crops = self.first[rows] + steps
        sizes = self.sizes_of(pairs)
        wanted, at = np.unique(crops, return_index=True)
        if self.cached:
            new = ~self.decoded[wanted]
            which = rows[at[new]], steps[at[new]]
            files = self._files(*which)
            if files:
                images = self.bad.decode(files, *which, self.device, self.counts)
                self.pixels[torch.from_numpy(wanted[new]).to(self.device)] = images
                self.decoded[wanted[new]] = True
            index = torch.from_numpy(crops).to(self.device)
            return CropBatch(pairs, sizes, images=self.pixels.index_select(0, index))
        position = torch.from_numpy(np.searchsorted(wanted, crops))
        return CropBatch(
            pairs,
            sizes,
            files=tuple(self._files(rows[at], steps[at])),
            index=position,
            crops=np.stack([rows[at], steps[at]], 1),
        )

    def finish(self, batch: CropBatch) -> tuple[Tensor, PairBatch]:
        """Images uint8 [2B, 3, C, C] on the device, and the pairs they show.

        A pair that does not decode shows another pair of the batch, see ``BadCrops``.
        """
        pairs, images = batch.pairs, batch.images
        if images is None:
            assert batch.index is not None and batch.crops is not None
            rows, steps = batch.crops.T
            images = self.bad.decode(list(batch.files), rows, steps, self.device, self.counts)
            images = images.index_select(0, batch.index.to(self.device))
        others = self.bad.replacements(pairs.rows, pairs.steps)
        if others is None:
            return images, pairs
        index = torch.from_numpy(np.concatenate([others, others + len(others)])).to(self.device)
        return images.index_select(0, index), pairs.take(others)

    def _files(self, rows: np.ndarray, steps: np.ndarray) -> list[bytes]:
        return [self.store.crop(int(r), int(s)) for r, s in zip(rows, steps, strict=True)]


def _split(pairs: PairBatch) -> tuple[np.ndarray, np.ndarray]:
    """Tracks and steps, int64 [2B] each, of all queries and then all keys."""
    rows = np.concatenate([pairs.rows, pairs.rows])
    return rows, np.concatenate([pairs.steps[:, 0], pairs.steps[:, 1]])
