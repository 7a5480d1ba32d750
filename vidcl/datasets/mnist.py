"""MNIST, and sets in its format: idx files, plain or gzipped.

An idx file is a header (two zero bytes, a byte for the type of values, a byte for the number of
axes, each axis' length as a big-endian 32-bit number) and then the values, rows first. Images of
MNIST are unsigned bytes on three axes, labels on one.
"""

import gzip
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vidcl.errors import VidclError

#: Code of unsigned bytes in an idx header, the only type that MNIST uses.
UNSIGNED_BYTE = 8
#: What the files of a pair begin with; a pair without a split has neither.
SPLITS = {"train": ("train-",), "test": ("t10k-", "test-")}
_NAMES = {"images": "images{}idx3-ubyte", "labels": "labels{}idx1-ubyte"}


@dataclass(frozen=True)
class Pictures:
    """Labelled grey pictures.

    Attributes:
        images: uint8 [N, H, W], 0 the ground and 255 full ink.
        labels: int64 [N].
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: np.ndarray) -> "Pictures":
        """The pictures of these rows, int [M]."""
        return Pictures(self.images[rows], self.labels[rows])


def read_idx(path: str | Path) -> np.ndarray:
    """The values of an idx file, uint8 of as many axes as it says.

    Raises:
        VidclError: there is no such file, it does not unpack, it is no idx file of unsigned bytes,
            or it holds fewer or more values than it says.
    """
    path = Path(path)
    data = _bytes(path)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != UNSIGNED_BYTE or not data[3]:
        raise VidclError(
            f"{path} is no idx file of unsigned bytes (it begins with {data[:4].hex() or 'nothing'}"
            f"): give the files of MNIST as they are published."
        )
    head = 4 + 4 * data[3]
    if len(data) < head:
        raise VidclError(f"{path} ends within its header: copy or download it again.")
    shape = struct.unpack(f">{data[3]}I", data[4:head])
    if len(data) - head != math.prod(shape):
        raise VidclError(
            f"{path} says {' x '.join(map(str, shape))} values and holds {len(data) - head}: copy "
            f"or download it again."
        )
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape).copy()


def open_mnist(folder: str | Path) -> dict[str, Pictures]:
    """The pairs of images and labels in a folder.

    Names are MNIST's (``train-images-idx3-ubyte``, ``t10k-labels-idx1-ubyte``), with or without
    ``.gz``, with ``-`` or ``.`` before ``idx``, and ``test`` for ``t10k`` if so wished. A single
    pair may have no prefix.

    Returns:
        ``train`` and ``test``, or ``all`` for a pair without a prefix.

    Raises:
        VidclError: no pair is there, a pair lacks one of its files, pairs with and without a prefix
            lie side by side, or the files do not fit together.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise VidclError(f"There is no folder {folder}: give one with MNIST's idx files.")
    found = {}
    for split, prefixes in {**SPLITS, "all": ("",)}.items():
        files = {what: _find(folder, prefixes, what) for what in _NAMES}
        if any(files.values()):
            found[split] = _pair(folder, files)
    if not found:
        raise VidclError(
            f"{folder} holds no idx files: give a folder with images-idx3-ubyte and "
            f"labels-idx1-ubyte, or with MNIST's four files."
        )
    if "all" in found and len(found) > 1:
        raise VidclError(f"{folder} holds pairs with and without a prefix: keep one kind.")
    return found


def train_and_test(
    folder: str | Path, train: int, test: int, rng: np.random.Generator | None = None
) -> tuple[Pictures, Pictures]:
    """So many pictures to train and so many others to test on.

    The first of each pair; of a single pair the first ``train`` and the ``test`` after them.

    Args:
        rng: shuffles each pair first, so that any of its pictures may be chosen.

    Raises:
        VidclError: as ``open_mnist``, or there are too few pictures.
    """
    pairs = open_mnist(folder)
    if min(train, test) < 1:
        raise VidclError(f"Ask for at least one picture each, not for {train} and {test}.")
    if rng is not None:
        pairs = {split: pair.take(rng.permutation(len(pair))) for split, pair in pairs.items()}
    if "all" in pairs:
        whole = pairs["all"]
        pairs = {"train": whole.take(np.arange(len(whole))[:train])}
        pairs["test"] = whole.take(np.arange(len(whole))[train:])
    for split, count in (("train", train), ("test", test)):
        there = len(pairs[split]) if split in pairs else 0
        if there < count:
            raise VidclError(
                f"{folder} has {there} pictures to {split} on, not {count}: ask for fewer."
            )
    return pairs["train"].take(np.arange(train)), pairs["test"].take(np.arange(test))


def _bytes(path: Path) -> bytes:
    try:
        if path.suffix != ".gz":
            return path.read_bytes()
        with gzip.open(path) as file:
            return file.read()
    except (OSError, EOFError, zlib.error) as error:  # a bad header, a cut end, a damaged middle
        raise VidclError(f"Cannot read {path} ({error}): copy or download it again.") from error


def _find(folder: Path, prefixes: tuple[str, ...], what: str) -> Path | None:
    for prefix in prefixes:
        for joint in "-.":
            for ending in ("", ".gz"):
                path = folder / f"{prefix}{_NAMES[what].format(joint)}{ending}"
                if path.is_file():
                    return path
    return None


def _pair(folder: Path, files: dict[str, Path | None]) -> Pictures:
    images, labels = files["images"], files["labels"]
    if images is None or labels is None:
        there, missing = (images, "labels") if labels is None else (labels, "images")
        raise VidclError(f"{folder} has {there.name if there else ''} and no {missing} with it.")
    pixels, classes = read_idx(images), read_idx(labels)
    if pixels.ndim != 3 or classes.ndim != 1:
        raise VidclError(
            f"{images} and {labels} must hold images on three axes and labels on one, not "
            f"{pixels.ndim} and {classes.ndim}."
        )
    if len(pixels) != len(classes) or not pixels.size:
        raise VidclError(
            f"{images} holds {len(pixels)} images and {labels} {len(classes)} labels: give a pair "
            f"that belongs together."
        )
    return Pictures(pixels, classes.astype(np.int64))
