"""PASCAL VOC 2007 classification: pictures of up to 20 classes at once."""

import os
from pathlib import Path

import numpy as np

from vidcl.datasets.labelled_set import LabelledSet, set_of_files
from vidcl.datasets.layout import check_whole, need_folder, read_lines
from vidcl.errors import VidclError

CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
#: Pictures of each split.
IMAGES = {"trainval": 5011, "test": 4952}
#: What the label columns of classes begin with.
COLUMN = "voc_"
_WANTED = "put the JPEGImages and ImageSets of VOCdevkit/VOC2007 there"


def open_voc07(path: str | Path, *, partial: bool = False) -> LabelledSet:
    """Pictures of VOC 2007 with the classes that each shows.

    Args:
        path: the folder ``VOC2007``, or one that holds it or ``VOCdevkit/VOC2007``.
        partial: accept what is there: one of the splits, and pictures may be missing.

    Returns:
        Labels ``path``, ``split`` (``trainval`` or ``test``) and for each class an int8 column
        ``voc_<class>``: 1 it is there, -1 it is not, 0 there are only difficult ones.

    Raises:
        VidclError: a split, a list or pictures are missing, or a list does not read.
    """
    given = need_folder(path, _WANTED)
    places = (given, given / "VOC2007", given / "VOCdevkit" / "VOC2007")
    folder = next((place for place in places if (place / "JPEGImages").is_dir()), given)
    need_folder(folder / "JPEGImages", _WANTED)
    lists = need_folder(folder / "ImageSets" / "Main", _WANTED)
    stems: list[str] = []
    splits: list[str] = []
    targets: list[np.ndarray] = []
    for split, published in IMAGES.items():
        if partial and not (lists / f"{CLASSES[0]}_{split}.txt").is_file():
            continue
        names, values = _read_split(lists, split)
        there = [os.path.isfile(folder / "JPEGImages" / f"{name}.jpg") for name in names]
        if not partial:
            check_whole(sum(there), published, f"pictures of VOC 2007 {split}", folder, "voc07")
            check_whole(len(names), published, f"entries of VOC 2007 {split}", lists, "voc07")
        stems += [name for name, is_there in zip(names, there, strict=True) if is_there]
        splits += [split] * sum(there)
        targets.append(values[there])
    if not stems:
        raise VidclError(f"{folder} holds no picture of VOC 2007: {_WANTED}.")
    labels = {
        "path": np.asarray([f"JPEGImages/{stem}.jpg" for stem in stems], dtype=str),
        "split": np.asarray(splits, dtype=str),
    }
    matrix = np.concatenate(targets)
    labels |= {f"{COLUMN}{name}": matrix[:, k] for k, name in enumerate(CLASSES)}
    return set_of_files("voc07", folder, labels)


def voc_targets(labelled: LabelledSet) -> tuple[tuple[str, ...], np.ndarray]:
    """The classes and which of them each picture shows.

    Returns:
        The 20 names, and int8 [N, 20]: 1 there, -1 not there, 0 only difficult ones, which
        VOC 2007 counts neither as right nor as wrong.

    Raises:
        VidclError: the set has no such columns.
    """
    missing = [name for name in CLASSES if f"{COLUMN}{name}" not in labelled.labels]
    if missing:
        raise VidclError(
            f"The set {labelled.name} has no label column {COLUMN}{missing[0]}: give one that is "
            f"opened as voc07:DIR."
        )
    columns = [labelled.labels[f"{COLUMN}{name}"] for name in CLASSES]
    return CLASSES, np.stack(columns, axis=1).astype(np.int8)


def _read_split(lists: Path, split: str) -> tuple[list[str], np.ndarray]:
    """Names of pictures [M], and int8 [M, 20]."""
    names: list[str] = []
    columns: list[np.ndarray] = []
    for label in CLASSES:
        file = lists / f"{label}_{split}.txt"
        if not file.is_file():
            raise VidclError(
                f"{lists} lacks {file.name}: unpack VOC 2007's {split} there, or give "
                f"voc07-part:{lists.parents[1]} to measure on what is there."
            )
        words = [line.split() for line in read_lines(file)]
        for word in words:
            if len(word) != 2 or word[1] not in ("-1", "0", "1") or not word[0].isalnum():
                raise VidclError(
                    f"{file} has the line '{' '.join(word)}': a picture and -1, 0 or 1 must stand "
                    f"there; unpack it again."
                )
        if columns and [word[0] for word in words] != names:
            raise VidclError(f"{file} lists other pictures than {CLASSES[0]}: unpack it again.")
        names = [word[0] for word in words]
        columns.append(np.asarray([int(word[1]) for word in words], dtype=np.int8))
    return names, np.stack(columns, axis=1)
