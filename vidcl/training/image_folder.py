"""Images as training data without an extraction: every image is a track of length one.

Each image is decoded whole whenever it is drawn, unless all of them fit in the cache of decoded
crops; ``vidcl extract --images`` once makes every later run faster.
"""

import io
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, UnidentifiedImageError

from vidcl.datasets.labelled import IMAGE_SUFFIXES, open_labelled_set
from vidcl.errors import VidclError
from vidcl.tracks.store import TrackStore, open_store

#: Side of the square that images are brought to, in pixels; as ``vidcl extract --images`` does.
CANVAS = 256
#: EXIF orientations that turn an image by a quarter.
_ORIENTATION, _TURNED = 0x0112, {5, 6, 7, 8}


class StillImages:
    """What a track store is asked for, of images that each are a track of length one.

    Attributes:
        files: their names.
        canvas: side of the square that they are brought to, in pixels.
    """

    has_changes = True  # an image does not change

    def __init__(self, path: Path, files: list[str], canvas: int) -> None:
        self.path, self.files, self.canvas = path, files, canvas
        self.lengths = np.ones(len(files), np.int64)
        self.change = np.zeros(len(files), np.float32)
        self._seen = np.zeros((len(files), 2), np.int32)  # sizes that were read; 0: not yet

    def read(self, row: int) -> IO[bytes]:
        """The file of an image, open.

        Raises:
            OSError: it is gone.
        """
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.files)

    @cached_property
    def video(self) -> np.ndarray:
        return np.array(self.files, dtype=object)

    @property
    def video_id(self) -> np.ndarray:
        return self.video

    @cached_property
    def kind(self) -> np.ndarray:
        return np.full(len(self), "image", dtype=object)

    @cached_property
    def proposer(self) -> np.ndarray:
        return np.full(len(self), "frame", dtype=object)

    @property
    def tracker(self) -> np.ndarray:
        return self.proposer

    def select(
        self,
        *,
        kind: tuple[str, ...] | None = None,
        proposer: tuple[str, ...] | None = None,
        tracker: tuple[str, ...] | None = None,
        split: tuple[str, ...] | None = None,
    ) -> np.ndarray:
        """All images, int64, or none; they are whole pictures and all for training."""
        fits = (
            (kind is None or "image" in kind)
            and (proposer is None or "frame" in proposer)
            and (tracker is None or "frame" in tracker)
            and (split is None or "train" in split)
        )
        return np.arange(len(self) if fits else 0)

    def track_id(self, row: int) -> str:
        return self.files[row]

    def times(self, row: int) -> np.ndarray:
        return np.zeros(1, np.float32)

    def changes(self, row: int) -> np.ndarray:
        return np.zeros(1, np.float32)

    def sizes(self, row: int) -> np.ndarray:
        """int64 [1, 2]: width and height as the image is shown; 1 x 1 where it cannot be read, as
        its decoding then reports. The head of an image is read once."""
        if not self._seen[row, 0]:
            self._seen[row] = self._read_size(row)
        return self._seen[row : row + 1].astype(np.int64)

    def _read_size(self, row: int) -> tuple[int, int]:
        try:
            with self.read(row) as file, Image.open(file) as image:  # reads its head alone
                turned = image.getexif().get(_ORIENTATION) in _TURNED
                width, height = image.size
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
            return 1, 1
        return (height, width) if turned else (width, height)

    def crop(self, row: int, step: int) -> bytes:
        """The file of an image; nothing where it is gone."""
        try:
            with self.read(row) as file:
                return file.read()
        except OSError:
            return b""


class ImageFolder(StillImages):
    """The images of a folder, at any depth, sorted by path."""

    def __init__(self, path: Path, canvas: int = CANVAS) -> None:
        files = sorted(_list(path))
        if not files:
            raise VidclError(f"There is no track store and no image in {path}: give one of them.")
        super().__init__(path, files, canvas)

    def read(self, row: int) -> IO[bytes]:
        return open(self.path / self.files[row], "rb")


class LabelledImages(StillImages):
    """The images of a labelled set; their labels are not looked at.

    The canvas is the longer side of the first image, at most ``CANVAS``.
    """

    def __init__(self, path: Path) -> None:
        self.set = open_labelled_set(path)
        super().__init__(path, [f"row {row}" for row in range(len(self.set))], 0)
        with self.read(0) as file, Image.open(file) as image:
            self.canvas = min(CANVAS, max(image.size))

    def read(self, row: int) -> IO[bytes]:
        return io.BytesIO(self.set.read(row))


TrainingData = TrackStore | StillImages


def open_training_data(path: str | Path) -> TrainingData:
    """A track store, a folder of images, or a labelled set (a Parquet file of images).

    Raises:
        VidclError: there is neither, or the store is damaged.
    """
    path = Path(path)
    if path.suffix == ".parquet":
        return LabelledImages(path)
    if path.is_dir() and not (path / "shards").is_dir() and next(_list(path), None) is not None:
        return ImageFolder(path)
    return open_store(path)


def _list(path: Path) -> Iterator[str]:
    """Paths of images below ``path``, hidden ones left out, in no order."""
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES and not name.startswith("."):
                yield os.path.relpath(os.path.join(folder, name), path)
