"""ETH-80 (Leibe & Schiele, 2003): 8 classes of 10 objects, each from 41 views of a half-sphere."""

import re
from pathlib import Path

import numpy as np

from vidcl.datasets.labelled_set import LabelledSet, set_of_files, text_path
from vidcl.datasets.layout import check_each, check_whole, folders_in, images_in, need_folder
from vidcl.errors import VidclError

CLASSES = ("apple", "car", "cow", "cup", "dog", "horse", "pear", "tomato")
OBJECTS = 80
VIEWS = 41
#: Folders of segmentation masks beside the pictures.
MAPS = "maps"
_WANTED = "put the folders of ETH-80's objects there, with pictures as apple1/apple1-000-000.png"
_OBJECT = re.compile(rf"(?P<class>{'|'.join(CLASSES)})\d+")
_VIEW = re.compile(r"(?P<object>[a-z]+\d+)-(?P<polar>\d{3})-(?P<azimuth>\d{3})\.(png|jpe?g)")


def open_eth80(path: str | Path, *, partial: bool = False) -> LabelledSet:
    """ETH-80 as published (``apple1/apple1-000-000.png``), or sorted into a folder per class.

    Args:
        path: the folder with the objects' or the classes' folders; masks in ``maps`` are left out.
        partial: accept what is there, however little.

    Returns:
        Labels ``path``, ``instance`` (the object), ``class``, ``polar`` (degrees from the top, 0
        to 90) and ``azimuth`` (degrees).

    Raises:
        VidclError: pictures are missing, or a folder or picture is named unlike those of ETH-80.
    """
    folder = need_folder(path, _WANTED)
    rows: list[tuple[str, str, str, float, float]] = []
    counts: list[tuple[str, int]] = []
    for child in _objects(folder):
        kind = _OBJECT.fullmatch(child.name)
        if kind is None or (child.parent != folder and child.parent.name != kind["class"]):
            raise VidclError(f"{child} is not the folder of an object of ETH-80: take it away.")
        files = images_in(child)
        counts.append((child.name, len(files)))
        for file in files:
            view = _VIEW.fullmatch(file.name)
            if view is None or view["object"] != child.name:
                raise VidclError(
                    f"{file} is not named like a view of ETH-80 ({child.name}-090-045.png): take "
                    f"it away."
                )
            angles = float(view["polar"]), float(view["azimuth"])
            rows.append((text_path(file, folder), child.name, kind["class"], *angles))
    if not rows:
        raise VidclError(f"{folder} holds no picture of ETH-80: {_WANTED}.")
    if not partial:
        check_whole(len(counts), OBJECTS, "objects of ETH-80", folder, "eth80")
        check_each(counts, VIEWS, "views", folder, "eth80")
    paths, objects, classes, polar, azimuth = zip(*rows, strict=True)
    labels = {
        "path": np.asarray(paths, dtype=str),
        "instance": np.asarray(objects, dtype=str),
        "class": np.asarray(classes, dtype=str),
        "polar": np.asarray(polar),
        "azimuth": np.asarray(azimuth),
    }
    return set_of_files("eth80", folder, labels)


def _objects(folder: Path) -> list[Path]:
    """Folders of objects: those in the folder itself, and those in folders of classes."""
    found = []
    for child in folders_in(folder):
        found += folders_in(child) if child.name in CLASSES else [child]
    return found
