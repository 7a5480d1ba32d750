"""Data sets by what a user writes: a path, ``KIND:PATH`` or ``NAME:PATH``."""

import difflib
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from vidcl.datasets import aloi, coil, pascal3d
from vidcl.datasets.csv_set import open_csv
from vidcl.datasets.eth80 import open_eth80
from vidcl.datasets.folders import open_folder, open_instances
from vidcl.datasets.got10k import open_got10k
from vidcl.datasets.imagenet import open_imagenet, open_imagenet100
from vidcl.datasets.labelled import LabelledSet, open_labelled_set
from vidcl.datasets.npz_set import open_npz
from vidcl.datasets.voc07 import open_voc07
from vidcl.errors import VidclError


class Kind(NamedTuple):
    """A layout that can be read.

    Attributes:
        description: one line.
        open: ``open(path)`` gives the set; of a published set it must be whole.
        open_part: the same of what is there of a published set; None where there is no such thing.
    """

    description: str
    open: Callable[[str | Path], LabelledSet]
    open_part: Callable[[str | Path], LabelledSet] | None = None


def _published(description: str, opener: Callable[..., LabelledSet], *choice: object) -> Kind:
    """A published set: ``opener(path, *choice)``, and with ``partial`` a part of it."""
    return Kind(
        description,
        lambda path: opener(path, *choice),
        lambda path: opener(path, *choice, partial=True),
    )


#: Added to a kind: measure on what is there of a set, however little.
PART = "-part"
#: name -> what it is and how it is opened.
KINDS: dict[str, Kind] = {
    "folder": Kind("images at any depth; the first sub-folder is the class", open_folder),
    "instances": Kind("images as class/instance/view.png", open_instances),
    "csv": Kind("a CSV file with a column path, label columns, perhaps boxes", open_csv),
    "parquet": Kind("a labelled set in one Parquet file", open_labelled_set),
    "npz": Kind("views of objects in one file: images, object_id, angle_deg", open_npz),
    "eth80": _published("ETH-80: 80 objects of 8 classes, 41 views each", open_eth80),
    "coil20": _published("COIL-20: 20 objects, 72 views each", coil.open_coil, coil.COIL20),
    "coil100": _published("COIL-100: 100 objects, 72 views each", coil.open_coil, coil.COIL100),
    "aloi-viewpoint": _published(
        "ALOI: 1000 objects, 72 viewpoints", aloi.open_aloi, aloi.VIEWPOINT
    ),
    "aloi-illumination-direction": _published(
        "ALOI: 1000 objects, 24 directions of light", aloi.open_aloi, aloi.DIRECTION
    ),
    "aloi-illumination-colour": _published(
        "ALOI: 1000 objects, 12 colours of light", aloi.open_aloi, aloi.COLOUR
    ),
    "pascal3d-instance": _published(
        "PASCAL3D+: objects of a class seen alike", pascal3d.open_pascal3d, pascal3d.INSTANCE
    ),
    "pascal3d-viewpoint": _published(
        "PASCAL3D+: objects of a class, each from another side",
        pascal3d.open_pascal3d,
        pascal3d.VIEWPOINT,
    ),
    "got10k-occlusion": _published("GOT-10k train: objects more and less hidden", open_got10k),
    "imagenet": _published("ImageNet: 1000 classes, train and val", open_imagenet),
    "imagenet100": _published("100 classes of ImageNet, train and val", open_imagenet100),
    "voc07": _published("PASCAL VOC 2007 classification, trainval and test", open_voc07),
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def open_dataset(spec: str | Path) -> LabelledSet:
    """Open ``PATH`` or ``KIND:PATH``.

    A path is opened by what it is: a folder of images, a CSV or ``.npz`` file, or a labelled set;
    so is one that is there though it looks like ``KIND:PATH``. ``KIND`` is
    one of ``KINDS``; with ``-part`` after it (``eth80-part:DIR``) a published set need not be
    whole.

    Raises:
        VidclError: there is no such kind (the nearest is named) or no such set; or as its reader.
    """
    kind, path = _kind_and_path(spec)
    if kind is not None:
        return _opener(kind)(path)
    if Path(path).suffix.lower() == ".csv" and os.path.isfile(path):
        return open_csv(path)
    if Path(path).suffix.lower() == ".npz" and os.path.isfile(path):
        return open_npz(path)
    return open_labelled_set(path)


def named_dataset(spec: str) -> tuple[str, LabelledSet]:
    """Open ``NAME:PATH``, ``KIND:PATH`` or ``NAME=KIND:PATH`` and give the set that name.

    A ``NAME`` that is a kind chooses its reader too; any other only names what is opened by what
    it is.

    Raises:
        VidclError: the text has another form, the name is not made of letters, digits, ``.``,
            ``_`` and ``-``; or as ``open_dataset``.
    """
    name, colon, path = spec.partition(":")
    if not colon or not path:
        raise VidclError(f"Give a data set as NAME:PATH or NAME=KIND:PATH, not '{spec}'.")
    name, equals, kind = name.partition("=")
    if not _NAME.fullmatch(name):
        raise VidclError(
            f"Give the data set '{spec}' a plain name (letters, digits, '.', '_', '-'), "
            f"not '{name}'."
        )
    if equals:
        data = _opener(kind)(path)
    elif _is_kind(name):
        data = _opener(name)(path)
    else:
        data = open_dataset(Path(path))
    return name, replace(data, name=name)


def _kind_and_path(spec: str | Path) -> tuple[str | None, str | Path]:
    """A path that is there is a path, whatever its name looks like."""
    if isinstance(spec, Path) or os.path.exists(spec):
        return None, spec
    kind, colon, path = spec.partition(":")
    if not colon or not path or "/" in kind:
        return None, spec
    return kind, path


def _is_kind(name: str) -> bool:
    return name in KINDS or name.removesuffix(PART) in KINDS


def _opener(name: str) -> Callable[[str | Path], LabelledSet]:
    kind = KINDS.get(name.removesuffix(PART))
    if kind is None:
        near = difflib.get_close_matches(name.removesuffix(PART), KINDS, n=1, cutoff=0.0)[0]
        raise VidclError(
            f"There is no kind of data set '{name}' (did you mean '{near}'?): choose one of "
            f"{', '.join(KINDS)}."
        )
    if not name.endswith(PART):
        return kind.open
    if kind.open_part is None:
        raise VidclError(
            f"'{name}' is no kind of data set, since a {name.removesuffix(PART)} is as whole as it "
            f"is: leave '{PART}' out."
        )
    return kind.open_part
