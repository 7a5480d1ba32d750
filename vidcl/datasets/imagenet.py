"""ImageNet (ILSVRC 2012) and parts of it: ``train`` and ``val`` with a folder per class."""

import re
from pathlib import Path

import numpy as np

from vidcl.datasets.labelled_set import LabelledSet, set_of_files, text_path
from vidcl.datasets.layout import (
    check_each,
    check_whole,
    folders_in,
    images_in,
    need_folder,
    read_lines,
)
from vidcl.errors import VidclError

SPLITS = ("train", "val")
#: Pictures of all 1000 classes to train on, and pictures of each class to validate on.
TRAIN_IMAGES = 1_281_167
VAL_IMAGES_OF_CLASS = 50
#: A class has 732 to 1300 pictures to train on (Russakovsky et al., 2015).
LEAST_TRAIN_IMAGES_OF_CLASS = 732
#: Where a part's classes are listed, beside ``train`` and ``val``.
CLASS_LIST = "imagenet100.txt"
_WNID = re.compile(r"n\d{8}")
_WANTED = "put train/ and val/ there, with a folder per class such as n01440764"


def open_imagenet(path: str | Path, *, partial: bool = False) -> LabelledSet:
    """All 1000 classes.

    Args:
        path: the folder with ``train`` and ``val`` (or only one of them), or one of these two.
        partial: accept what is there, however little.

    Returns:
        Labels ``path``, ``class`` (the WordNet id) and ``split``.

    Raises:
        VidclError: pictures are missing; ``val`` is not sorted into folders of classes.
    """
    return _open(Path(path), "imagenet", 1000, None, partial)


def open_imagenet100(
    path: str | Path, *, classes: str | Path | None = None, partial: bool = False
) -> LabelledSet:
    """100 classes of ImageNet, as listed in a file, one WordNet id a line.

    Args:
        path: as for ``open_imagenet``; it may hold all 1000 classes.
        classes: the list; ``imagenet100.txt`` in ``path`` or beside the split where none is given.
            Without any list the folder must hold just 100 classes.
        partial: accept what is there, however little.

    Raises:
        VidclError: as ``open_imagenet``, or the list does not name 100 classes.
    """
    path = Path(path)
    if classes is None:
        beside = [folder / CLASS_LIST for folder in (path, path.parent)]
        classes = next((file for file in beside if file.is_file()), None)
    chosen = None if classes is None else _class_list(Path(classes))
    return _open(path, "imagenet100", 100, chosen, partial)


def _class_list(file: Path) -> list[str]:
    names = read_lines(file)
    if len(set(names)) != 100 or len(names) != 100 or not all(map(_WNID.fullmatch, names)):
        raise VidclError(f"{file} must name 100 classes, one such as n01440764 a line.")
    return names


def _open(
    path: Path, kind: str, published: int, chosen: list[str] | None, partial: bool
) -> LabelledSet:
    folder = need_folder(path, _WANTED)
    splits = {name: folder / name for name in SPLITS if (folder / name).is_dir()}
    if not splits and folder.name in SPLITS:
        splits = {folder.name: folder}
    rows: list[tuple[str, str, str]] = []
    for split, place in splits.items():
        counts = []
        for child in _classes(place, chosen):
            files = images_in(child)
            counts.append((child.name, len(files)))
            rows += [(text_path(file, folder), child.name, split) for file in files]
        if not partial:
            check_whole(len(counts), published, f"classes of {kind}'s {split}", folder, kind)
            _check_counts(split, counts, published, folder, kind)
    if not rows:
        raise VidclError(f"{folder} holds no picture of ImageNet: {_WANTED}.")
    paths, classes, names = (np.asarray(column, dtype=str) for column in zip(*rows, strict=True))
    return set_of_files(kind, folder, {"path": paths, "class": classes, "split": names})


def _classes(place: Path, chosen: list[str] | None) -> list[Path]:
    found = [child for child in folders_in(place) if _WNID.fullmatch(child.name)]
    if not found and images_in(place):
        raise VidclError(
            f"The pictures of {place} lie side by side: sort them into a folder per class "
            f"({place.name}/n01440764/), by the ground truth of ImageNet's development kit."
        )
    return found if chosen is None else [child for child in found if child.name in chosen]


def _check_counts(
    split: str, counts: list[tuple[str, int]], published: int, folder: Path, kind: str
) -> None:
    named = [(f"{split}/{name}", there) for name, there in counts]
    if split == "val":
        check_each(named, VAL_IMAGES_OF_CLASS, "pictures", folder, kind)
    elif published == 1000:
        there = sum(count for _, count in counts)
        check_whole(there, TRAIN_IMAGES, "training pictures of ImageNet", folder, kind)
    else:  # how many each class of a part has depends on its list
        least = LEAST_TRAIN_IMAGES_OF_CLASS
        few = [(name, there) for name, there in named if there < least]
        check_each(few, least, "pictures, the least a class has,", folder, kind)
