"""PASCAL3D+ 1.1 (Xiang, Mottaghi & Savarese, 2014): the sets of Purushwalkam & Gupta (2020).

12 classes of rigid objects in pictures of ImageNet and PASCAL VOC, each with a box and a coarse
viewpoint. The azimuth is folded at 180 degrees into 6 bins of 30, so front and back, left and right
come together; the elevation is taken modulo 90 into 3 bins of 30.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from vidcl.datasets.labelled_set import LabelledSet, set_of_files
from vidcl.datasets.layout import need_folder, read_lines
from vidcl.errors import VidclError, require

CLASSES = (
    "aeroplane",
    "bicycle",
    "boat",
    "bottle",
    "bus",
    "car",
    "chair",
    "diningtable",
    "motorbike",
    "sofa",
    "train",
    "tvmonitor",
)
AZIMUTH_BINS = 6
#: Degrees of a bin, of azimuth and of elevation.
BIN = 30
INSTANCE = "pascal3d-instance"
VIEWPOINT = "pascal3d-viewpoint"
_WANTED = "put the Annotations, Images and Image_sets of PASCAL3D+_release1.1 there"


@dataclass(frozen=True)
class View:
    """One annotated object: its picture, its number there, its box and coarse angles in degrees."""

    path: str
    number: int
    object_class: str
    box: np.ndarray
    azimuth: float
    elevation: float

    @property
    def azimuth_bin(self) -> int:
        return int(self.azimuth % 180 // BIN)

    @property
    def elevation_bin(self) -> int:
        return int(self.elevation % 90 // BIN)


def open_pascal3d(path: str | Path, kind: str, *, partial: bool = False) -> LabelledSet:
    """Sets of instances seen alike, or of instances each seen from another side.

    ``pascal3d-instance``: a set is one class in one bin of azimuth and one of elevation.
    ``pascal3d-viewpoint``: within a class the j-th object of each bin of azimuth goes into set j,
    so a set holds up to 6 instances, one per bin. Objects come in the order of the lists: ImageNet
    train, ImageNet val, PASCAL.

    The lists of ImageNet are ``Image_sets/<class>_imagenet_{train,val}.txt`` and mean the first
    object of each picture. The authors' list ``<class>_pascal.txt`` (picture and object, from 0) is
    not in the release: where it lies in ``Image_sets`` it is used, else every object of the class
    that has a viewpoint, by file name.

    Args:
        path: the folder ``PASCAL3D+_release1.1``, or the one it lies in.
        partial: accept what is there: classes, pictures and annotations may be missing.

    Returns:
        Labels ``path``, ``instance`` (``path#object``: a picture may show several), ``set``,
        ``class``, ``azimuth`` and ``elevation`` (coarse, degrees), ``factor`` (``instance`` or
        ``instance and viewpoint``); boxes are the objects'.

    Raises:
        VidclError: scipy is absent, a part is missing, or an annotation does not read.
    """
    folder = need_folder(path, _WANTED)
    if (folder / "PASCAL3D+_release1.1").is_dir():
        folder = folder / "PASCAL3D+_release1.1"
    matlab = require("scipy.io", "vidcl[datasets]")
    for part in ("Annotations", "Images", "Image_sets"):
        need_folder(folder / part, _WANTED)
    views: list[View] = []
    for name in CLASSES:
        found = _class_views(matlab, folder, name, kind, partial)
        if not found and not partial:
            raise VidclError(f"{folder} holds no {name}: {_WANTED}.")
        views += found
    if not views:
        raise VidclError(f"{folder} holds no picture of PASCAL3D+: {_WANTED}.")
    factor = "instance" if kind == INSTANCE else "instance and viewpoint"
    labels = {
        "path": np.asarray([view.path for view in views], dtype=str),
        "instance": np.asarray([f"{view.path}#{view.number}" for view in views], dtype=str),
        "set": np.asarray(alike(views) if kind == INSTANCE else turning(views), dtype=str),
        "class": np.asarray([view.object_class for view in views], dtype=str),
        "azimuth": np.asarray([view.azimuth for view in views]),
        "elevation": np.asarray([view.elevation for view in views]),
        "factor": np.full(len(views), factor),
    }
    return set_of_files(kind, folder, labels, np.asarray([view.box for view in views]))


def alike(views: list[View]) -> list[str]:
    """The set of each object among those of its class seen alike."""
    return [
        f"{view.object_class} azimuth {BIN * view.azimuth_bin} elevation {BIN * view.elevation_bin}"
        for view in views
    ]


def turning(views: list[View]) -> list[str]:
    """The set of each object among those of its class seen from unlike sides."""
    seen: dict[tuple[str, int], int] = {}
    sets = []
    for view in views:
        place = (view.object_class, view.azimuth_bin)
        sets.append(f"{view.object_class} {seen.get(place, 0)}")
        seen[place] = seen.get(place, 0) + 1
    return sets


def _class_views(
    matlab: ModuleType, folder: Path, name: str, kind: str, partial: bool
) -> list[View]:
    views = []
    for part, suffix, listed in _listed(folder, name, partial):
        for stem, number in listed:
            annotation = folder / "Annotations" / part / f"{stem}.mat"
            image = f"Images/{part}/{stem}{suffix}"
            lacks = [file for file in (annotation, folder / image) if not os.path.isfile(file)]
            if lacks and not partial:
                raise VidclError(
                    f"{folder} lacks {lacks[0].relative_to(folder)}: unpack {part} again, or give "
                    f"{kind}-part:{folder} to pass over what is missing."
                )
            if not lacks:
                views += _views(matlab, annotation, image, name, number)
    return views


def _listed(
    folder: Path, name: str, partial: bool
) -> list[tuple[str, str, list[tuple[str, int | None]]]]:
    """(part, suffix of its pictures, [(picture, object or None for all of the class)])."""
    lists = folder / "Image_sets"
    found: list[tuple[str, str, list[tuple[str, int | None]]]] = []
    for split in ("train", "val"):
        file = lists / f"{name}_imagenet_{split}.txt"
        if file.is_file() or not partial:
            entries: list[tuple[str, int | None]] = [(_stem(file, w), 0) for w in read_lines(file)]
            found.append((f"{name}_imagenet", ".JPEG", entries))
    part, file = f"{name}_pascal", lists / f"{name}_pascal.txt"
    if file.is_file():
        entries = []
        for line in read_lines(file):
            stem, _, number = line.partition(" ")
            if not number.isdecimal():
                raise VidclError(f"{file} has the line '{line}': give a picture and an object.")
            entries.append((_stem(file, stem), int(number)))
    else:
        annotations = folder / "Annotations" / part
        if not partial:
            need_folder(annotations, _WANTED)
        entries = [(mat.stem, None) for mat in sorted(annotations.glob("*.mat"))]
    return [*found, (part, ".jpg", entries)]


def _stem(file: Path, word: str) -> str:
    if "/" in word or "\0" in word or word.startswith("."):
        raise VidclError(f"{file} names the picture {word!r}, which is no plain name.")
    return word


def _views(
    matlab: ModuleType, annotation: Path, image: str, name: str, number: int | None
) -> list[View]:
    """The object of this number, or all of the class that have a viewpoint."""
    objects = _objects(matlab, annotation)
    if number is None:
        numbers = [
            k
            for k, entry in enumerate(objects)
            if getattr(entry, "class", "") == name and _is_seen(entry)
        ]
    elif number < len(objects):
        numbers = [number]
    else:
        raise VidclError(f"{annotation} has {len(objects)} objects and no object {number}.")
    return [_view(annotation, image, name, k, objects[k]) for k in numbers]


def _is_seen(entry: Any) -> bool:
    """It has a coarse viewpoint; Matlab has empty fields where it has not."""
    viewpoint = getattr(entry, "viewpoint", None)
    return np.size(getattr(viewpoint, "azimuth_coarse", ())) == 1


def _objects(matlab: ModuleType, annotation: Path) -> list[Any]:
    try:
        record = matlab.loadmat(annotation, struct_as_record=False, squeeze_me=True)["record"]
        return list(np.atleast_1d(record.objects))
    # scipy reports damage with whatever its parser trips over.
    except Exception as error:
        raise VidclError(
            f"Cannot read the annotation {annotation} ({error}): unpack it again."
        ) from error


def _view(annotation: Path, image: str, name: str, number: int, entry: Any) -> View:
    try:
        box = np.asarray(entry.bbox, np.float64).reshape(4)
        viewpoint = entry.viewpoint
        angles = float(viewpoint.azimuth_coarse), float(viewpoint.elevation_coarse)
    except (AttributeError, TypeError, ValueError) as error:
        raise VidclError(
            f"Object {number} of {annotation} lacks a box or a coarse viewpoint: unpack it again."
        ) from error
    if not np.isfinite([*box, *angles]).all() or box[0] >= box[2] or box[1] >= box[3]:
        raise VidclError(
            f"Object {number} of {annotation} has an empty box or an angle that is no number: "
            f"unpack it again."
        )
    return View(image, number, name, box, *angles)
