"""Sets of pictures that the suppression study trains and tests on, drawn or read once per seed."""

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from vidcl.datasets.mnist import train_and_test
from vidcl.errors import VidclError
from vidcl.evaluation.images import image_source
from vidcl.synthetic.digit_on_image import resized
from vidcl.synthetic.digits import draw_digits, given_digits

#: Where pictures come from: drawn here, MNIST's files, a folder of images.
Kind = Literal["glyphs", "mnist", "images"]
#: A split's pictures uint8 [N, C, S, S] and labels int64 [N].
Split = tuple[Tensor, Tensor]


def digit_set(
    kind: Kind, path: Path | None, counts: tuple[int, int], size: int, seed: int
) -> dict[str, Split]:
    """Digits of one channel to train and to test on; each seed has its own.

    Args:
        kind: ``glyphs`` or ``mnist``.
        path: of MNIST's folder.
        counts: how many to train and to test on.
        size: side in pixels.

    Raises:
        VidclError: MNIST's files are not there, damaged or too few.
    """
    rng = np.random.default_rng([seed, 7])
    if kind == "mnist":
        assert path is not None
        pairs = [given_digits(p.images, p.labels) for p in train_and_test(path, *counts, rng)]
    else:
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        drawn = draw_digits(sum(counts), generator, size)
        pairs = [drawn.take(slice(0, counts[0])), drawn.take(slice(counts[0], None))]
    return {
        name: (resized(digits.images, size)[:, None], digits.labels)
        for name, digits in zip(("train", "test"), pairs, strict=True)
    }


def image_set(path: Path, counts: tuple[int, int], size: int, seed: int) -> dict[str, Split]:
    """Images of a folder (class = sub-folder) or of a labelled set, their centres at ``size`` px.

    At most ``counts``; where there are fewer images, they are shared out in that proportion.

    Raises:
        VidclError: there is no such set, it has no classes or a single one, or an image cannot be
            read.
    """
    source = image_source(path)
    if "class" not in source.labels:
        raise VidclError(f"{path} has no classes: give a folder with a sub-folder for each.")
    names, labels = np.unique(source.labels["class"], return_inverse=True)
    if len(names) < 2:
        raise VidclError(f"{path} has one class alone: give a folder with a sub-folder for each.")
    rows = np.random.default_rng([seed, 8]).permutation(source.count)
    rows = rows[: sum(counts)]
    first = min(counts[0], round(len(rows) * counts[0] / sum(counts)))
    images = torch.stack([centre(source.image(int(row)), size) for row in rows])
    known = torch.from_numpy(labels.reshape(-1)[rows].astype(np.int64))
    return {"train": (images[:first], known[:first]), "test": (images[first:], known[first:])}


def centre(image: np.ndarray, size: int) -> Tensor:
    """The central square of an image uint8 [H, W, 3]: uint8 [3, size, size]."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = torch.from_numpy(image[top : top + side, left : left + side].copy())
    return resized(square.permute(2, 0, 1), size)


def keep(path: Path, splits: dict[str, Split]) -> None:
    """Write a set for the processes of the runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(splits, path)


def kept(path: Path) -> dict[str, Split]:
    """What ``keep`` wrote."""
    return torch.load(path, weights_only=True)
