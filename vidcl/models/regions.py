"""Features of boxes of a picture under a trained encoder."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vidcl.errors import VidclError
from vidcl.models.checkpoint import LAST, load_encoder
from vidcl.models.encoder import Encoder


class RegionEncoder:
    """``features = RegionEncoder(run)(picture, boxes)``.

    Pickled it is a path: each process reads the network when it first needs it, so the path must
    be there on every machine that extracts.

    Args:
        path_or_run: what ``load_encoder`` takes.
        margin: a box is shown as the square about it with its longer side times this, as crops of
            a track store are.
        batch_size: crops per forward pass.
        device: where to run; None is a GPU where there is one, else the CPU. On the CPU one thread
            works: extractions run one process per core.

    Attributes:
        name: tells this checkpoint from others, whatever its path: a hash of the file.

    Raises:
        VidclError: there is no encoder that can be read.
    """

    def __init__(
        self,
        path_or_run: str | Path,
        *,
        margin: float = 1.15,
        batch_size: int = 64,
        device: str | None = None,
    ) -> None:
        path = Path(path_or_run)
        self._path = (path / LAST if path.is_dir() else path).resolve()
        self._margin = margin
        self._batch_size = batch_size
        self._device = device
        self._encoder: Encoder | None = load_encoder(path_or_run).to(self._where())
        self.name = _digest(self._path)

    def __call__(self, picture: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Features of boxes.

        Args:
            picture: uint8 [H, W, 3], RGB.
            boxes: float64 [N, 4], xyxy in pixels, finite; what is outside the picture repeats its
                edge.

        Returns:
            float32 [N, feature_dim], as the encoder gives them.

        Raises:
            VidclError: in a process that reads the file anew, it is gone or has changed.
        """
        encoder = self._loaded()
        out = np.zeros((len(boxes), encoder.feature_dim), np.float32)
        with torch.inference_mode(), _one_thread():
            for first in range(0, len(boxes), self._batch_size):
                group = boxes[first : first + self._batch_size]
                inputs = torch.cat(
                    [
                        encoder.preprocess(
                            torch.from_numpy(region_crop(picture, box, self._margin))
                            .permute(2, 0, 1)[None]
                            .to(self._where())
                        )
                        for box in group
                    ]
                )
                out[first : first + len(group)] = encoder(inputs).float().cpu().numpy()
        return out

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_encoder": None}

    def _loaded(self) -> Encoder:
        if self._encoder is None:
            encoder = load_encoder(self._path)
            if _digest(self._path) != self.name:
                raise VidclError(
                    f"{self._path} has changed since the extraction began: give a checkpoint that "
                    "stays, such as a copy."
                )
            self._encoder = encoder.to(self._where())
        return self._encoder

    def _where(self) -> str:
        return self._device or ("cuda" if torch.cuda.is_available() else "cpu")


def region_crop(picture: np.ndarray, box: np.ndarray, margin: float) -> np.ndarray:
    """What a track store would show of a box: the square about it with its longer side times
    ``margin``, on whole pixels (so a pixel from square at most), edges repeated, uint8 [h, w, 3].

    Args:
        picture: uint8 [H, W, 3].
        box: [4], xyxy in pixels.
    """
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = (float(value) for value in box)
    half = max(x1 - x0, y1 - y0) / 2 * margin
    left, top = round((x0 + x1) / 2 - half), round((y0 + y1) / 2 - half)
    right, bottom = round((x0 + x1) / 2 + half), round((y0 + y1) / 2 + half)
    rows = np.clip(np.arange(top, max(bottom, top + 1)), 0, height - 1)
    columns = np.clip(np.arange(left, max(right, left + 1)), 0, width - 1)
    return picture[rows[:, None], columns]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
