"""Crops that do not decode: reported, replaced, and too many of them end the run."""

import warnings
from collections import Counter

import numpy as np
import torch
from torch import Tensor

from vidcl.errors import VidclError
from vidcl.models.jpeg import decode_jpegs
from vidcl.training.image_folder import TrainingData


class BadCrops:
    """Which crops turned out not to decode.

    A pair with such a crop gives way to another pair of its batch (``replacements``), so batches
    keep their size and a run still depends on its seed alone.
    """

    def __init__(self, store: TrainingData, most: int) -> None:
        """``most``: so many different crops may be bad."""
        self.store, self.most = store, most
        self.found: set[tuple[int, int]] = set()

    def decode(
        self,
        files: list[bytes],
        rows: np.ndarray,
        steps: np.ndarray,
        device: torch.device,
        counts: Counter[str],
    ) -> Tensor:
        """uint8 [N, 3, C, C] of crops ``steps`` of tracks ``rows``; black where one is bad.

        Raises:
            VidclError: more crops are bad than may be.
        """
        canvas, together = self.store.canvas, Counter[str]()
        try:
            images = decode_jpegs(files, device, canvas=canvas, counts=together)
            counts.update(together)
            return images
        except VidclError:
            pass  # one of them is bad: which? counted below, one by one
        images = torch.zeros((len(files), 3, canvas, canvas), dtype=torch.uint8, device=device)
        for number, data in enumerate(files):
            try:
                images[number] = decode_jpegs([data], device, canvas=canvas, counts=counts)[0]
            except VidclError as error:
                self._report(int(rows[number]), int(steps[number]), error)
        return images

    def replacements(self, rows: np.ndarray, steps: np.ndarray) -> np.ndarray | None:
        """For each of B pairs (rows [B], steps [B, 2]) the pair to use, int64 [B]: itself, or the
        next one of the batch whose crops are both good; None where all are themselves.

        Raises:
            VidclError: no pair is good.
        """
        if not self.found:
            return None
        good = np.array(
            [
                not {(row, int(a)), (row, int(b))} & self.found
                for row, (a, b) in zip(rows.tolist(), steps, strict=True)
            ]
        )
        if good.all():
            return None
        if not good.any():
            raise VidclError(
                f"No pair of a whole batch of {self.store.path} can be decoded: extract it again."
            )
        places = np.flatnonzero(good)
        following = np.searchsorted(places, np.arange(len(rows))) % len(places)
        return places[following]

    def _report(self, row: int, step: int, error: VidclError) -> None:
        if (row, step) in self.found:
            return
        self.found.add((row, step))
        name = f"crop {step} of track {self.store.track_id(row)} ({self.store.video[row]})"
        if len(self.found) > self.most:
            raise VidclError(
                f"More than {self.most} crops cannot be decoded, the last is {name}: extract the "
                "store again, or allow more with --training.max-bad-crops."
            ) from error
        warnings.warn(f"{name} cannot be decoded and is left out: {error}", stacklevel=4)
