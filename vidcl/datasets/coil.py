"""COIL-20 and COIL-100 (Nene, Nayar & Murase, 1996): objects on a turntable, every 5 degrees."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vidcl.datasets.labelled_set import LabelledSet, set_of_files, text_path
from vidcl.datasets.layout import check_each, check_whole, images_in, need_folder
from vidcl.datasets.npz_set import open_npz
from vidcl.errors import VidclError

#: Views of each object.
VIEWS = 72
#: Degrees between two views.
STEP = 5
_VIEW = re.compile(r"obj(?P<object>[1-9]\d*)__(?P<view>0|[1-9]\d*)\.png")


@dataclass(frozen=True)
class Coil:
    """One of the two sets.

    Attributes:
        kind: what a user writes.
        folder: what the archive unpacks to.
        objects: how many; they are numbered from 1.
        degrees: the number at the end of a picture's name, ``obj1__5.png``, counts this many
            degrees: COIL-20 numbers its views, COIL-100 names their angles.
    """

    kind: str
    folder: str
    objects: int
    degrees: int


COIL20 = Coil("coil20", "coil-20-proc", 20, STEP)
COIL100 = Coil("coil100", "coil-100", 100, 1)


def open_coil(path: str | Path, coil: Coil, *, partial: bool = False) -> LabelledSet:
    """COIL-20 or COIL-100 as published, or as one ``.npz`` file (see ``open_npz``).

    Args:
        path: the unpacked folder, the one it lies in, or the file.
        partial: accept what is there, however little.

    Returns:
        Labels ``instance`` and ``class`` (both the object's number as text), ``azimuth`` (degrees)
        and, of a folder, ``path``.

    Raises:
        VidclError: pictures are missing, or one is named unlike those of the set.
    """
    path = Path(path)
    data = open_npz(path) if path.suffix.lower() == ".npz" else _open_folder(path, coil)
    if not partial:
        objects, counts = np.unique(data.labels["instance"], return_counts=True)
        name = coil.kind.upper().replace("COIL", "COIL-")
        check_whole(len(objects), coil.objects, f"objects of {name}", path, coil.kind)
        named = [(f"Object {o}", int(n)) for o, n in zip(objects, counts, strict=True)]
        check_each(named, VIEWS, "views", path, coil.kind)
    return data


def _open_folder(path: Path, coil: Coil) -> LabelledSet:
    wanted = f"put the pictures of {coil.folder} there, as obj1__0.png"
    folder = need_folder(path, wanted)
    if (folder / coil.folder).is_dir():
        folder = folder / coil.folder
    rows: list[tuple[int, int, str]] = []
    for file in images_in(folder):
        match = _VIEW.fullmatch(file.name)
        angle = int(match["view"]) * coil.degrees if match else -1
        if match is None or int(match["object"]) > coil.objects or angle % STEP or angle >= 360:
            raise VidclError(f"{file} is not named like a picture of {coil.folder}: take it away.")
        rows.append((int(match["object"]), angle, text_path(file, folder)))
    if not rows:
        raise VidclError(f"{folder} holds no picture: {wanted}.")
    objects, angles, paths = zip(*sorted(rows), strict=True)
    names = np.asarray([str(number) for number in objects], dtype=str)
    labels = {
        "path": np.asarray(paths, dtype=str),
        "instance": names,
        "class": names,
        "azimuth": np.asarray(angles, dtype=np.float64),
    }
    return set_of_files(coil.kind, folder, labels)
